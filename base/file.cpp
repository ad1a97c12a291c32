// base/file.h over POSIX calls. Every call that can be interrupted is repeated; every short write is continued; an
// fsync that failed is final.
#include "base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/handle.h"
#include "base/mapping_guard.h"

namespace freehold {
namespace {

// O_NONBLOCK: opening a pipe must not wait for its other end; it is refused a moment later.
constexpr int read_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

int64_t mtime_ns(const struct stat& s) { return int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec; }

Result<struct stat> stat_regular(int handle, std::string_view name) {
  struct stat s;
  if (::fstat(handle, &s) != 0) return io_error("{}: cannot be examined: {}", printable(name), system_reason());
  if (!S_ISREG(s.st_mode))
    return unsupported("{}: is {}; expected a regular file", printable(name),
                       S_ISDIR(s.st_mode) ? "a folder" : "a pipe, socket or device");
  return s;
}

// Opens `name` beneath `folder` without following links. `allow` may drop restrictions of openat2; the fallback for
// kernels and sandboxes without it gives the same for a single component.
int open_beneath(int folder, const char* name, uint64_t resolve) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(read_flags);
  how.resolve = resolve;
  const int handle =
      repeat_interrupted([&] { return static_cast<int>(::syscall(SYS_openat2, folder, name, &how, sizeof how)); });
  if (handle >= 0 || (errno != ENOSYS && errno != EPERM)) return handle;
  return repeat_interrupted([&] { return ::openat(folder, name, read_flags | O_NOFOLLOW); });
}

// The target of a link of the form "../../blobs/NAME" in `folder`, which is `depth` below the snapshot; else "".
std::string model_cache_target(int folder, const std::string& name, int depth) {
  std::string prefix = "../../blobs/";
  for (int i = 0; i < depth; ++i) prefix.insert(0, "../");
  char target[512];
  const ssize_t length = ::readlinkat(folder, name.c_str(), target, sizeof target);
  if (length <= 0 || static_cast<size_t>(length) == sizeof target) return {};
  const std::string_view text(target, static_cast<size_t>(length));
  if (!text.starts_with(prefix) || !is_plain_name(text.substr(prefix.size()))) return {};
  return std::string(text);
}

// Closed with the last copy.
std::shared_ptr<const int> shared(int handle) {
  return std::shared_ptr<const int>(new int(handle), [](const int* h) {
    ::close(*h);
    delete h;
  });
}

Result<std::string> read_whole(int handle, std::string_view name, uint64_t most_bytes) {
  TRY_ASSIGN(const struct stat s, stat_regular(handle, name));
  const auto size = static_cast<uint64_t>(s.st_size);
  if (size > most_bytes)
    return out_of_resources("{}: has {} bytes; at most {} are allowed", printable(name), size, most_bytes);
  std::string text(static_cast<size_t>(size), '\0');
  size_t filled = 0;
  while (true) {  // the file may have changed since fstat: read to its end, or to its first `size` bytes
    const ssize_t got = repeat_interrupted([&] { return ::read(handle, text.data() + filled, text.size() - filled); });
    if (got < 0) return io_error("{}: cannot be read: {}", printable(name), system_reason());
    filled += static_cast<size_t>(got);
    if (got == 0 || filled == text.size()) break;
  }
  text.resize(filled);
  return text;
}

Result<Done> write_whole(int handle, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t wrote = repeat_interrupted([&] { return ::write(handle, bytes.data(), bytes.size()); });
    if (wrote < 0) {
      if (errno == ENOSPC || errno == EDQUOT)
        return out_of_resources("{}: no space left for {} more bytes", printable(name), bytes.size());
      return io_error("{}: cannot be written: {}", printable(name), system_reason());
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return Done{};
}

}  // namespace

Result<MappedFile> MappedFile::of_handle(int raw_handle, std::string name) {
  Handle handle(raw_handle);
  TRY_ASSIGN(const struct stat s, stat_regular(handle.get(), name));
  MappedFile file;
  file.mtime_ns_ = mtime_ns(s);
  file.name_ = std::move(name);
  const auto size = static_cast<size_t>(s.st_size);
  if (size > 0) {  // an empty file cannot be mapped and needs no mapping
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, handle.get(), 0);
    if (start == MAP_FAILED) {
      if (errno == ENOMEM) return out_of_resources("{}: {} bytes cannot be mapped", printable(file.name_), size);
      return io_error("{}: cannot be mapped: {}", printable(file.name_), system_reason());
    }
    file.bytes_ = {static_cast<const std::byte*>(start), size};
    file.guard_ = guard_mapping(start, size);
  }
  file.handle_ = handle.release();
  return file;
}

