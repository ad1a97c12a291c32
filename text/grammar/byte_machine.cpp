#include "text/grammar/byte_machine.h"

#include <algorithm>

namespace freehold {
namespace {

uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 29);
}

}  // namespace

size_t ByteMachine::FrameHash::operator()(const Frame& frame) const {
  return mixed(mixed(mixed(1, static_cast<uint32_t>(frame.call)), static_cast<uint32_t>(frame.count)),
               static_cast<uint32_t>(frame.below));
}

bool ByteMachine::Seen::add(Item item) {
  if (2 * (count_ + 1) > slots_.size()) grow();
  size_t at = mixed(static_cast<uint32_t>(item.state), static_cast<uint32_t>(item.frame)) & (slots_.size() - 1);
  for (; slots_[at].second == round_; at = (at + 1) & (slots_.size() - 1))
    if (slots_[at].first == item) return false;
  slots_[at] = {item, round_};
  ++count_;
  return true;
}

void ByteMachine::Seen::clear() {
  count_ = 0;
  if (++round_ != 0) return;
  std::fill(slots_.begin(), slots_.end(), std::pair<Item, uint32_t>{});
  round_ = 1;
}

void ByteMachine::Seen::grow() {
  std::vector<std::pair<Item, uint32_t>> old(2 * slots_.size());
  old.swap(slots_);
  count_ = 0;
  for (const auto& [item, round] : old)
    if (round == round_) add(item);
}

ByteMachine::ByteMachine(Program program) : program_(std::move(program)) { clear(); }

void ByteMachine::clear() {
  rows_.assign(static_cast<size_t>(program_.classes()), nowhere);
  configs_.assign(1, {0, 0, false, Program::far});
  items_.clear();
  by_hash_.clear();
  frames_.clear();
  rests_.clear();
  frame_ids_.clear();
}

int32_t ByteMachine::distance_of(const Item& item) const {
  const int64_t below = item.frame == bottom ? 0 : rests_[static_cast<size_t>(item.frame)];
  return static_cast<int32_t>(std::min<int64_t>(program_.rest(item.state) + below, Program::far));
}

uint8_t ByteMachine::nearest_byte(Config config) const {
  const Set& set = configs_[static_cast<size_t>(config)];
  const auto items = std::span(items_).subspan(set.first, set.count);
  const auto nearest = std::min_element(items.begin(), items.end(),
                                        [&](const Item& a, const Item& b) { return distance_of(a) < distance_of(b); });
  if (nearest == items.end()) return 0;
  for (int one = 0; one < program_.classes(); ++one)
    if (program_.takes(program_.at(nearest->state), one)) return program_.byte_of(one);
  return 0;
}

uint64_t ByteMachine::bytes() const {
  return rows_.size() * sizeof(Config) + configs_.size() * (sizeof(Set) + 48) + items_.size() * sizeof(Item) +
         frames_.size() * (2 * sizeof(Frame) + 36);
}

ByteMachine::Config ByteMachine::start() {
  seen_.clear();
  found_.clear();
  ends_ = false;
  enter(program_.start(), bottom);
  return failed_ ? nowhere : config_of(ends_);
}

ByteMachine::Config ByteMachine::compute(Config from, int byte_class) {
  if (failed_) return nowhere;
  seen_.clear();
  found_.clear();
  ends_ = false;
  const Set set = configs_[static_cast<size_t>(from)];
  for (uint64_t i = set.first; i < set.first + set.count; ++i) {
    const Item item = items_[i];
    const Program::Step& step = program_.at(item.state);
    ++work_;
    if (program_.takes(step, byte_class)) enter(step.next, item.frame);
  }
  if (failed_) return nowhere;
  const Config to = found_.empty() && !ends_ ? nowhere : config_of(ends_);
  rows_[row_of(from) + static_cast<size_t>(byte_class)] = to;
  return to;
}

