// Which compressed entries a row reads. Scores come from the page kernels, whose numbers depend on the row's own
// queries and the entry only; a NaN counts as the least score.
#include <algorithm>
#include <cmath>

#include "ops/window_attention.h"

namespace freehold::ops {
namespace {

struct RowOf {
  const WindowSpan* span;
  int visible;  // entries complete at the row's position
};

RowOf* rows_of(Context& context, std::span<const WindowSpan> spans, int64_t& count) {
  count = 0;
  for (const WindowSpan& span : spans) count += span.rows;
  auto* rows = context.arena.array<RowOf>(static_cast<size_t>(count));
  int64_t next = 0;
  for (const WindowSpan& span : spans)
    for (int i = 0; i < span.rows; ++i) rows[next++] = {&span, span.kv->shape().entries_before(span.start + i + 1)};
  return rows;
}

EntrySelection room_for(Context& context, const RowOf* rows, int64_t count, int most, int32_t*& entries) {
  auto* begins = context.arena.array<int64_t>(static_cast<size_t>(count + 1));
  begins[0] = 0;
  for (int64_t r = 0; r < count; ++r) begins[r + 1] = begins[r] + std::min(rows[r].visible, most);
  entries = context.arena.array<int32_t>(static_cast<size_t>(begins[count]));
  return {begins, entries};
}

// Scores of entries 0..count-1, a page at a time.
void score(const Kernels& kernels, const WindowKv& kv, const float* q, const float* weights, int heads, int count,
           std::vector<float>& page_scores, float* scores) {
  const int dim = kv.shape().index_dim;
  page_scores.resize(static_cast<size_t>(heads) * kv_page_positions);
  for (int at = 0; at < count; at += kv_page_positions) {
    const std::byte* page = kv.index_page(at / kv_page_positions);
    kernels.attention.score_page[static_cast<size_t>(kv.shape().type)]({page, page, dim, dim, page, page}, heads, q,
                                                                       page_scores.data());
    for (int i = 0; i < std::min(kv_page_positions, count - at); ++i) {
      float sum = 0;
      for (int j = 0; j < heads; ++j)
        sum += weights[j] * std::fmax(page_scores[static_cast<size_t>(j * kv_page_positions + i)], 0.0f);
      scores[at + i] = std::isnan(sum) ? -INFINITY : sum;
    }
  }
}

}  // namespace

EntrySelection all_entries(Context& context, std::span<const WindowSpan> spans) {
  int64_t count;
  const RowOf* rows = rows_of(context, spans, count);
  int32_t* entries;
  const EntrySelection all = room_for(context, rows, count, INT32_MAX, entries);
  for (int64_t r = 0; r < count; ++r)
    for (int i = 0; i < rows[r].visible; ++i) entries[all.begins[r] + i] = i;
  return all;
}

EntrySelection select_entries(Context& context, const Tensor& q, const Tensor& weights, int most,
                              std::span<const WindowSpan> spans) {
  int64_t count;
  const RowOf* rows = rows_of(context, spans, count);
  const auto heads = static_cast<int>(q.shape()[1]);
  CHECK(q.rows() == count && weights.rows() == count && weights.width() == heads, "q {}, weights {}, {} rows",
        q.shape().text(), weights.shape().text(), count);
  int32_t* entries;
  const EntrySelection selection = room_for(context, rows, count, most, entries);
  context.pool.run(static_cast<int>(count), [&](int row, int) {
    int32_t* to = entries + selection.begins[row];
    const int visible = rows[row].visible;
    if (visible <= most) {
      for (int i = 0; i < visible; ++i) to[i] = i;
      return;
    }
    std::vector<float> page_scores, scores(static_cast<size_t>(visible));
    score(context.kernels, *rows[row].span->kv, q.row(row).data(), weights.row(row).data(), heads, visible, page_scores,
          scores.data());
    std::vector<int32_t> order(static_cast<size_t>(visible));
    for (int i = 0; i < visible; ++i) order[static_cast<size_t>(i)] = i;
    std::nth_element(order.begin(), order.begin() + most, order.end(), [&](int32_t a, int32_t b) {
      const float x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    });
    std::sort(order.begin(), order.begin() + most);
    std::copy_n(order.begin(), most, to);
  });
  return selection;
}

}  // namespace freehold::ops
