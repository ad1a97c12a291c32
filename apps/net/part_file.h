// PartFile: a download that is not finished. NAME.gguf.part holds the bytes so far, NAME.gguf.part.json says which
// source they are from and how many of its parts are whole, so that a later pull goes on from there. Nobody takes a
// .part for a model: only become(), after size and checksum, renames it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"

namespace freehold {

class PartFile {
 public:
  // For `target`, which will have exactly `bytes` bytes.
  static Result<PartFile> open(const Path& target, uint64_t bytes);
  PartFile(PartFile&&) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  // Keeps what the same source left; what another source left goes.
  Result<Done> begin(std::string_view source);
  bool is_of(std::string_view source) const { return source_ == source; }

  uint64_t size() const { return size_; }           // bytes so far
  uint64_t room() const { return bytes_ - size_; }  // bytes still to come
  size_t parts() const { return parts_; }           // whole parts so far; 0 for a source that is one stream

  Result<Done> append(std::span<const std::byte> more);  // refuses what is more than room()
  Result<Done> part_done();                              // what is there now is whole parts
  Result<Done> to_last_part();                           // forgets bytes after the last whole part
  Result<Done> start_over();

  Result<Done> become_target();  // fsync, rename, fsync of the folder; the object is done then

 private:
  PartFile(Path target, uint64_t bytes) : target_(std::move(target)), bytes_(bytes) {}
  Path part_path() const { return Path(target_) += ".part"; }
  Path state_path() const { return Path(target_) += ".part.json"; }
  void read_state();
  Result<Done> write_state() const;
  Result<Done> cut(uint64_t size);

  Path target_;
  uint64_t bytes_ = 0;
  int handle_ = -1;
  std::string source_;
  uint64_t size_ = 0, whole_ = 0;  // whole_: bytes in whole parts
  size_t parts_ = 0;
};

// 64 hex digits. `progress` gets the bytes hashed so far; stops with Fault::cancelled when `cancelled` turns true.
Result<std::string> sha256_of_file(const Path& path, const std::atomic<bool>& cancelled,
                                   const std::function<void(uint64_t)>& progress);

}  // namespace freehold
