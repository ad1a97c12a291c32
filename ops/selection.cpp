#include "ops/selection.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/check.h"

namespace freehold::ops {
namespace {

constexpr int chunk_pages = 16;                    // that one piece of work scores
constexpr int64_t most_scores = int64_t{4} << 20;  // kept at once

struct Room {
  Selection selection;
  int32_t* chosen;
};

Room room_for(Context& context, std::span<const IndexRow> rows, int most) {
  auto* begins = context.arena.array<int64_t>(rows.size() + 1);
  begins[0] = 0;
  for (size_t r = 0; r < rows.size(); ++r) begins[r + 1] = begins[r] + std::min(rows[r].visible, most);
  auto* chosen = context.arena.array<int32_t>(static_cast<size_t>(begins[rows.size()]));
  return {{begins, chosen}, chosen};
}

// Scores of the keys of pages first..first+chunk_pages, up to `visible`. of_page: room for [heads, 64].
void score(const Kernels& kernels, const IndexRow& row, int first_page, const float* q, const float* weights, int heads,
           float* of_page, float* scores) {
  const int end = std::min(row.visible, (first_page + chunk_pages) * kv_page_positions);
  for (int at = first_page * kv_page_positions; at < end; at += kv_page_positions) {
    const std::byte* page = row.keys.first + static_cast<size_t>(at / kv_page_positions) * row.keys.stride;
    kernels.attention.score_page[static_cast<size_t>(row.keys.type)](
        {page, page, row.keys.dim, row.keys.dim, page, page}, heads, q, of_page);
    float sums[kv_page_positions] = {};
    for (int j = 0; j < heads; ++j)
      for (int i = 0; i < kv_page_positions; ++i) {
        const float x = of_page[j * kv_page_positions + i];
        sums[i] += weights[j] * (x < 0.0f ? 0.0f : x);  // a NaN stays
      }
    for (int i = 0; i < std::min(kv_page_positions, end - at); ++i)
      scores[at + i] = std::isnan(sums[i]) ? -INFINITY : sums[i];
  }
}

// The `most` best of scores [count], ascending. `sorted` is room for [count].
void pick(const float* scores, int count, int most, float* sorted, int32_t* to) {
  std::copy_n(scores, count, sorted);
  std::nth_element(sorted, sorted + most - 1, sorted + count, std::greater<>());
  const float least = sorted[most - 1];
  int equal = most - static_cast<int>(std::count_if(sorted, sorted + most, [&](float x) { return x > least; }));
  for (int i = 0; i < count; ++i)
    if (scores[i] > least || (scores[i] == least && equal-- > 0)) *to++ = i;
}

void take_all(int visible, int32_t* to) {
  for (int i = 0; i < visible; ++i) to[i] = i;
}

}  // namespace

Selection select_all(Context& context, std::span<const IndexRow> rows) {
  const Room room = room_for(context, rows, INT32_MAX);
  for (size_t r = 0; r < rows.size(); ++r) take_all(rows[r].visible, room.chosen + room.selection.begins[r]);
  return room.selection;
}

Selection select_best(Context& context, const Tensor& q, const Tensor& weights, int most,
                      std::span<const IndexRow> rows) {
  const auto heads = static_cast<int>(q.shape()[1]);
  const auto count = static_cast<int64_t>(rows.size());
  CHECK(q.rows() == count && weights.rows() == count && weights.width() == heads && most > 0,
        "q {}, weights {}, {} rows, the best {}", q.shape().text(), weights.shape().text(), count, most);
  const Room room = room_for(context, rows, most);
  const auto chosen_of = [&](int row) { return room.chosen + room.selection.begins[row]; };
  const Arena::Mark mark = context.arena.mark();
  auto* choosing = context.arena.array<int>(rows.size());  // rows that see more than they keep
  int choosers = 0, longest = 0;
  for (int r = 0; r < static_cast<int>(count); ++r) {
    const int visible = rows[static_cast<size_t>(r)].visible;
    if (visible <= most) {
      take_all(visible, chosen_of(r));
    } else {
      choosing[choosers++] = r;
      longest = std::max(longest, visible);
    }
  }
  if (choosers > 0) {
    const auto block = static_cast<int>(std::clamp<int64_t>(most_scores / longest, 1, choosers));
    const int chunks = (longest + chunk_pages * kv_page_positions - 1) / (chunk_pages * kv_page_positions);
    const auto workers = static_cast<size_t>(context.pool.threads()), length = static_cast<size_t>(longest);
    auto* scores = context.arena.array<float>(static_cast<size_t>(block) * length);
    auto* sorted = context.arena.array<float>(workers * length);
    const auto page_numbers = static_cast<size_t>(heads) * kv_page_positions;
    auto* pages = context.arena.array<float>(workers * page_numbers);
    for (int first = 0; first < choosers; first += block) {
      const int now = std::min(block, choosers - first);
      context.pool.run(now * chunks, [&](int chunk, int worker) {
        const int row = choosing[first + chunk / chunks];
        score(context.kernels, rows[static_cast<size_t>(row)], chunk % chunks * chunk_pages, q.row(row).data(),
              weights.row(row).data(), heads, pages + static_cast<size_t>(worker) * page_numbers,
              scores + static_cast<size_t>(chunk / chunks) * length);
      });
      context.pool.run(now, [&](int i, int worker) {
        const int row = choosing[first + i];
        pick(scores + static_cast<size_t>(i) * length, rows[static_cast<size_t>(row)].visible, most,
             sorted + static_cast<size_t>(worker) * length, chosen_of(row));
      });
    }
  }
  context.arena.rewind(mark);
  return room.selection;
}

Tensor selection_mask(Context& context, const Selection& selection, int first_row, int rows, int columns) {
  Tensor mask = Tensor::zeros({rows, columns}, context.arena);
  for (int i = 0; i < rows; ++i)
    for (const int32_t at : selection.of(first_row + i)) mask.mutable_row(i)[static_cast<size_t>(at)] = 1;
  return mask;
}

}  // namespace freehold::ops
