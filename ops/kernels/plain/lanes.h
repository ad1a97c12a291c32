// Lanes: 16 floats that go through the same operation, in plain C++. Kernel bodies (row_body.h, attention_body.h) are
// written once over this interface; avx2/ and avx512/ have the same with intrinsics. Every operation rounds once and
// means the same in all three, so the bodies give equal bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/numbers.h"

namespace freehold::plain {

struct Words;

struct Lanes {
  using Words = plain::Words;
  float v[16];

  static constexpr int columns = 4;  // tile of the attention kernels: columns x key groups
  static constexpr int groups = 1;

  static Lanes all(float x) {
    Lanes r;
    for (float& e : r.v) e = x;
    return r;
  }
  static Lanes load(const float* p) {
    Lanes r;
    std::memcpy(r.v, p, sizeof r.v);
    return r;
  }
  static Lanes load(const uint16_t* p) {  // halves
    Lanes r;
    for (int i = 0; i < 16; ++i) r.v[i] = float_of_f16(p[i]);
    return r;
  }
  // The first n of 16 lanes; the others are 0, and are not read.
  static Lanes load(const float* p, int n) {
    Lanes r = all(0);
    for (int i = 0; i < n; ++i) r.v[i] = p[i];
    return r;
  }
  static Lanes load(const uint16_t* p, int n) {
    Lanes r = all(0);
    for (int i = 0; i < n; ++i) r.v[i] = float_of_f16(p[i]);
    return r;
  }
  void store(float* p) const { std::memcpy(p, v, sizeof v); }
  void store(float* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
  void store(uint16_t* p) const {
    for (int i = 0; i < 16; ++i) p[i] = f16_of_float(v[i]);
  }
  void store(uint16_t* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = f16_of_float(v[i]);
  }
  // To the nearest whole number, the even one of two; what does not fit is cut to the nearest that does.
  void store_rounded(int16_t* p) const {
    for (int i = 0; i < 16; ++i)
      p[i] = static_cast<int16_t>(v[i] > 32767.0f ? 32767.0f : v[i] > -32768.0f ? std::nearbyint(v[i]) : -32768.0f);
  }
  float first() const { return v[0]; }
};

// 64 bytes: 16 whole numbers, 64 codes, or 32 numbers of 16 bits.
struct Words {
  uint8_t bytes[64];

  template <class T>
  T at(int i) const {
    T x;
    std::memcpy(&x, bytes + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    return x;
  }
  template <class T>
  void set(int i, T x) {
    std::memcpy(bytes + static_cast<size_t>(i) * sizeof(T), &x, sizeof(T));
  }
  static Words zero() { return {}; }
  // What joins a sum of dots of codes: they stand for code - 128, and sets that multiply them as they are need it.
  static Words start(int minus_sum) {
    Words r;
    for (int i = 0; i < 16; ++i) r.set(i, minus_sum * 128);
    return r;
  }
  static Words line(const void* p) {
    Words r;
    std::memcpy(r.bytes, p, 64);
    return r;
  }
  static Words repeated(const void* p) {  // four bytes
    Words r;
    for (int i = 0; i < 16; ++i) std::memcpy(r.bytes + 4 * i, p, 4);
    return r;
  }
  static Words widened(const int8_t* p) {  // 32 bytes to 16 bits each
    Words r;
    for (int i = 0; i < 32; ++i) r.set(i, int16_t{p[i]});
    return r;
  }
  Lanes floats() const {
    Lanes r;
    for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(at<int32_t>(i));
    return r;
  }
};
// sum + four codes times four signed bytes; 128 a + `plus`; sum + two numbers of 16 bits times two.
inline Words dot_bytes(Words sum, const Words& codes, const Words& x) {
  for (int i = 0; i < 64; ++i) sum.set(i / 4, sum.at<int32_t>(i / 4) + codes.bytes[i] * x.at<int8_t>(i));
  return sum;
}
inline Words times_128(Words a, const Words& plus) {
  for (int i = 0; i < 16; ++i) a.set(i, a.at<int32_t>(i) * 128 + plus.at<int32_t>(i));
  return a;
}
inline Words dot_pairs(Words sum, const Words& a, const Words& b) {
  for (int i = 0; i < 32; ++i) sum.set(i / 2, sum.at<int32_t>(i / 2) + a.at<int16_t>(i) * b.at<int16_t>(i));
  return sum;
}

template <class F>
inline Lanes each(F f) {
  Lanes r;
  for (int i = 0; i < 16; ++i) r.v[i] = f(i);
  return r;
}

inline Lanes operator+(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return a.v[i] + b.v[i]; });
}
inline Lanes operator-(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return a.v[i] - b.v[i]; });
}
inline Lanes operator*(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return a.v[i] * b.v[i]; });
}
inline Lanes operator/(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return a.v[i] / b.v[i]; });
}
inline Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {  // a*b + c
  return each([&](int i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
}
inline Lanes fmsub(const Lanes& a, const Lanes& b, const Lanes& c) {  // a*b - c
  return each([&](int i) { return std::fma(a.v[i], b.v[i], -c.v[i]); });
}
inline Lanes max(const Lanes& a, const Lanes& b) {  // b where either is NaN, as MAXPS does
  return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline Lanes swap_pairs(const Lanes& a) {
  return each([&](int i) { return a.v[i ^ 1]; });
}
// Lanes 0..n-1 of a, the others of b.
inline Lanes first_lanes(int n, const Lanes& a, const Lanes& b) {
  return each([&](int i) { return i < n ? a.v[i] : b.v[i]; });
}
inline Lanes where_less(const Lanes& x, const Lanes& bound, const Lanes& yes, const Lanes& no) {
  return each([&](int i) { return x.v[i] < bound.v[i] ? yes.v[i] : no.v[i]; });
}
inline Lanes where_nan(const Lanes& x, const Lanes& yes, const Lanes& no) {
  return each([&](int i) { return x.v[i] != x.v[i] ? yes.v[i] : no.v[i]; });
}
// p * 2^n by adding the low bits of `steps` (1.5 * 2^23 + n as a float) to p's exponent.
inline Lanes add_to_exponent(const Lanes& p, const Lanes& steps) {
  return each([&](int i) {
    return std::bit_cast<float>(std::bit_cast<uint32_t>(p.v[i]) + (std::bit_cast<uint32_t>(steps.v[i]) << 23));
  });
}
// The fixed trees: lane l joins lane l+8, then l+4, l+2, l+1.
inline float sum_lanes(Lanes a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; ++i) a.v[i] = a.v[i] + a.v[i + half];
  return a.v[0];
}
inline float max_lanes(Lanes a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
  return a.v[0];
}

}  // namespace freehold::plain
