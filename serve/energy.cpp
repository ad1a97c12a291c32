#include "serve/energy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace freehold {
namespace {

constexpr auto between_looks = std::chrono::milliseconds(50);  // a look costs some calls of the system
constexpr double worth_as_idle = 1;                            // seconds; shorter pauses are still warm

std::optional<uint64_t> number_in(int handle) {
  char text[32];
  const ssize_t got = ::pread(handle, text, sizeof text, 0);
  uint64_t value = 0;
  if (got <= 0 || std::from_chars(text, text + got, value).ec != std::errc()) return std::nullopt;
  return value;
}

int open_counter(const Path& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

}  // namespace

// Packages are "intel-rapl:0"; of their parts "intel-rapl:0:1" the memory counts, which is not within them; the cores
// are, and "intel-rapl-mmio:0" is the same package again.
EnergyMeter::EnergyMeter(const Path& folder) : last_(Clock::now()) {
  std::vector<Path> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with("intel-rapl:")) continue;
    const auto colons = std::count(name.begin(), name.end(), ':');
    if (colons == 1 || (colons == 2 && read_file(it->path() / "name", 65'536).value_or("") == "dram\n"))
      found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  for (const Path& one : found) add_counter(one);
}

void EnergyMeter::add_counter(const Path& folder) {
  const int range_handle = open_counter(folder / "max_energy_range_uj");
  if (range_handle < 0) return;
  const auto range = number_in(range_handle);
  ::close(range_handle);
  const int handle = open_counter(folder / "energy_uj");  // root's alone on most machines
  if (handle < 0) return;
  const auto now = number_in(handle);
  if (range && *range > 0 && now)
    counters_.push_back({handle, *now, *range});
  else
    ::close(handle);
}

EnergyMeter::~EnergyMeter() {
  for (const Counter& counter : counters_) ::close(counter.handle);
}

void EnergyMeter::begin(uint64_t id, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  take(now, false);
  running_[id];
}

void EnergyMeter::work(uint64_t id, int tokens, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  found->second.tokens += tokens;
  if (now - last_ >= between_looks) take(now, false);
}

EnergyShare EnergyMeter::end(uint64_t id, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  take(now, true);
  const auto found = running_.find(id);
  if (found == running_.end()) return {};
  EnergyShare share = found->second.share;
  if (idle_seconds_ > 0 && share.joules > 0) share.idle_share = std::min(1.0, found->second.idle / share.joules);
  running_.erase(found);
  return share;
}

void EnergyMeter::look(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  take(now, false);
}

// Reads the counters and shares out what they have counted. Between requests' first tokens nobody has computed any:
// that part waits until somebody has, or one of them ends.
void EnergyMeter::take(Clock::time_point now, bool ending) {
  uint64_t microjoules = 0;
  for (Counter& counter : counters_) {
    const auto value = number_in(counter.handle);
    if (!value) continue;
    microjoules += *value >= counter.last ? *value - counter.last : counter.range - counter.last + *value;
    counter.last = *value;
  }
  const double joules = static_cast<double>(microjoules) / 1e6;
  const double seconds = std::max(0.0, std::chrono::duration<double>(now - last_).count());
  last_ = now;
  joules_ += joules;
  if (running_.empty()) {
    idle_joules_ += joules;
    if (seconds >= worth_as_idle) idle_measured_ += joules, idle_seconds_ += seconds;
    return;
  }
  waiting_ += joules, waiting_seconds_ += seconds;
  double tokens = 0;
  for (const auto& [id, one] : running_) tokens += one.tokens;
  if (tokens == 0 && !ending) return;
  const double idle_watts = idle_seconds_ > 0 ? idle_measured_ / idle_seconds_ : 0;
  const double idle = std::min(waiting_, idle_watts * waiting_seconds_);
  for (auto& [id, one] : running_) {
    const double part = tokens > 0 ? one.tokens / tokens : 1.0 / static_cast<double>(running_.size());
    one.share.joules += waiting_ * part;
    one.idle += idle * part;
    one.tokens = 0;
  }
  waiting_ = waiting_seconds_ = 0;
}

double EnergyMeter::joules() const {
  const std::lock_guard lock(mutex_);
  return joules_;
}

double EnergyMeter::idle_joules() const {
  const std::lock_guard lock(mutex_);
  return idle_joules_;
}

}  // namespace freehold
