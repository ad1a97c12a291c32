// WeightCache: weights of a packed file in a bounded part of memory, read when they are needed: for the experts of a
// model that is larger than memory. Whoever knows what comes next says so (ahead), and threads of the cache read it
// past the system's cache while others compute. The one that was used longest ago makes room, never one that is held or
// announced. Every read is checked against the file's checksum.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/anonymous_memory.h"
#include "base/direct_file.h"
#include "files/packed_file.h"
#include "tensor/weight_store.h"

namespace freehold {

class WeightCache final : public WeightStore {
 public:
  // Memory for the weights that will be added, most_bytes of it; least_bytes() of them is the least that works.
  static Result<std::unique_ptr<WeightCache>> make(std::shared_ptr<const PackedFile> file, uint64_t most_bytes);
  ~WeightCache() override;

  // From now on the weight, which stays where it is, belongs to the cache. Before the first use.
  void add(Weight& weight, const PackedMatrix& matrix);
  // Two of the largest: one to be computed with, one being read.
  static uint64_t least_bytes(uint64_t largest_matrix) { return 2 * room_of(largest_matrix); }

  // Reads some of the weights, for counts().bytes_per_second.
  void measure();

  bool present(const Weight& weight) const override;
  void ahead(std::span<const Weight* const> weights) override;
  size_t hold(std::span<const Weight* const> weights) override;
  Result<Done> check() override;
  WeightStoreCounts counts() const override;

 private:
  enum class State : uint8_t { absent, reading, ready };
  struct Entry {
    Weight* weight;
    uint64_t offset, checksum, room;
    AnonymousMemory memory = {};
    State state = State::absent;
    bool held = false, wanted = false, failed = false;
    std::list<int32_t>::iterator use = {};  // its place in uses_, when it has memory
  };
  using Lock = std::unique_lock<std::mutex>;

  WeightCache(std::shared_ptr<const PackedFile> packed, DirectFile file, uint64_t most_bytes)
      : packed_(std::move(packed)), file_(std::move(file)), most_bytes_(most_bytes) {}
  static uint64_t room_of(uint64_t bytes) {
    return (bytes + DirectFile::unit - 1) / DirectFile::unit * DirectFile::unit;
  }
  void serve();                               // a reader
  bool begin(int32_t at, bool at_any_price);  // to read; false: there is no room
  bool make_room(uint64_t room, bool at_any_price, AnonymousMemory& memory);
  int32_t victim(bool at_any_price) const;  // -1: none
  void let_go(Entry& entry);                // of its memory
  void want_no_more();
  void read_wanted();

  std::shared_ptr<const PackedFile> packed_;
  DirectFile file_;
  uint64_t most_bytes_;
  std::vector<std::thread> readers_;

  mutable std::mutex mutex_;  // over all that follows
  std::condition_variable work_, news_;
  std::deque<Entry> entries_;        // stay where they are
  std::list<int32_t> uses_, spare_;  // entries with memory, longest unused first; list nodes for those to come
  std::deque<int32_t> queue_;        // to be read
  std::vector<int32_t> wanted_;      // announced, in order
  std::vector<int32_t> held_;
  std::optional<Error> error_;
  WeightStoreCounts counts_;
  uint64_t memory_bytes_ = 0;
  bool stop_ = false;
};

}  // namespace freehold
