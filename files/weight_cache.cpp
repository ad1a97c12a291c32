#include "files/weight_cache.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/check.h"

namespace freehold {
namespace {

constexpr int reader_threads = 4;  // they wait for the disk, which is faster with several requests

}  // namespace

Result<std::unique_ptr<WeightCache>> WeightCache::make(std::shared_ptr<const PackedFile> packed, uint64_t most_bytes) {
  TRY_ASSIGN(DirectFile file, DirectFile::open(packed->path()));
  std::unique_ptr<WeightCache> cache(new WeightCache(std::move(packed), std::move(file), most_bytes));
  cache->counts_.most_bytes = most_bytes;
  cache->counts_.direct = cache->file_.is_direct();
  try {
    for (int i = 0; i < reader_threads; ++i) cache->readers_.emplace_back([c = cache.get()] { c->serve(); });
  } catch (const std::system_error& error) {
    if (cache->readers_.empty()) return out_of_resources("threads that read weights: {}", error.what());
  }
  return cache;
}

WeightCache::~WeightCache() {
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& reader : readers_) reader.join();
}

void WeightCache::add(Weight& weight, const PackedMatrix& matrix) {
  CHECK(least_bytes(matrix.bytes) <= most_bytes_, "{} bytes of cache for {}", most_bytes_, matrix.bytes);
  become_packed(weight, matrix, nullptr);
  weight.store = this;
  weight.place = static_cast<int32_t>(entries_.size());
  entries_.push_back({&weight, matrix.offset, matrix.checksum, room_of(matrix.bytes)});
  counts_.all_bytes += matrix.bytes;
}

void WeightCache::serve() {
  Lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    Entry& entry = entries_[static_cast<size_t>(queue_.front())];
    queue_.pop_front();
    lock.unlock();
    const std::span<std::byte> to(entry.memory.data(), entry.room);
    Result<Done> done = file_.read(entry.offset, to);
    const Weight& w = *entry.weight;
    if (done && checksum_of_pieces(to.first(w.bytes.size()), piece_bytes(w.format, w.layout, w.cols)) != entry.checksum)
      done = failure(Fault::integrity,
                     fmt::format("{}: the checksum of matrix '{}' does not fit: damaged", packed_->name(), w.name));
    if (!done) std::memset(to.data(), 0, to.size());
    lock.lock();
    if (!done) {
      entry.failed = true;
      if (!error_) error_ = std::move(done.error());
    }
    entry.state = State::ready;
    counts_.read_bytes += entry.room;
    news_.notify_all();
  }
}

// ------------------------------------------------------------------------------------------------------------------
// Memory

int32_t WeightCache::victim(bool at_any_price) const {
  for (const int32_t at : uses_) {
    const Entry& e = entries_[static_cast<size_t>(at)];
    if (e.state == State::ready && !e.held && !e.wanted) return at;
  }
  if (at_any_price)  // what was announced last is needed last
    for (auto at = wanted_.rbegin(); at != wanted_.rend(); ++at) {
      const Entry& e = entries_[static_cast<size_t>(*at)];
      if (e.state == State::ready && !e.held) return *at;
    }
  return -1;
}

void WeightCache::let_go(Entry& entry) {
  memory_bytes_ -= entry.room;
  entry.state = State::absent;
  entry.failed = false;
  entry.weight->bytes = {static_cast<const std::byte*>(nullptr), entry.weight->bytes.size()};
  spare_.splice(spare_.end(), uses_, entry.use);
}

bool WeightCache::make_room(uint64_t room, bool at_any_price, AnonymousMemory& memory) {
  while (memory_bytes_ + room > most_bytes_) {
    const int32_t at = victim(at_any_price);
    if (at < 0) return false;
    Entry& entry = entries_[static_cast<size_t>(at)];
    let_go(entry);
    memory = std::exchange(entry.memory, {});
    if (entry.room == room) return true;  // most are of one size: pages that are there need not be made again
    memory = {};
  }
  Result<AnonymousMemory> fresh = AnonymousMemory::map(room, AnonymousMemory::Room::now, "weights");
  if (!fresh) return false;
  memory = std::move(*fresh);
  return true;
}

