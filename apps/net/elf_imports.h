// What a program asks of other libraries, by the table in its file (ELF, 64 bits, little-endian): the names that are
// not defined in it.
#pragma once

#include <set>
#include <string>

#include "base/file.h"

namespace freehold {

Result<std::set<std::string>> elf_imports(const Path& program);

}  // namespace freehold
