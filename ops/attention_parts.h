// What attention over all positions and over selected ones share: pages with the rows of a call written, columns of
// queries, and the cut of a batch into rows that read all of their past and rows that do not.
#pragma once

#include <algorithm>
#include <span>

#include "ops/ops.h"

namespace freehold::ops {

constexpr int stretch_positions = 512;  // keys after which softmax starts anew

// The pages of each span with keys and values of the call's rows written. Without pages (training) f32 ones are made
// for this call.
const KvView* written_pages(Context&, const Tensor& k, const Tensor& v, std::span<const AttentionSpan>);

// The pages of spans that all have some, with room for their rows.
const KvView* views_of(Arena&, std::span<const AttentionSpan>);

AttentionColumns new_columns(Arena&, int count, int value_dim);
AttentionColumns from_column(AttentionColumns, int first, const KvShape&);

struct SelectedRow {  // one that does not read all of its past
  int row;
  KvView pages;
};
struct SpanParts {
  std::span<const AttentionSpan> whole;  // runs of rows that read everything
  const KvView* whole_pages;
  std::span<const SelectedRow> selected;
};
SpanParts split_spans(Arena&, const Selection&, std::span<const AttentionSpan>, const KvView* pages);
// z of these rows.
void attend_selected(Context&, const Tensor& q, float scale, const Selection&, std::span<const SelectedRow>, Tensor& z);

// Of numbers 0..count-1 those that are not selected become `hidden`.
inline void hide_others(std::span<const int32_t> selected, int64_t count, float hidden, float* numbers) {
  int64_t at = 0;
  for (const int32_t next : selected) {
    std::fill(numbers + at, numbers + next, hidden);
    at = next + 1;
  }
  std::fill(numbers + at, numbers + count, hidden);
}

}  // namespace freehold::ops
