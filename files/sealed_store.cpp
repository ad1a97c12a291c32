#include "files/sealed_store.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "base/hex.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t most_waiting_bytes = 64ull << 20;  // handed over and not yet written

std::optional<SealedStore::Name> name_in(std::string_view digits) {
  SealedStore::Name name;
  if (digits.size() != 2 * name.size()) return std::nullopt;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = hex_number(digits.substr(2 * i, 2));
    if (!byte) return std::nullopt;
    name[i] = static_cast<unsigned char>(*byte);
  }
  return hex_of(name) == digits ? std::optional(name) : std::nullopt;
}

Result<SealKey> read_or_make_key(const Path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) {
    TRY_ASSIGN(SealKey made, random_seal_key());
    TRY(replace_file(path, std::string_view(reinterpret_cast<const char*>(made.data()), made.size()), 0600));
    return made;
  }
  SealKey key;
  TRY_ASSIGN(std::string bytes, read_file(path, 4096));
  if (bytes.size() != key.size())
    return malformed("{}: expected a key of {} bytes, found {}; remove it to begin with a new one",
                     printable(path.filename().native()), key.size(), bytes.size());
  std::memcpy(key.data(), bytes.data(), key.size());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

int64_t nanoseconds_of(fs::file_time_type time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::file_clock::to_sys(time).time_since_epoch())
      .count();
}

}  // namespace

Result<std::unique_ptr<SealedStore>> SealedStore::open(const Path& folder, const Path& key, uint64_t most_bytes,
                                                       std::function<void(const Error&)> say) {
  std::error_code error;
  const bool made = fs::create_directories(folder, error);
  if (error) return io_error("{}: cannot be made: {}", printable(folder.native(), 200), error.message());
  if (made) fs::permissions(folder, fs::perms::owner_all, error);
  TRY_ASSIGN(std::optional<FileLock> lock, FileLock::attempt(folder / "lock"));
  if (!lock) return out_of_resources("{}: another program uses this folder", printable(folder.native(), 200));
  TRY_ASSIGN(const SealKey bytes, read_or_make_key(key));
  std::unique_ptr<SealedStore> store(new SealedStore(folder, bytes, most_bytes, std::move(*lock), std::move(say)));
  TRY(store->take_inventory());
  store->thread_ = std::thread([raw = store.get()] { raw->write_all(); });
  return store;
}

SealedStore::~SealedStore() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// What a writer that was killed has left half written is removed; files with other names are left alone.
Result<Done> SealedStore::take_inventory() {
  std::error_code error;
  fs::directory_iterator files(folder_, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    const std::string text = files->path().filename().native();
    std::error_code gone;
    if (!fs::is_regular_file(files->symlink_status(gone))) continue;
    if (text.find(".tmp.") == 64 && name_in(std::string_view(text).substr(0, 64))) fs::remove(files->path(), gone);
    const std::optional<Name> name = name_in(text);
    if (!name) continue;
    const uint64_t bytes = files->file_size(gone);
    const fs::file_time_type time = files->last_write_time(gone);
    if (gone) continue;
    int64_t used = nanoseconds_of(time);
    while (by_use_.contains(used)) ++used;
    pieces_[*name] = {bytes, used, true};
    by_use_[used] = *name;
    counts_.bytes += bytes;
    last_use_ = std::max(last_use_, used);
  }
  if (error) return io_error("{}: cannot be listed: {}", printable(folder_.native(), 200), error.message());
  while (counts_.bytes > most_bytes_) forget(Name(by_use_.begin()->second));  // there may be less room than there was
  return Done{};
}

Path SealedStore::path_of(const Name& name) const { return folder_ / hex_of(name); }

int64_t SealedStore::times(int count) {
  const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const std::lock_guard lock(mutex_);
  const int64_t first = std::max(now, last_use_ + 1);
  last_use_ = first + count - 1;
  return first;
}

void SealedStore::forget(const Name& name) {
  const auto piece = pieces_.find(name);
  if (piece == pieces_.end()) return;
  std::error_code error;
  if (piece->second.written) fs::remove(path_of(name), error);
  counts_.bytes -= piece->second.bytes;
  by_use_.erase(piece->second.used);
  pieces_.erase(piece);
}

