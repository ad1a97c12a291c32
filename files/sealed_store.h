// SealedStore: pieces of bytes under names, kept in a folder of files that only the holder of its key can read
// (base/sealed_bytes.h), bounded in all their bytes together. A cache: what is not there, or is damaged, is simply
// missing. It knows nothing of what the bytes are.
//
// A piece is the file of its name in hexadecimal digits; the time of the file is that of its last use, and the pieces
// used longest ago go first. A thread of its own writes, so that put() waits for no disk; nothing is synced, as a file
// that a power cut damages does not open. A file that does not open is removed and counted, and the first is told of.
// When the disk is full, or refuses otherwise, that is told once and nothing more is written; what is there is read.
//
// One program at a time holds a folder.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/sealed_bytes.h"

namespace freehold {

struct SealedStoreCounts {
  uint64_t bytes = 0, files = 0, most_bytes = 0;  // now
  uint64_t written_bytes = 0, read_bytes = 0, evicted = 0, refused = 0;  // since the start
  bool writes = true;  // false: an error has ended writing
};

class SealedStore {
 public:
  using Name = std::array<unsigned char, 32>;

  // Makes folder and key (mode 0600) where they are missing. Refused when another program holds the folder (resources).
  // `say` hears of what is refused or fails, from any thread.
  static Result<std::unique_ptr<SealedStore>> open(const Path& folder, const Path& key, uint64_t most_bytes,
                                                   std::function<void(const Error&)> say);
  ~SealedStore();  // writes what was handed over

  // A name that tells nothing of `what` to those without the key.
  Name name_of(std::string_view what) const { return hmac_sha256(key_, what); }

  // Any thread may call these.
  bool has(const Name& name) const;
  std::optional<std::string> get(const Name& name);  // from the disk; absent: not there, or refused
  bool has_room() const;                             // false: much was handed over and is not yet written
  // Times of use that nobody else has: the first of `count` that follow each other.
  int64_t times(int count);
  // Hands a piece over; one that is there already only counts as used at this time. `bytes` is called when they are
  // needed, which must not call back.
  void put(const Name& name, int64_t used, const std::function<std::string()>& bytes);
  void wait_until_written();

  SealedStoreCounts counts() const;

 private:
  struct Piece {
    uint64_t bytes;
    int64_t used;  // nanoseconds since 1970; no two are equal
    bool written;
  };
  struct Task {
    Name name;
    std::optional<std::string> bytes;  // absent: note that it was used
  };
  SealedStore(const Path& folder, const SealKey& key, uint64_t most_bytes, FileLock lock,
              std::function<void(const Error&)> say)
      : folder_(folder), key_(key), most_bytes_(most_bytes), lock_(std::move(lock)), say_(std::move(say)) {}
  Result<Done> take_inventory();
  Path path_of(const Name& name) const;
  void write_all();
  void write(const Task& task);
  void forget(const Name& name);  // with mutex_ held

  const Path folder_;
  const SealKey key_;
  const uint64_t most_bytes_;
  const FileLock lock_;
  const std::function<void(const Error&)> say_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable work_, done_;
  std::map<Name, Piece> pieces_;
  std::map<int64_t, Name> by_use_;
  std::deque<Task> tasks_;
  uint64_t waiting_bytes_ = 0;
  int64_t last_use_ = 0;
  bool busy_ = false, ending_ = false;
  SealedStoreCounts counts_;
  std::thread thread_;  // last: it uses all of the others
};

}  // namespace freehold
