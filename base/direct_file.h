// DirectFile: reading past the system's cache (O_DIRECT), so that what is read once takes no memory beside where it is
// read to. A file system that does not do that reads as usual, and the pages are dropped behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/file.h"
#include "base/handle.h"

namespace freehold {

class DirectFile {
 public:
  static constexpr uint64_t unit = 4096;  // offsets, sizes and addresses are multiples of it
  static Result<DirectFile> open(const Path& path);
  bool is_direct() const { return direct_; }
  // From any thread.
  Result<Done> read(uint64_t offset, std::span<std::byte> to) const;

 private:
  DirectFile() = default;
  Handle file_;
  std::string name_;
  bool direct_ = false;
};

}  // namespace freehold
