// A packed file (NAME.fhpack): the matrices of a model as they lie in memory, so that the next start is a mapping and
// two processes share the pages. The bytes are the same in every numeric mode and on every CPU. It stands beside the
// model's own files, which still hold everything else; whose files those were is its `source`, a
// Checkpoint::identity(). Little-endian:
//
//   magic "FHPACK01" | u32 layout version | u32 matrices n | u64 source | u64 header bytes | u64 file bytes
//   each matrix: string name | string format ("Q4_K") | u32 layout (0 as in the source, 1 R16K4) | u64 rows
//                u64 columns | u64 offset | u64 checksum
//   u64 checksum64 of all before
//   the matrices, each at the next multiple of 4096, the first at one of 2 MiB; zeros between them and at the end
//
// A string is u64 length and bytes. 4096 is what reading past the system's cache wants. Large pages want the address
// and the offset in the file to agree modulo 2 MiB, which one mapping does for all matrices at once, so none pays for
// padding to it. A matrix's checksum is that of tensor/pack.h: of its pieces, which can be read side by side.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/pool.h"
#include "tensor/pack.h"
#include "tensor/weight.h"

namespace freehold {

struct PackedMatrix {
  std::string name;
  Format format = Format::f32;
  Layout layout = Layout::source;
  int64_t rows = 0, cols = 0;
  uint64_t offset = 0, bytes = 0, checksum = 0;
};

struct PackedHeader {
  uint64_t source = 0;
  std::vector<PackedMatrix> matrices;  // in the order of the file
};
// Checked whole against the file: sizes, order, names, the checksum of the header.
Result<PackedHeader> read_packed_header(std::span<const std::byte> file, std::string_view name);

class PackedFile {
 public:
  static Result<PackedFile> open(const Path& path);
  const std::string& name() const { return file_.name(); }
  const Path& path() const { return path_; }
  uint64_t source() const { return header_.source; }
  const std::vector<PackedMatrix>& matrices() const { return header_.matrices; }
  // The matrix that `weight` is, told by name; refused when it is not there or another.
  Result<const PackedMatrix*> matrix_of(const Weight& weight) const;
  std::span<const std::byte> bytes(const PackedMatrix& m) const { return file_.bytes().subspan(m.offset, m.bytes); }
  // Compares the checksums of these matrices; that also brings them into memory, on all CPUs.
  Result<Done> verify(std::span<const PackedMatrix* const> matrices, const std::function<void(double)>& progress,
                      Pool&) const;

 private:
  bool intact() const { return file_.intact(); }
  Path path_;
  MappedFile file_;
  PackedHeader header_;
  std::vector<uint32_t> by_name_;
};

// The weight as it stands in the packed file: with those bytes, or without any.
void become_packed(Weight& weight, const PackedMatrix& matrix, const std::byte* bytes);

// Packs `weights` (in source order, as they lie in the checkpoint) into a new file at `path`, which others see when it
// is whole. progress: the fraction done; false cancels.
struct PackingOptions {
  uint64_t source = 0;
  std::function<bool(double)> progress;
  Let let_go;
};
Result<Done> write_packed_file(const Path& path, std::span<const Weight* const> weights, const PackingOptions&, Pool&);

}  // namespace freehold
