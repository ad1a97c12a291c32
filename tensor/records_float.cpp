// Records of F32, F16 and BF16: F32 is [k][16 rows]; the 16-bit formats are [k/2][16 rows][2], the operand order of
// bf16 dot instructions. An odd number of columns leaves the second half of the last line zero (pack.cpp).
#include "tensor/records.h"

namespace freehold {
namespace {

void put32(const std::byte* source, int64_t blocks, std::byte* records, int lane) {
  for (int64_t b = 0; b < blocks; ++b) std::memcpy(records + 64 * b + 4 * lane, source + 4 * b, 4);
}
void take32(const std::byte* records, int lane, int64_t blocks, std::byte* source) {
  for (int64_t b = 0; b < blocks; ++b) std::memcpy(source + 4 * b, records + 64 * b + 4 * lane, 4);
}
// Here a block is one number, so two blocks share a line.
void put16(const std::byte* source, int64_t blocks, std::byte* records, int lane) {
  for (int64_t b = 0; b < blocks; ++b) std::memcpy(records + 64 * (b / 2) + 4 * lane + 2 * (b % 2), source + 2 * b, 2);
}
void take16(const std::byte* records, int lane, int64_t blocks, std::byte* source) {
  for (int64_t b = 0; b < blocks; ++b) std::memcpy(source + 2 * b, records + 64 * (b / 2) + 4 * lane + 2 * (b % 2), 2);
}

}  // namespace

const RecordCodec float_records[3] = {
    {Format::f32, 1, 4, 64, put32, take32},
    {Format::f16, 1, 2, 32, put16, take16},
    {Format::bf16, 1, 2, 32, put16, take16},
};

}  // namespace freehold
