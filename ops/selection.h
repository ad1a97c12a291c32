// Which of the things before it each row reads, as an indexer chooses them (DeepSeek-V3.2: positions; V4: compressed
// entries). One key of `dim` numbers stands for a thing, a row has a query and a weight for each of a few heads:
//   score(row, i) = Σ_j weights[row, j] relu(q[row, j] · key_i),  heads ascending, float32
// A row keeps its `most` best things of those it may see, ordered by that float32 score alone; of equal ones the lower
// number, and a NaN counts as the least score. So what a row keeps depends on its own numbers and on the keys only. No
// gradient.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "ops/kv_pages.h"
#include "tensor/tensor.h"

namespace freehold::ops {

struct Selection {
  const int64_t* begins = nullptr;  // [R + 1]; null: no selection, a row reads everything it may see
  const int32_t* chosen = nullptr;  // of each row, ascending
  std::span<const int32_t> of(int64_t row) const {
    return {chosen + begins[row], static_cast<size_t>(begins[row + 1] - begins[row])};
  }
};

struct IndexKeys {  // pages of 64 keys: 4 groups of [dim][16 keys] in f32 or f16
  KvType type;
  int dim;
  const std::byte* first;
  size_t stride;  // from a page to the next
};
struct IndexRow {
  IndexKeys keys;
  int visible;  // things 0..visible-1 are before the row
};

// q [R, heads, dim], weights [R, heads]; rows [R]. The selection lives in the arena.
Selection select_best(Context&, const Tensor& q, const Tensor& weights, int most, std::span<const IndexRow> rows);
Selection select_all(Context&, std::span<const IndexRow> rows);

// A selection as numbers, to be shown and edited: 1 where row first_row + i reads thing j, else 0: [rows, columns].
Tensor selection_mask(Context&, const Selection&, int first_row, int rows, int columns);

}  // namespace freehold::ops
