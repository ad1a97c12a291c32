// FileLock: one program at a time. Held on a file of its own, which is made where it is missing and stays; the system
// gives the lock back when a program ends, however it ends.
#pragma once

#include <optional>
#include <utility>

#include "base/file.h"

namespace freehold {

class FileLock {
 public:
  static Result<FileLock> wait(const Path& path);  // until it is ours
  static Result<std::optional<FileLock>> attempt(const Path& path);  // nothing: another has it
  FileLock(FileLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int handle) : handle_(handle) {}
  static Result<FileLock> open(const Path& path);
  int handle_;
};

}  // namespace freehold