// All places that read a byte, reached from this one without reading any.
void ByteMachine::enter(State state, int32_t frame) {
  open_.push_back({state, frame});
  while (!open_.empty()) {
    const Item item = open_.back();
    open_.pop_back();
    if (!seen_.add(item)) continue;
    if (++work_ > limits::grammar_steps || found_.size() > limits::grammar_places ||
        bytes() > 2 * limits::grammar_memory) {
      failed_ = true;
      open_.clear();
      return;
    }
    const Program::Step& step = program_.at(item.state);
    switch (step.kind) {
      case Program::Kind::bytes:
        found_.push_back(item);
        break;
      case Program::Kind::split:
        for (const State way : program_.ways(step)) open_.push_back({way, item.frame});
        break;
      case Program::Kind::call:
        run(item.state, 0, item.frame);
        break;
      case Program::Kind::end:
        if (item.frame == bottom) {
          ends_ = true;
        } else {
          const Frame& over = frames_[static_cast<size_t>(item.frame)];
          run(over.call, over.count + 1, over.below);
        }
        break;
    }
  }
}

// A call, after `count` rounds of it.
void ByteMachine::run(State call, int32_t count, int32_t below) {
  const Program::Step& step = program_.at(call);
  if (count >= step.least) open_.push_back({step.next, below});
  if (step.most >= 0 && count >= step.most) return;
  // After the last round of a call at the end of a rule there is nothing to come back to.
  const bool last = step.most == count + 1 && count + 1 >= step.least;
  if (last && program_.at(step.next).kind == Program::Kind::end) return open_.push_back({step.a, below});
  // Where there is no most, rounds past `least` need not be told apart.
  open_.push_back({step.a, frame_of({call, step.most < 0 ? std::min(count, step.least) : count, below})});
}

int32_t ByteMachine::frame_of(const Frame& frame) {
  const auto [found, fresh] = frame_ids_.try_emplace(frame, static_cast<int32_t>(frames_.size()));
  if (fresh) {
    frames_.push_back(frame);
    const Program::Step& call = program_.at(frame.call);
    const int64_t rounds = std::max(0, call.least - frame.count - 1);
    const int64_t below = frame.below == bottom ? 0 : rests_[static_cast<size_t>(frame.below)];
    const int64_t rest = (rounds == 0 ? 0 : rounds * program_.rest(call.a)) + program_.rest(call.next) + below;
    rests_.push_back(static_cast<int32_t>(std::min<int64_t>(rest, Program::far)));
  }
  return found->second;
}

ByteMachine::Config ByteMachine::config_of(bool ends) {
  std::sort(found_.begin(), found_.end());
  uint64_t hash = ends;
  for (const Item& item : found_)
    hash = mixed(hash,
                 (static_cast<uint64_t>(static_cast<uint32_t>(item.state)) << 32) | static_cast<uint32_t>(item.frame));
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto i = first; i != last; ++i) {
    const Set& set = configs_[static_cast<size_t>(i->second)];
    const auto items = std::span(items_).subspan(set.first, set.count);
    if (set.ends == ends && std::equal(items.begin(), items.end(), found_.begin(), found_.end())) return i->second;
  }
  const auto config = static_cast<Config>(configs_.size());
  int32_t distance = ends ? 0 : Program::far;
  for (const Item& item : found_) distance = std::min(distance, distance_of(item));
  configs_.push_back({items_.size(), static_cast<uint32_t>(found_.size()), ends, distance});
  items_.insert(items_.end(), found_.begin(), found_.end());
  rows_.resize(rows_.size() + static_cast<size_t>(program_.classes()), unknown);
  by_hash_.emplace(hash, config);
  return config;
}

void ByteMachine::keep(std::span<Config> configs) {
  const std::vector<Frame> frames = std::move(frames_);
  const std::vector<Set> sets = std::move(configs_);
  const std::vector<Item> items = std::move(items_);
  clear();
  std::unordered_map<int32_t, int32_t> fresh{{bottom, bottom}};  // frames, by their old numbers
  std::vector<int32_t> chain;
  const auto renewed = [&](int32_t frame) {
    for (; !fresh.contains(frame); frame = frames[static_cast<size_t>(frame)].below) chain.push_back(frame);
    int32_t below = fresh[frame];
    for (; !chain.empty(); chain.pop_back()) {
      const Frame& old = frames[static_cast<size_t>(chain.back())];
      fresh[chain.back()] = below = frame_of({old.call, old.count, below});
    }
    return below;
  };
  for (Config& config : configs) {
    if (config == nowhere) continue;
    const Set& set = sets[static_cast<size_t>(config)];
    found_.clear();
    for (uint64_t i = set.first; i < set.first + set.count; ++i)
      found_.push_back({items[i].state, renewed(items[i].frame)});
    config = config_of(set.ends);
  }
}

}  // namespace freehold
