#include "base/new_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdio>

namespace freehold {
namespace {

// A limit of the process (ulimit -f) and of the file system (EFBIG) are room that is not there, too.
bool is_full() { return errno == ENOSPC || errno == EDQUOT || errno == EFBIG; }

// The temporary file, locked by us and still under its name.
Result<Handle> lock_temporary(int folder, const std::string& temporary) {
  for (;;) {
    Handle file(repeat_interrupted([&] {
      return ::openat(folder, temporary.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    }));
    if (file.get() < 0) return io_error("{}: cannot be created: {}", printable(temporary), system_reason());
    if (repeat_interrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0)
      return io_error("{}: another process is writing it", printable(temporary));
    struct stat ours, named;
    if (::fstat(file.get(), &ours) != 0 || !S_ISREG(ours.st_mode))
      return io_error("{}: is no regular file", printable(temporary));
    // Its last writer may have put it in its place between our two calls.
    if (::fstatat(folder, temporary.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == ours.st_ino)
      return file;
  }
}

}  // namespace

Result<NewFile> NewFile::create(const Path& path, uint64_t bytes) {
  NewFile made;
  made.name_ = path.filename().native();
  if (made.name_.empty()) return usage_error("{}: names no file", printable(path.native(), 200));
  const Path parent = path.has_parent_path() ? path.parent_path() : Path(".");
  made.folder_ = Handle(repeat_interrupted([&] { return ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (made.folder_.get() < 0)
    return io_error("{}: cannot be opened as a folder: {}", printable(parent.native(), 200), system_reason());
  const std::string temporary = made.name_ + ".tmp";
  TRY_ASSIGN(made.file_, lock_temporary(made.folder_.get(), temporary));
  made.temporary_ = temporary;  // from here on ours to remove
  if (::ftruncate(made.file_.get(), 0) != 0)
    return io_error("{}: cannot be emptied: {}", printable(temporary), system_reason());

  struct statvfs disk;
  if (::fstatvfs(made.file_.get(), &disk) == 0) {
    const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free < bytes) return out_of_resources("{}: needs {} bytes, {} are free there", made.name_, bytes, free);
  }
  const auto size = static_cast<off_t>(bytes);
  if (bytes > 0 && ::fallocate(made.file_.get(), 0, 0, size) != 0 &&
      (is_full() || ::ftruncate(made.file_.get(), size) != 0)) {
    if (is_full()) return out_of_resources("{}: no room for its {} bytes: {}", made.name_, bytes, system_reason());
    return io_error("{}: cannot be given {} bytes: {}", made.name_, bytes, system_reason());
  }
  return made;
}

NewFile::~NewFile() {
  if (!temporary_.empty() && folder_.get() >= 0) ::unlinkat(folder_.get(), temporary_.c_str(), 0);
}

Result<Done> NewFile::write(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = repeat_interrupted(
        [&] { return ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (wrote < 0) {
      if (is_full()) return out_of_resources("{}: no space left for {} more bytes", name_, bytes.size());
      return io_error("{}: cannot be written: {}", name_, system_reason());
    }
    bytes = bytes.subspan(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return Done{};
}

Result<Done> NewFile::commit() {
  if (::fsync(file_.get()) != 0) return io_error("{}: cannot be synced: {}", name_, system_reason());
  if (::renameat(folder_.get(), temporary_.c_str(), folder_.get(), name_.c_str()) != 0)
    return io_error("{}: cannot be replaced: {}", name_, system_reason());
  temporary_.clear();
  if (::fsync(folder_.get()) != 0) return io_error("{}: its folder cannot be synced: {}", name_, system_reason());
  return Done{};
}

}  // namespace freehold
