// Packing into R16K4: groups of 16 output rows, 64-byte lines of 16 rows x 4 inputs, scales as vectors over rows
// (docs/formats.md has each record). Lossless: unpack() gives the source's bytes back.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/pool.h"
#include "tensor/weight.h"

namespace freehold {

bool packs(Format);                                         // formats without a packed form stay in source order
int64_t packed_group_bytes(Format, int64_t cols);           // of 16 rows
uint64_t packed_bytes(Format, int64_t rows, int64_t cols);  // rows padded to 16
// `to` has packed_bytes() bytes, 64-byte aligned. Row groups are packed in parallel.
void pack(const Weight& source, std::byte* to, Pool& pool);
std::vector<std::byte> unpack(const Weight& packed);  // source order again, byte for byte

}  // namespace freehold
