// What this machine is and can do at the moment: for `freehold bench` and for the share of its bandwidth that a run
// reached. Each probe takes a fraction of a second; numbers are of that moment, on machines that are shared they move.
#pragma once

#include <string>
#include <vector>

#include "base/pool.h"

namespace freehold {

struct Cpu {
  std::string model;               // "AMD EPYC", as the system names it
  std::vector<std::string> flags;  // those that kernels care about
  std::string governor;            // empty when not visible
  double load = -1;                // average over the last minute
};
Cpu this_cpu();

// Reading memory with all of the pool's threads, best of three passes over 256 MiB: bytes a second.
double measure_bandwidth(Pool& pool);

// How long a signal takes from one thread to another and back, half of it, in nanoseconds, for the first two CPUs
// allowed: about 50 within a core or a cluster of cores, 250 across clusters. 0 with a single CPU.
double measure_placement();

// The rate at which 8-bit numbers are multiplied and added, out of registers, with the widest instructions here;
// operations (two for each product) a second. 0 without vector instructions.
struct Int8Rate {
  double one = 0;  // a thread alone
  double all = 0;  // the pool's threads together
  // Threads that share a core, or share it with other programs, are together hardly worth more than one.
  bool shared(int threads) const { return threads > 1 && one > 0 && all < 1.3 * one; }
};
Int8Rate measure_int8_rate(Pool& pool);

}  // namespace freehold
