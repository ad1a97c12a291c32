// SHA-256 of a file, with a progress line; Ctrl-C stops it.
#pragma once

#include <string>

#include "base/file.h"

namespace freehold {

Result<std::string> sha256_of_file(const Path& path);  // 64 hex digits

}  // namespace freehold
