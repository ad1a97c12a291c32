// NewFile: a large file, written piece by piece beside its place and put there at the end. Until commit() others see
// the old file, or none. The pieces go into NAME.tmp: one that is given up is removed, one whose writer was killed is
// taken over by the next. One writer at a time, by a lock on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/file.h"
#include "base/handle.h"

namespace freehold {

class NewFile {
 public:
  // A file of `bytes` zeros to be written over. Refused when the disk has no room for it.
  static Result<NewFile> create(const Path& path, uint64_t bytes);
  NewFile(NewFile&&) = default;
  ~NewFile();  // gives up what was not committed

  Result<Done> write(uint64_t offset, std::span<const std::byte> bytes);
  Result<Done> commit();  // syncs, renames, syncs the folder; a sync that failed is final

 private:
  NewFile() = default;
  std::string name_, temporary_;
  Handle folder_, file_;
};

}  // namespace freehold
