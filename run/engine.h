// Engine: what all sessions over one model share. One pass runs at a time, so one arena serves them all. Used by one
// thread; the pool's workers are within.
#pragma once

#include <cstdint>

#include "base/pool.h"
#include "model/model.h"
#include "ops/kernels/kernels.h"
#include "run/pass_costs.h"
#include "tensor/arena.h"

namespace freehold {

class Engine {
 public:
  // All must outlive the engine.
  Engine(Model& model, const Kernels& kernels, Pool& pool) : model_(model), kernels_(kernels), pool_(pool) {}

  const Model& model() const { return model_; }
  const Kernels& kernels() const { return kernels_; }
  Pool& pool() { return pool_; }
  Arena& arena() { return arena_; }
  Arena& side_arena() { return side_arena_; }  // of passes whose results nobody else holds
  PassCosts& costs() { return costs_; }        // of passes that decode
  Batch& batch() { return batch_; }            // that of run_pass(): its room is kept from pass to pass

  // A checksum of names, shapes, numbers and numeric mode: two engines with the same one give the same bits (on one
  // machine). Read from the weights in memory at the first call, about a tenth of a second per gigabyte; from the
  // checksums of a packed file where they come from one.
  uint64_t fingerprint();

 private:
  Model& model_;
  const Kernels& kernels_;
  Pool& pool_;
  Arena arena_, side_arena_;
  PassCosts costs_;
  Batch batch_;
  uint64_t fingerprint_ = 0;
};

}  // namespace freehold
