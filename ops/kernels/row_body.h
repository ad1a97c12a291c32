// The bodies of RowKernels over Lanes, written once for all instruction sets. Included by */row_kernels.cpp only.
#pragma once

#include "ops/kernels/exp_body.h"
#include "ops/kernels/row_kernels.h"

namespace freehold::body {

#define FREEHOLD_BODY inline __attribute__((always_inline))

// term(i) for all of a row, 16 at a time: whole(i) for full lanes, part(i, n) for the last n.
template <class Whole, class Part>
FREEHOLD_BODY void each_sixteen(int64_t n, Whole whole, Part part) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) whole(i);
  if (i < n) part(i, static_cast<int>(n - i));
}

// Element i belongs to lane i mod 16 of sum (i / 16) mod 4; the four are joined as (0+1)+(2+3), then the lanes' tree.
template <class L, class Whole, class Part>
FREEHOLD_BODY float sum_row(int64_t n, Whole whole, Part part) {
  L sums[4] = {L::all(0), L::all(0), L::all(0), L::all(0)};
  int64_t i = 0;
  for (; i + 64 <= n; i += 64)
    for (int s = 0; s < 4; ++s) sums[s] = whole(i + 16 * s, sums[s]);
  for (int s = 0; s < 4 && i < n; ++s, i += 16)
    sums[s] = i + 16 <= n ? whole(i, sums[s]) : part(i, static_cast<int>(n - i), sums[s]);
  return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

template <class L>
float dot(const float* a, const float* b, int64_t n) {
  return sum_row<L>(
      n, [&](int64_t i, const L& sum) { return fma(L::load(a + i), L::load(b + i), sum); },
      [&](int64_t i, int k, const L& sum) { return fma(L::load(a + i, k), L::load(b + i, k), sum); });
}

template <class L>
void rms_norm(const float* x, const float* w, int64_t n, float eps, float* to) {
  const float mean = dot<L>(x, x, n) / static_cast<float>(n);
  const L r = L::all(1.0f / __builtin_sqrtf(mean + eps));
  each_sixteen(
      n, [&](int64_t i) { (L::load(x + i) * r * L::load(w + i)).store(to + i); },
      [&](int64_t i, int k) { (L::load(x + i, k) * r * L::load(w + i, k)).store(to + i, k); });
}

template <class L>
FREEHOLD_BODY L silu_times(const L& gate, const L& up) {
  return gate / (L::all(1.0f) + exp(L::all(0.0f) - gate)) * up;
}

template <class L>
void silu_mul(const float* gate, const float* up, int64_t n, float* to) {
  each_sixteen(
      n, [&](int64_t i) { silu_times(L::load(gate + i), L::load(up + i)).store(to + i); },
      [&](int64_t i, int k) { silu_times(L::load(gate + i, k), L::load(up + i, k)).store(to + i, k); });
}

template <class L>
void silu_mul_back(const float* gate, const float* up, const float* d, int64_t n, float* d_gate, float* d_up) {
  const L one = L::all(1.0f);
  for (int64_t i = 0; i < n; i += 16) {
    const int k = n - i < 16 ? static_cast<int>(n - i) : 16;
    const L x = L::load(gate + i, k), dy = L::load(d + i, k);
    const L sigmoid = one / (one + exp(L::all(0.0f) - x));
    const L slope = sigmoid * fma(x, one - sigmoid, one);
    fma(dy * L::load(up + i, k), slope, L::load(d_gate + i, k)).store(d_gate + i, k);
    fma(dy * x, sigmoid, L::load(d_up + i, k)).store(d_up + i, k);
  }
}

template <class L>
void add(const float* a, const float* b, int64_t n, float* to) {
  each_sixteen(
      n, [&](int64_t i) { (L::load(a + i) + L::load(b + i)).store(to + i); },
      [&](int64_t i, int k) { (L::load(a + i, k) + L::load(b + i, k)).store(to + i, k); });
}

template <class L>
void add_scaled(const float* a, float factor, const float* b, int64_t n, float* to) {
  const L f = L::all(factor);
  each_sixteen(
      n, [&](int64_t i) { fma(f, L::load(b + i), L::load(a + i)).store(to + i); },
      [&](int64_t i, int k) { fma(f, L::load(b + i, k), L::load(a + i, k)).store(to + i, k); });
}

template <class L>
void scale(const float* x, float factor, int64_t n, float* to) {
  const L f = L::all(factor);
  each_sixteen(
      n, [&](int64_t i) { (L::load(x + i) * f).store(to + i); },
      [&](int64_t i, int k) { (L::load(x + i, k) * f).store(to + i, k); });
}

template <class L>
void rotate_half(const float* x, const float* cosines, const float* sines, int64_t pairs, float* to) {
  const float* y = x + pairs;
  const auto turn = [](const L& a, const L& b, const L& c, const L& s, L& a2, L& b2) {
    a2 = fmsub(a, c, b * s);
    b2 = fma(b, c, a * s);
  };
  L a, b;
  each_sixteen(
      pairs,
      [&](int64_t i) {
        turn(L::load(x + i), L::load(y + i), L::load(cosines + i), L::load(sines + i), a, b);
        a.store(to + i);
        b.store(to + pairs + i);
      },
      [&](int64_t i, int k) {
        turn(L::load(x + i, k), L::load(y + i, k), L::load(cosines + i, k), L::load(sines + i, k), a, b);
        a.store(to + i, k);
        b.store(to + pairs + i, k);
      });
}

template <class L>
void rotate_interleaved(const float* x, const float* cosines, const float* sines, int64_t pairs, float* to) {
  const auto turn = [](const L& v, const L& c, const L& s) { return fma(v, c, swap_pairs(v) * s); };
  each_sixteen(
      2 * pairs, [&](int64_t i) { turn(L::load(x + i), L::load(cosines + i), L::load(sines + i)).store(to + i); },
      [&](int64_t i, int k) {
        turn(L::load(x + i, k), L::load(cosines + i, k), L::load(sines + i, k)).store(to + i, k);
      });
}

template <class L>
float maximum(const float* x, int64_t n) {
  L most[2] = {L::all(-__builtin_inff()), L::all(-__builtin_inff())};
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    most[0] = max(L::load(x + i), most[0]);
    most[1] = max(L::load(x + i + 16), most[1]);
  }
  for (int s = 0; i < n; ++s, i += 16) {
    const int k = n - i < 16 ? static_cast<int>(n - i) : 16;
    most[s] = max(first_lanes(k, L::load(x + i, k), L::all(-__builtin_inff())), most[s]);
  }
  return max_lanes(max(most[0], most[1]));
}

template <class L>
float exp_sum(const float* x, float shift, int64_t n, float* to) {
  const L m = L::all(shift);
  return sum_row<L>(
      n,
      [&](int64_t i, const L& sum) {
        const L e = exp(L::load(x + i) - m);
        if (to) e.store(to + i);
        return sum + e;
      },
      [&](int64_t i, int k, const L& sum) {
        const L e = exp(L::load(x + i, k) - m);
        if (to) e.store(to + i, k);
        return sum + first_lanes(k, e, L::all(0.0f));
      });
}

template <class L>
void half_of_float(const float* x, int64_t n, uint16_t* to) {
  each_sixteen(
      n, [&](int64_t i) { L::load(x + i).store(to + i); },
      [&](int64_t i, int k) { L::load(x + i, k).store(to + i, k); });
}

template <class L>
constexpr RowKernels row_kernels() {
  return {rms_norm<L>,    silu_mul<L>,           silu_mul_back<L>, add<L>,     add_scaled<L>, scale<L>,
          rotate_half<L>, rotate_interleaved<L>, dot<L>,           maximum<L>, exp_sum<L>,    half_of_float<L>};
}

}  // namespace freehold::body
