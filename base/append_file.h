// AppendFile: a file of lines that only grows, shared among programs. Each holds the lock while it looks at the end and
// writes behind it.
#pragma once

#include <functional>
#include <utility>

#include "base/file.h"

namespace freehold {

class AppendFile {
 public:
  static Result<AppendFile> open(const Path& path);  // made with mode 0600 where it is missing
  AppendFile(AppendFile&& other) noexcept : handle_(std::exchange(other.handle_, -1)), name_(std::move(other.name_)) {}
  AppendFile& operator=(AppendFile&&) = delete;
  ~AppendFile();

  const std::string& name() const { return name_; }
  Result<Done> locked(const std::function<Result<Done>()>& work);
  // Bytes from `offset` to the end, `most` of them.
  Result<std::string> read(uint64_t offset, uint64_t most) const;
  Result<uint64_t> size() const;
  // All of the bytes, or none: after an error the file is as long as it was.
  Result<Done> append(std::string_view bytes);
  Result<Done> cut(uint64_t size);
  Result<Done> sync();  // an error is final: what the disk holds is not known then

 private:
  AppendFile(int handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  int handle_;
  std::string name_;
};

}  // namespace freehold