bool WeightCache::begin(int32_t at, bool at_any_price) {
  Entry& entry = entries_[static_cast<size_t>(at)];
  AnonymousMemory memory;
  if (!make_room(entry.room, at_any_price, memory)) return false;
  memory_bytes_ += entry.room;
  entry.memory = std::move(memory);
  entry.state = State::reading;
  if (spare_.empty()) spare_.push_back(at);
  spare_.front() = at;
  entry.use = spare_.begin();
  uses_.splice(uses_.end(), spare_, spare_.begin());
  ++counts_.reads;
  queue_.push_back(at);
  work_.notify_one();
  return true;
}

// ------------------------------------------------------------------------------------------------------------------
// What is asked for

bool WeightCache::present(const Weight& weight) const {
  const Lock lock(mutex_);
  return entries_[static_cast<size_t>(weight.place)].state == State::ready;
}

void WeightCache::want_no_more() {
  for (const int32_t at : wanted_) entries_[static_cast<size_t>(at)].wanted = false;
  wanted_.clear();
}

void WeightCache::read_wanted() {
  for (const int32_t at : wanted_) {
    const Entry& entry = entries_[static_cast<size_t>(at)];
    if (entry.wanted && entry.state == State::absent && !begin(at, false)) return;
  }
}

void WeightCache::ahead(std::span<const Weight* const> weights) {
  const Lock lock(mutex_);
  want_no_more();
  for (const Weight* weight : weights) {
    CHECK(weight->store == this, "{} is not of this store", weight->name);
    Entry& entry = entries_[static_cast<size_t>(weight->place)];
    entry.wanted = true;
    wanted_.push_back(weight->place);
    if (entry.state != State::absent) uses_.splice(uses_.end(), uses_, entry.use);
  }
  read_wanted();
}

size_t WeightCache::hold(std::span<const Weight* const> weights) {
  CHECK(!weights.empty());
  const auto start = std::chrono::steady_clock::now();
  Lock lock(mutex_);
  for (const int32_t at : held_) entries_[static_cast<size_t>(at)].held = false;
  held_.clear();
  Entry& first = entries_[static_cast<size_t>(weights[0]->place)];
  // Without room something that is being read has to arrive before it can make room.
  while (first.state == State::absent && !begin(weights[0]->place, true)) {
    CHECK(std::any_of(entries_.begin(), entries_.end(), [](const Entry& e) { return e.state == State::reading; }),
          "no memory for {}", weights[0]->name);
    news_.wait(lock);
  }
  first.wanted = true;  // nothing takes its place while it is waited for
  news_.wait(lock, [&] { return first.state == State::ready; });
  for (const Weight* weight : weights) {
    Entry& entry = entries_[static_cast<size_t>(weight->place)];
    if (entry.state != State::ready) break;
    entry.held = true;
    entry.wanted = false;
    entry.weight->bytes = {entry.memory.data(), weight->bytes.size()};
    uses_.splice(uses_.end(), uses_, entry.use);
    held_.push_back(weight->place);
  }
  read_wanted();
  counts_.asked += held_.size();
  counts_.held_bytes = memory_bytes_;
  counts_.wait_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return held_.size();
}

Result<Done> WeightCache::check() {
  const Lock lock(mutex_);
  if (!error_) return Done{};
  for (Entry& entry : entries_)  // to be read once more if asked for again
    if (entry.failed && entry.state == State::ready) {
      entry.held = entry.wanted = false;
      let_go(entry);
      entry.memory = {};
    }
  return Failure(*std::exchange(error_, std::nullopt));
}

WeightStoreCounts WeightCache::counts() const {
  const Lock lock(mutex_);
  return counts_;
}

void WeightCache::measure() {
  constexpr uint64_t enough = 64u << 20;
  std::vector<const Weight*> some;
  uint64_t bytes = 0;
  for (size_t i = 0; i < entries_.size() && bytes + entries_[i].room <= std::min(enough, most_bytes_); ++i) {
    some.push_back(entries_[i].weight);
    bytes += entries_[i].room;
  }
  if (some.empty()) return;
  const auto start = std::chrono::steady_clock::now();
  ahead(some);
  for (size_t done = 0; done < some.size();) done += hold(std::span(some).subspan(done));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Lock lock(mutex_);
  counts_.asked = counts_.reads = counts_.read_bytes = 0;
  counts_.wait_seconds = 0;
  counts_.bytes_per_second = static_cast<double>(bytes) / seconds;
}

}  // namespace freehold
