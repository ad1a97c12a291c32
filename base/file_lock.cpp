#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace freehold {

Result<FileLock> FileLock::wait(const Path& path) {
  FileLock lock(::open(path.c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  const std::string name = path.filename().string();
  if (lock.handle_ < 0) return io_error("{}: cannot be opened: {}", printable(name), std::strerror(errno));
  while (::flock(lock.handle_, LOCK_EX) != 0)
    if (errno != EINTR) return io_error("{}: cannot be locked: {}", printable(name), std::strerror(errno));
  return lock;
}

FileLock::~FileLock() {
  if (handle_ >= 0) ::close(handle_);
}

}  // namespace freehold
