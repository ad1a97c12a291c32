#include "apps/net/elf_imports.h"

#include <elf.h>

#include <cstring>

namespace freehold {
namespace {

// A structure at an offset, if the file holds it whole.
template <class T>
bool take(std::span<const std::byte> bytes, uint64_t offset, T& to) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&to, bytes.data() + offset, sizeof(T));
  return true;
}

}  // namespace

Result<std::set<std::string>> elf_imports(const Path& program) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(program));
  const auto bytes = file.bytes();
  const auto bad = [&] { return malformed("{}: expected a 64-bit ELF program with its tables", file.name()); };
  Elf64_Ehdr head;
  if (!take(bytes, 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
      head.e_shentsize != sizeof(Elf64_Shdr))
    return bad();
  std::set<std::string> names;
  for (unsigned i = 0; i < head.e_shnum; ++i) {
    Elf64_Shdr table, strings;
    if (!take(bytes, head.e_shoff + uint64_t{i} * sizeof table, table)) return bad();
    if (table.sh_type != SHT_DYNSYM) continue;
    if (!take(bytes, head.e_shoff + uint64_t{table.sh_link} * sizeof strings, strings) ||
        strings.sh_offset > bytes.size() || strings.sh_size > bytes.size() - strings.sh_offset ||
        table.sh_size > bytes.size())
      return bad();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + strings.sh_offset, strings.sh_size);
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      if (!take(bytes, table.sh_offset + at, symbol) || symbol.st_name >= text.size()) return bad();
      if (symbol.st_shndx != SHN_UNDEF) continue;
      const std::string_view rest = text.substr(symbol.st_name);
      if (const std::string_view name = rest.substr(0, rest.find('\0')); !name.empty()) names.emplace(name);
    }
  }
  if (names.empty()) return bad();
  return names;
}

}  // namespace freehold
