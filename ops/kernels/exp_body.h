// 2^x and e^x over Lanes, within about 1 ulp: x = n + f with n whole, a polynomial of degree 6 for f (interpolated at
// Chebyshev nodes), n added to the exponent. Results below 2^-126 become 0; NaN stays NaN. exp2 is for x of at most 0.
#pragma once

namespace freehold::body {

template <class L>
inline __attribute__((always_inline)) L exp2(const L& x) {
  const L magic = L::all(0x1.8p23f);  // adding it leaves the nearest whole number in the low bits
  const L steps = x + magic;
  const L f = x - (steps - magic);  // [-1/2, 1/2], exact
  L p = L::all(0.00015453163f);
  p = fma(p, f, L::all(0.0013390863f));
  p = fma(p, f, L::all(0.009618083f));
  p = fma(p, f, L::all(0.05550357f));
  p = fma(p, f, L::all(0.2402265f));
  p = fma(p, f, L::all(0.6931472f));
  p = fma(p, f, L::all(1.0f));
  L r = add_to_exponent(p, steps);
  r = where_less(x, L::all(-126.0f), L::all(0.0f), r);
  return where_nan(x, x, r);
}

template <class L>
inline __attribute__((always_inline)) L exp(const L& x) {
  const L magic = L::all(0x1.8p23f);
  const L steps = fma(x, L::all(1.442695f), magic);
  const L n = steps - magic;
  L f = fma(n, L::all(-0.693359375f), x);  // x - n ln 2, ln 2 in two parts of which the first times n is exact
  f = fma(n, L::all(0.00021219444f), f);
  L p = L::all(0.0013926176f);
  p = fma(p, f, L::all(0.008363173f));
  p = fma(p, f, L::all(0.041666556f));
  p = fma(p, f, L::all(0.16666578f));
  p = fma(p, f, L::all(0.5f));
  p = fma(p, f * f, f) + L::all(1.0f);
  L r = add_to_exponent(p, steps);
  r = where_less(x, L::all(-87.33654f), L::all(0.0f), r);
  r = where_less(x, L::all(88.72284f), r, L::all(__builtin_inff()));
  return where_nan(x, x, r);
}

}  // namespace freehold::body