bool SealedStore::has(const Name& name) const {
  const std::lock_guard lock(mutex_);
  const auto piece = pieces_.find(name);
  return piece != pieces_.end() && piece->second.written;
}

std::optional<std::string> SealedStore::get(const Name& name) {
  if (!has(name)) return std::nullopt;
  const std::string digits = hex_of(name);
  Result<std::string> sealed = read_file(path_of(name), most_bytes_);
  Result<std::string> bytes = sealed ? open_sealed(key_, digits, *sealed) : std::move(sealed);
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (bytes) {
      counts_.read_bytes += bytes->size() + sealed_overhead;
      return std::move(*bytes);
    }
    if (!pieces_.contains(name)) return std::nullopt;  // made room for another meanwhile
    forget(name);
    first = ++counts_.refused == 1;
  }
  if (first && say_) say_(bytes.error());
  return std::nullopt;
}

bool SealedStore::has_room() const {
  const std::lock_guard lock(mutex_);
  return waiting_bytes_ < most_waiting_bytes;
}

void SealedStore::put(const Name& name, int64_t used, const std::function<std::string()>& bytes) {
  Task task{.name = name, .bytes = {}};
  {
    const std::lock_guard lock(mutex_);
    if (!counts_.writes) return;
    const auto piece = pieces_.find(name);
    if (piece == pieces_.end()) {
      task.bytes = bytes();
      const uint64_t size = task.bytes->size() + sealed_overhead;
      if (size > most_bytes_) return;
      pieces_[name] = {size, used, false};
      by_use_[used] = name;
      counts_.bytes += size;
      waiting_bytes_ += size;
    } else {
      by_use_.erase(piece->second.used);
      piece->second.used = used;
      by_use_[used] = name;
      if (!piece->second.written) return;  // its turn to be written comes
    }
    tasks_.push_back(std::move(task));
  }
  work_.notify_one();
}

void SealedStore::wait_until_written() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return tasks_.empty() && !busy_; });
}

void SealedStore::write_all() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    busy_ = true;
    for (; counts_.bytes > most_bytes_; ++counts_.evicted) forget(Name(by_use_.begin()->second));
    lock.unlock();
    write(task);
    lock.lock();
    busy_ = false;
    if (task.bytes) waiting_bytes_ -= task.bytes->size() + sealed_overhead;
    if (tasks_.empty()) done_.notify_all();
  }
}

void SealedStore::write(const Task& task) {
  int64_t used;
  bool fresh;
  {
    const std::lock_guard lock(mutex_);
    const auto piece = pieces_.find(task.name);
    if (piece == pieces_.end()) return;  // it went to make room
    used = piece->second.used;
    fresh = task.bytes && !piece->second.written;
    if (!counts_.writes) {
      if (fresh) forget(task.name);
      return;
    }
  }
  const std::string digits = hex_of(task.name);
  Result<Done> written = Done{};
  if (fresh) {
    const Result<std::string> sealed = seal_bytes(key_, digits, *task.bytes);
    written = sealed ? replace_file(path_of(task.name), *sealed, 0600, Durable::no) : Failure(sealed.error());
  }
  if (written) (void)set_mtime(path_of(task.name), used);  // without it only the order is another
  if (!fresh) return;
  {
    const std::lock_guard lock(mutex_);
    if (written) {
      counts_.written_bytes += task.bytes->size() + sealed_overhead;
      Piece& piece = pieces_.at(task.name);  // pieces that are not written go by this thread only
      piece.written = true;
      if (piece.used != used) tasks_.push_back({task.name, {}});  // again meanwhile
      return;
    }
    forget(task.name);
    counts_.writes = false;
  }
  if (say_) say_(written.error());
}

SealedStoreCounts SealedStore::counts() const {
  const std::lock_guard lock(mutex_);
  SealedStoreCounts counts = counts_;
  counts.files = pieces_.size();
  counts.most_bytes = most_bytes_;
  return counts;
}

}  // namespace freehold
