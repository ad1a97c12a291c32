#include "base/direct_file.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace freehold {

Result<DirectFile> DirectFile::open(const Path& path) {
  DirectFile file;
  file.name_ = path.filename().native();
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  file.file_ = Handle(repeat_interrupted([&] { return ::open(path.c_str(), flags | O_DIRECT); }));
  file.direct_ = file.file_.get() >= 0;
  if (!file.direct_) file.file_ = Handle(repeat_interrupted([&] { return ::open(path.c_str(), flags); }));
  if (file.file_.get() < 0) return io_error("{}: cannot be opened: {}", printable(file.name_), system_reason());
  struct stat s;
  if (::fstat(file.file_.get(), &s) != 0 || !S_ISREG(s.st_mode))
    return unsupported("{}: expected a regular file", printable(file.name_));
  return file;
}

Result<Done> DirectFile::read(uint64_t offset, std::span<std::byte> to) const {
  const uint64_t first = offset, size = to.size();
  while (!to.empty()) {
    const ssize_t got =
        repeat_interrupted([&] { return ::pread(file_.get(), to.data(), to.size(), static_cast<off_t>(offset)); });
    if (got < 0) return io_error("{}: cannot be read: {}", printable(name_), system_reason());
    if (got == 0) return io_error("{}: ends at {}; {} more bytes were expected", printable(name_), offset, to.size());
    to = to.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  if (!direct_) ::posix_fadvise(file_.get(), static_cast<off_t>(first), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
  return Done{};
}

}  // namespace freehold
