// Files: opening, mapping, reading whole, replacing safely. Names that come from inside a file are opened beneath a
// folder handle only (docs: robustness). No other code opens files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold {

using Path = std::filesystem::path;

// A regular file mapped read-only. Movable; the mapping lives as long as the object. A file that shrinks under the
// mapping makes reads fail (base/mapping_guard.h): `intact()` compares size and mtime of the open handle with those at
// opening, and asks the guard.
class MappedFile {
 public:
  MappedFile() = default;                            // no file, no bytes
  static Result<MappedFile> open(const Path& path);  // refuses folders, pipes, devices; never blocks
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& name() const { return name_; }  // the file name, for errors
  bool intact() const;
  // Tells the kernel that these pages will not be read again soon.
  void drop(std::span<const std::byte> part) const;

 private:
  friend class Folder;
  static Result<MappedFile> of_handle(int handle, std::string name);
  int handle_ = -1;
  int guard_ = -1;  // its place in the mapping guard
  int64_t mtime_ns_ = 0;
  std::span<const std::byte> bytes_;
  std::string name_;
};

// Whether a name inside a folder may be a symbolic link. `model_cache` allows exactly the form of Hugging Face's
// cache, "../../blobs/NAME", with one more ".." for each folder below; links to anywhere else stay refused.
enum class Links : uint8_t { refuse, model_cache };

// One component of a path, fit to be opened beneath a folder: no '/', '\\', ':', "..", NUL or other control bytes,
// valid UTF-8, at most 255 bytes.
bool is_plain_name(std::string_view name);

// A folder opened once; files inside are reached by plain names only, so that nothing leads out of it.
class Folder {
 public:
  static Result<Folder> open(const Path& path, Links links = Links::refuse);
  Result<MappedFile> map(std::string_view name) const;  // name: is_plain_name
  // Reads a whole file; more than `most_bytes` is Fault::resources.
  Result<std::string> read(std::string_view name, uint64_t most_bytes) const;
  bool has(std::string_view name) const;  // as a regular file that map() would open
  Result<Folder> folder(std::string_view name) const;  // one inside it, no link
  const Path& path() const { return path_; }

 private:
  Folder() = default;
  Result<int> open_file(std::string_view name) const;
  Path path_;
  Links links_ = Links::refuse;
  int depth_ = 0;  // below the folder that open() was given
  std::shared_ptr<const int> handle_;  // closed with the last copy
};

// Reads a whole regular file; more than `most_bytes` is Fault::resources.
Result<std::string> read_file(const Path& path, uint64_t most_bytes);
// What a power cut may do to a file: nothing; or lose it or leave it damaged, where whoever reads it finds that out.
enum class Durable : uint8_t { yes, no };
// Writes a temporary file beside `path`, syncs, renames, syncs the folder. The old file or the new one, never a
// mixture; without `Durable::yes` it is not synced.
Result<Done> replace_file(const Path& path, std::string_view bytes, unsigned mode = 0644,
                          Durable durable = Durable::yes);
Result<Done> set_mtime(const Path& path, int64_t nanoseconds);  // since 1970

}  // namespace freehold
