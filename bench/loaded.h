// A model file opened for a bench: pool, kernels, weights. The programs of this folder end with a line on stderr when
// the world is wrong.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "files/checkpoint.h"
#include "model/model.h"
#include "run/engine.h"

namespace freehold::bench {

template <class T>
T or_exit(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}: {}\n", name_of(result.error().fault), result.error().what);
  std::exit(exit_code(result.error().fault));
}

struct Loaded {
  Pool pool;
  std::unique_ptr<Model> model;
  Engine engine;

  Loaded(const Path& path, NumericMode mode, const Kernels& kernels, int threads)
      : pool(threads),
        model(or_exit(load_model(or_exit(Checkpoint::open(path)), {.mode = mode, .progress = {}}, pool))),
        engine(*model, kernels, pool) {}
};

}  // namespace freehold::bench
