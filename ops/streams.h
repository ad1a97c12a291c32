// Hyper-connections: a residual of S copies ("streams") instead of one. Around each sublayer gates are computed from
// the streams themselves; the sublayer reads a weighted sum of them, and its output is written back to each while the
// streams are mixed by a matrix that Sinkhorn's iteration makes almost doubly stochastic.
//
// R rows, S streams, H width. Gates are rows of z = fn · rms(flatten X), cut at fixed places; `scale` and `base` are
// the learned scale of a part and the learned offset of each gate.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace freehold::ops {

// Largest number of streams: the mix of a row is held in registers and small arrays.
inline constexpr int most_streams = 16;

// x copied S times: [R, H] -> [R, S, H].
Tensor copy_to_streams(Context&, const Tensor& x, int streams);

// factor * sigmoid(z[first + i] * scale[part] + base[first + i]) + floor, i < count: z [R, n] -> [R, count].
struct Gates {
  int first, count, part;  // where in z and base; which number of scale
  float factor, floor;
};
Tensor stream_gates(Context&, const Tensor& z, const Tensor& scale, const Tensor& base, const Gates&);

// The matrix that mixes streams: softmax over the last axis of z[first..first+S*S] * scale[part] + base, plus eps; then
// divided by its column sums, and iterations - 1 times by its row sums and its column sums (each plus eps).
// z [R, n] -> [R, S, S].
struct Mixing {
  int first, streams, part;
  int iterations;
  float eps;
};
Tensor stream_mix(Context&, const Tensor& z, const Tensor& scale, const Tensor& base, const Mixing&);

// Σ_j weights[j] X[j]: X [R, S, H], weights [R, S] -> [R, H].
Tensor collapse_streams(Context&, const Tensor& streams, const Tensor& weights);

// X'[k] = write[k] y + Σ_j mix[j][k] X[j]: X [R, S, H], y [R, H], write [R, S], mix [R, S, S] -> [R, S, H].
Tensor write_streams(Context&, const Tensor& streams, const Tensor& y, const Tensor& write, const Tensor& mix);

}  // namespace freehold::ops
