// WeightStore: what brings weights that do not lie in memory all the time. Such a weight names its store and has bytes
// only while it is held; reading it at another time ends the program rather than computing with other numbers.
// ahead() and hold() are called by one thread, the one that runs passes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace freehold {

struct Weight;

struct WeightStoreCounts {
  uint64_t asked = 0;  // weights that were held
  uint64_t reads = 0;  // those that had to be read for it, and what was read ahead in vain
  uint64_t read_bytes = 0;
  double wait_seconds = 0;                                 // spent in hold()
  uint64_t held_bytes = 0, most_bytes = 0, all_bytes = 0;  // in memory now, at most, of all weights of the store
  double bytes_per_second = 0;                             // of reading, measured at the start
  bool direct = false;                                     // past the system's cache
  double found() const {
    return asked > 0 ? 1 - static_cast<double>(reads < asked ? reads : asked) / static_cast<double>(asked) : 0;
  }
};

class WeightStore {
 public:
  virtual ~WeightStore() = default;
  virtual bool present(const Weight&) const = 0;
  // These will be asked for next, in this order: begins to read what is not there, as far as there is room, and keeps
  // what is. Returns at once.
  virtual void ahead(std::span<const Weight* const> weights) = 0;
  // Gives bytes to the first of `weights`, as many as are there, waiting for one if none is; returns how many. They
  // keep them until the next call.
  virtual size_t hold(std::span<const Weight* const> weights) = 0;
  // Fails when something could not be read, or was damaged, since the last call: its numbers were taken as zeros, and
  // what was computed with them is to be thrown away.
  virtual Result<Done> check() = 0;
  virtual WeightStoreCounts counts() const = 0;  // from any thread
};

}  // namespace freehold
