// One number after another: F32, F16, BF16 and the three FP8 forms. FP8 weights have their scales in a tensor of their
// own; what is decoded here is the number without it.
#include "tensor/formats/decode.h"

namespace freehold::decode {

void f32(Bytes from, int64_t elements, float* to) {
  if (elements > 0) std::memcpy(to, from, static_cast<size_t>(elements) * sizeof(float));
}
void f16s(Bytes from, int64_t elements, float* to) {
  for (int64_t i = 0; i < elements; ++i) to[i] = f16(from + 2 * i);
}
void bf16s(Bytes from, int64_t elements, float* to) {
  for (int64_t i = 0; i < elements; ++i) to[i] = float_of_bf16(u16(from + 2 * i));
}
void f8_e4m3(Bytes from, int64_t elements, float* to) {
  for (int64_t i = 0; i < elements; ++i) to[i] = float_of_e4m3(u8(from + i));
}
void f8_e5m2(Bytes from, int64_t elements, float* to) {
  for (int64_t i = 0; i < elements; ++i) to[i] = float_of_e5m2(u8(from + i));
}
void f8_e8m0(Bytes from, int64_t elements, float* to) {
  for (int64_t i = 0; i < elements; ++i) to[i] = float_of_e8m0(u8(from + i));
}

}  // namespace freehold::decode
