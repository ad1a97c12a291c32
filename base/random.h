// One random generator for the whole program: xoshiro256++ seeded by splitmix64 (Blackman and Vigna, 2019). Own
// arithmetic instead of std distributions, so that a seed means the same on every machine and library.
#pragma once

#include <cstdint>

namespace freehold {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {  // splitmix64
      seed += 0x9e3779b97f4a7c15ull;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
      word = z ^ (z >> 31);
    }
  }
  uint64_t next() {
    const uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }      // [0, 1)
  int below(int n) { return static_cast<int>((static_cast<__uint128_t>(next()) * static_cast<uint64_t>(n)) >> 64); }
  float normal();  // mean 0, deviation 1 (Box-Muller, one value a call)

  struct State { uint64_t words[4]; };
  State state() const { return {{state_[0], state_[1], state_[2], state_[3]}}; }
  void restore(const State& s) { for (int i = 0; i < 4; ++i) state_[i] = s.words[i]; }

 private:
  static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

}  // namespace freehold
