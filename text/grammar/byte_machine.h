// ByteMachine: runs a Program over bytes. A configuration is the set of all places where the automaton may stand, each
// with its stack; it has a number, and where a byte leads is remembered. So a stretch of text that a grammar has seen
// once costs one look into a table for each byte. Stacks share their lower parts.
//
// Work and memory are limited: a grammar that stands in too many places at once fails (`failed()`), and `keep()` gives
// back what is remembered of all configurations but some.
#pragma once

#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/grammar/program.h"

namespace freehold {

class ByteMachine {
 public:
  using Config = int32_t;
  static constexpr Config nowhere = 0;  // the text does not fit

  explicit ByteMachine(Program program);

  Config start();
  Config step(Config from, uint8_t byte) {
    const Config to = rows_[row_of(from) + program_.class_of(byte)];
    return to != unknown ? to : compute(from, program_.class_of(byte));
  }
  bool may_end(Config config) const { return configs_[static_cast<size_t>(config)].ends; }
  bool may_go_on(Config config) const { return configs_[static_cast<size_t>(config)].count > 0; }
  // The fewest bytes that still make the text whole, and the first of them.
  int32_t distance(Config config) const { return configs_[static_cast<size_t>(config)].distance; }
  uint8_t nearest_byte(Config config) const;

  // A budget was used up; where step() then says `nowhere` may be wrong. Work counts from the last begin_work().
  void begin_work() { work_ = 0, failed_ = false; }
  bool failed() const { return failed_; }
  uint64_t bytes() const;
  // Forgets all but these configurations, which get new numbers.
  void keep(std::span<Config> configs);

  const Program& program() const { return program_; }

 private:
  using State = Program::State;
  static constexpr Config unknown = -1;
  static constexpr int32_t bottom = -1;
  struct Frame {  // a call that is under way
    State call;
    int32_t count, below;  // rounds that are over; the frame under it
    bool operator==(const Frame&) const = default;
  };
  struct FrameHash {
    size_t operator()(const Frame& frame) const;
  };
  struct Item {  // a place: a state that reads bytes, and its stack
    State state;
    int32_t frame;
    bool operator==(const Item&) const = default;
    auto operator<=>(const Item&) const = default;
  };
  struct Set {
    uint64_t first;
    uint32_t count;
    bool ends;
    int32_t distance;
  };
  // A set of items that is emptied often.
  class Seen {
   public:
    bool add(Item item);  // false: it was there
    void clear();

   private:
    void grow();
    std::vector<std::pair<Item, uint32_t>> slots_ = std::vector<std::pair<Item, uint32_t>>(64);
    uint32_t round_ = 1;
    size_t count_ = 0;
  };

  size_t row_of(Config config) const { return static_cast<size_t>(config) * static_cast<size_t>(program_.classes()); }
  Config compute(Config from, int byte_class);
  void enter(State state, int32_t frame);
  void run(State call, int32_t count, int32_t below);
  int32_t frame_of(const Frame& frame);
  Config config_of(bool ends);  // of found_
  int32_t distance_of(const Item& item) const;
  void clear();

  Program program_;
  std::vector<Config> rows_;  // [configs, classes]
  std::vector<Set> configs_;
  std::vector<Item> items_;
  std::unordered_multimap<uint64_t, Config> by_hash_;
  std::vector<Frame> frames_;
  std::vector<int32_t> rests_;  // of frames: the fewest bytes after the round that is under way
  std::unordered_map<Frame, int32_t, FrameHash> frame_ids_;
  // While a configuration is made:
  std::vector<Item> open_, found_;
  Seen seen_;
  bool ends_ = false;
  uint64_t work_ = 0;
  bool failed_ = false;
};

}  // namespace freehold