Result<MappedFile> MappedFile::open(const Path& path) {
  const int handle = repeat_interrupted([&] { return ::open(path.c_str(), read_flags); });
  if (handle < 0) return io_error("{}: cannot be opened: {}", printable(path.native(), 200), system_reason());
  return of_handle(handle, path.filename().native());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : handle_(std::exchange(other.handle_, -1)),
      guard_(std::exchange(other.guard_, -1)),
      mtime_ns_(other.mtime_ns_),
      bytes_(std::exchange(other.bytes_, {})),
      name_(std::move(other.name_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(guard_, other.guard_);
  std::swap(mtime_ns_, other.mtime_ns_);
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  return *this;
}

MappedFile::~MappedFile() {
  release_mapping(guard_);
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (handle_ >= 0) ::close(handle_);
}

bool MappedFile::intact() const {
  struct stat s;
  return handle_ >= 0 && ::fstat(handle_, &s) == 0 && static_cast<uint64_t>(s.st_size) == bytes_.size() &&
         mtime_ns(s) == mtime_ns_ && !mapping_is_broken(guard_);
}

void MappedFile::drop(std::span<const std::byte> part) const {
  if (part.empty() || part.data() < bytes_.data() || part.data() + part.size() > bytes_.data() + bytes_.size()) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(part.data() - bytes_.data());
  const size_t first = (offset + page - 1) / page * page, end = (offset + part.size()) / page * page;
  if (first < end) ::madvise(const_cast<std::byte*>(bytes_.data()) + first, end - first, MADV_DONTNEED);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of("/\\:") == std::string_view::npos && is_clean_utf8(name);
}

Result<Folder> Folder::open(const Path& path, Links links) {
  const int handle = repeat_interrupted([&] { return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); });
  if (handle < 0)
    return io_error("{}: cannot be opened as a folder: {}", printable(path.native(), 200), system_reason());
  Folder folder;
  folder.path_ = path;
  folder.links_ = links;
  folder.handle_ = shared(handle);
  return folder;
}

Result<Folder> Folder::folder(std::string_view name) const {
  if (!is_plain_name(name))
    return malformed("'{}': not a plain folder name; expected one path component", printable(name));
  const std::string file(name);
  // O_NOFOLLOW with a single component that is no "..": nothing leads out.
  const int handle = repeat_interrupted(
      [&] { return ::openat(*handle_, file.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
  if (handle < 0) return io_error("{}: cannot be opened as a folder: {}", file, system_reason());
  Folder folder;
  folder.path_ = path_ / file;
  folder.links_ = links_;
  folder.depth_ = depth_ + 1;
  folder.handle_ = shared(handle);
  return folder;
}

Result<int> Folder::open_file(std::string_view name) const {
  if (!is_plain_name(name))
    return malformed("'{}': not a plain file name; expected one path component", printable(name));
  const std::string file(name);
  int handle = open_beneath(*handle_, file.c_str(), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (handle < 0 && errno == ELOOP) {
    const std::string target = links_ == Links::model_cache ? model_cache_target(*handle_, file, depth_) : "";
    if (target.empty())
      return unsupported("{}: is a symbolic link; links are refused unless a model cache's were allowed", file);
    handle = open_beneath(*handle_, target.c_str(), RESOLVE_NO_SYMLINKS);
  }
  if (handle < 0) return io_error("{}: cannot be opened: {}", file, system_reason());
  return handle;
}

Result<MappedFile> Folder::map(std::string_view name) const {
  TRY_ASSIGN(const int handle, open_file(name));
  return MappedFile::of_handle(handle, std::string(name));
}

Result<std::string> Folder::read(std::string_view name, uint64_t most_bytes) const {
  TRY_ASSIGN(const int opened, open_file(name));
  const Handle handle(opened);
  return read_whole(handle.get(), name, most_bytes);
}

bool Folder::has(std::string_view name) const {
  const auto opened = open_file(name);
  if (!opened) return false;
  const Handle handle(*opened);
  return stat_regular(handle.get(), name).has_value();
}

Result<std::string> read_file(const Path& path, uint64_t most_bytes) {
  const Handle handle(repeat_interrupted([&] { return ::open(path.c_str(), read_flags); }));
  if (handle.get() < 0) return io_error("{}: cannot be opened: {}", printable(path.native(), 200), system_reason());
  return read_whole(handle.get(), path.filename().native(), most_bytes);
}

Result<Done> replace_file(const Path& path, std::string_view bytes, unsigned mode, Durable durable) {
  const std::string name = path.filename().native();
  if (name.empty()) return usage_error("{}: names no file", printable(path.native(), 200));
  const Path parent = path.has_parent_path() ? path.parent_path() : Path(".");
  const Handle folder(repeat_interrupted([&] { return ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (folder.get() < 0)
    return io_error("{}: cannot be opened as a folder: {}", printable(parent.native(), 200), system_reason());

  const std::string temporary = name + ".tmp." + std::to_string(::gettid());  // unique among threads and processes
  const auto create = [&] {
    return repeat_interrupted([&] {
      return ::openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    });
  };
  int created = create();
  if (created < 0 && errno == EEXIST) {  // left by a killed process that had the same id
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    created = create();
  }
  Handle file(created);
  if (file.get() < 0) return io_error("{}: cannot be created: {}", printable(temporary), system_reason());
  const auto give_up = [&](Error error) -> Failure {
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    return Failure(std::move(error));
  };
  if (auto written = write_whole(file.get(), bytes, name); !written) return give_up(std::move(written.error()));
  if (durable == Durable::yes && ::fsync(file.get()) != 0)
    return give_up({Fault::io, fmt::format("{}: cannot be synced: {}", printable(name), system_reason())});
  if (::close(file.release()) != 0)
    return give_up({Fault::io, fmt::format("{}: cannot be closed: {}", printable(name), system_reason())});
  if (::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
    return give_up({Fault::io, fmt::format("{}: cannot be replaced: {}", printable(name), system_reason())});
  if (durable == Durable::yes && ::fsync(folder.get()) != 0)
    return io_error("{}: its folder cannot be synced: {}", printable(name), system_reason());
  return Done{};
}

Result<Done> set_mtime(const Path& path, int64_t nanoseconds) {
  const struct timespec time = {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
  const struct timespec times[] = {time, time};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return io_error("{}: its time cannot be set: {}", printable(path.filename().native()), system_reason());
  return Done{};
}

}  // namespace freehold
