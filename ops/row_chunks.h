// Rows cut into chunks of a region. The cut depends on shapes only; little work is one chunk, which the caller runs
// without waking anybody.
#pragma once

#include <algorithm>

#include "ops/context.h"

namespace freehold::ops {

// work(first, count) over rows 0..rows-1. `numbers_per_row`: what a row costs, in numbers read or written once.
template <class Work>
void each_rows(Pool& pool, int64_t rows, int64_t numbers_per_row, Work work) {
  constexpr int64_t numbers_per_chunk = 1 << 16;  // about 5 us
  const int64_t per_chunk = std::max<int64_t>(1, numbers_per_chunk / std::max<int64_t>(1, numbers_per_row));
  const auto chunks = static_cast<int>((rows + per_chunk - 1) / per_chunk);
  pool.run(chunks, [&](int chunk, int) {
    const int64_t first = chunk * per_chunk;
    work(first, std::min(per_chunk, rows - first));
  });
}

}  // namespace freehold::ops
