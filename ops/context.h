// Context: what an op is given. Everything an op needs beside its operands, and nothing about models or sessions.
#pragma once

#include "base/pool.h"
#include "ops/kernels/kernels.h"
#include "tensor/arena.h"

namespace freehold {

class Tape;

// Cosines and sines of the positions that were rotated last, for ops::rope to use again in the next layer; two, as a
// layer may rotate in both layouts.
struct RopeTable;
struct RopeCache {
  const RopeTable *table = nullptr, *other = nullptr;  // in the arena: valid only while its count of resets is this one
  uint64_t arena_resets = 0;
};

// How a linear multiplies stored weights: a part of the numeric mode that is fixed when a model is loaded.
enum class Arithmetic : uint8_t {
  int8,   // activations rounded to 8 bits per block, exact integer dots, float sums over blocks
  exact,  // weights decoded to float, one fma chain over inputs: comparisons, training
};

struct Context {
  const Kernels& kernels;
  Pool& pool;
  Arena& arena;  // results live here until the pass ends
  Arithmetic arithmetic = Arithmetic::int8;
  Tape* tape = nullptr;  // present: ops also record the way back
  RopeCache rope_cache = {};
};

}  // namespace freehold
