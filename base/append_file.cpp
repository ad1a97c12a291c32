#include "base/append_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace freehold {
namespace {

Failure failed(const std::string& name, const char* what) {
  if (errno == ENOSPC || errno == EDQUOT) return out_of_resources("{}: no space left to write", printable(name));
  return io_error("{}: cannot be {}: {}", printable(name), what, std::strerror(errno));
}

}  // namespace

Result<AppendFile> AppendFile::open(const Path& path) {
  AppendFile file(::open(path.c_str(), O_CREAT | O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600),
                  path.filename().string());
  if (file.handle_ < 0) return failed(file.name_, "opened");
  struct stat s;
  if (::fstat(file.handle_, &s) != 0) return failed(file.name_, "examined");
  if (!S_ISREG(s.st_mode)) return unsupported("{}: expected a regular file", printable(file.name_));
  return file;
}

AppendFile::~AppendFile() {
  if (handle_ >= 0) ::close(handle_);
}

Result<Done> AppendFile::locked(const std::function<Result<Done>()>& work) {
  while (::flock(handle_, LOCK_EX) != 0)
    if (errno != EINTR) return failed(name_, "locked");
  const Result<Done> done = work();
  ::flock(handle_, LOCK_UN);
  return done;
}

Result<std::string> AppendFile::read(uint64_t offset, uint64_t most) const {
  std::string bytes(most, '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got =
        ::pread(handle_, bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(name_, "read");
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

Result<uint64_t> AppendFile::size() const {
  struct stat s;
  if (::fstat(handle_, &s) != 0) return failed(name_, "examined");
  return static_cast<uint64_t>(s.st_size);
}

Result<Done> AppendFile::append(std::string_view bytes) {
  TRY_ASSIGN(const uint64_t before, size());
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(handle_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const Failure failure = failed(name_, "written");
      TRY(cut(before));
      return failure;
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return Done{};
}

Result<Done> AppendFile::cut(uint64_t size) {
  while (::ftruncate(handle_, static_cast<off_t>(size)) != 0)
    if (errno != EINTR) return failed(name_, "cut");
  return Done{};
}

Result<Done> AppendFile::sync() {
  if (::fdatasync(handle_) != 0) return failed(name_, "synced");
  return Done{};
}

}  // namespace freehold
