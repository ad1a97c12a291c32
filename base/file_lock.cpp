#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace freehold {

Result<FileLock> FileLock::open(const Path& path) {
  FileLock lock(::open(path.c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (lock.handle_ < 0)
    return io_error("{}: cannot be opened: {}", printable(path.filename().string()), std::strerror(errno));
  return lock;
}

Result<FileLock> FileLock::wait(const Path& path) {
  TRY_ASSIGN(FileLock lock, open(path));
  while (::flock(lock.handle_, LOCK_EX) != 0)
    if (errno != EINTR)
      return io_error("{}: cannot be locked: {}", printable(path.filename().string()), std::strerror(errno));
  return lock;
}

Result<std::optional<FileLock>> FileLock::attempt(const Path& path) {
  TRY_ASSIGN(FileLock lock, open(path));
  if (::flock(lock.handle_, LOCK_EX | LOCK_NB) == 0) return std::optional<FileLock>(std::move(lock));
  if (errno == EWOULDBLOCK) return std::optional<FileLock>();
  return io_error("{}: cannot be locked: {}", printable(path.filename().string()), std::strerror(errno));
}

FileLock::~FileLock() {
  if (handle_ >= 0) ::close(handle_);
}

}  // namespace freehold
