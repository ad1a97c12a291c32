// RowKernels: what ops do to one row of numbers: norms, rotation, SiLU, sums, softmax parts. Elementwise results are
// one chain of IEEE operations each; a sum over a row is 64 partial sums (element i goes to sum i mod 64, ascending, by
// fma) joined by a fixed tree. So every instruction set gives the same bits. `to` may be an input, but not overlap it
// partly.
#pragma once

#include <cstdint>

namespace freehold {

struct RowKernels {
  // w ⊙ x / sqrt(mean(x²) + eps), as (x * r) * w with r = 1 / sqrt(..).
  void (*rms_norm)(const float* x, const float* w, int64_t n, float eps, float* to);
  // gate / (1 + exp(-gate)) * up
  void (*silu_mul)(const float* gate, const float* up, int64_t n, float* to);
  // The way back of silu_mul: adds to d_gate and d_up.
  void (*silu_mul_back)(const float* gate, const float* up, const float* d, int64_t n, float* d_gate, float* d_up);
  void (*add)(const float* a, const float* b, int64_t n, float* to);
  void (*add_scaled)(const float* a, float factor, const float* b, int64_t n, float* to);  // fma(factor, b, a)
  void (*scale)(const float* x, float factor, int64_t n, float* to);
  // (a, b) -> (a cos - b sin, b cos + a sin). Half: a = x[i], b = x[pairs + i]; cosines and sines have `pairs` numbers.
  void (*rotate_half)(const float* x, const float* cosines, const float* sines, int64_t pairs, float* to);
  // Interleaved: a = x[2i], b = x[2i+1]; each cosine stands twice, sines as (-sin, sin): 2 * pairs numbers.
  void (*rotate_interleaved)(const float* x, const float* cosines, const float* sines, int64_t pairs, float* to);
  float (*dot)(const float* a, const float* b, int64_t n);
  float (*maximum)(const float* x, int64_t n);  // -inf when n is 0
  // Sum of exp(x - shift); `to`, when given, gets the terms.
  float (*exp_sum)(const float* x, float shift, int64_t n, float* to);
  void (*half_of_float)(const float* x, int64_t n, uint16_t* to);  // round to nearest even
};

extern const RowKernels plain_row_kernels, avx2_row_kernels, avx512_row_kernels;

}  // namespace freehold
