// What an indexer chooses, against a sort of the same float32 scores; attention over what is chosen, against double,
// and its bits: whole = in chunks, for every kernel set and number of threads.
#include "ops/selection.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "ops/attention_codes.h"
#include "ops/gradient_check.h"

namespace freehold {
namespace {

using namespace testing;
using Lists = std::vector<std::vector<int32_t>>;

ops::Selection selection_of(Arena& arena, const Lists& lists) {
  auto* begins = arena.array<int64_t>(lists.size() + 1);
  begins[0] = 0;
  size_t count = 0;
  for (size_t r = 0; r < lists.size(); ++r) begins[r + 1] = static_cast<int64_t>(count += lists[r].size());
  auto* chosen = arena.array<int32_t>(count);
  for (const auto& list : lists) chosen = std::copy(list.begin(), list.end(), chosen);
  return {begins, chosen - count};
}

Lists lists_of(const ops::Selection& selection, int64_t rows) {
  Lists lists;
  for (int64_t r = 0; r < rows; ++r) lists.emplace_back(selection.of(r).begin(), selection.of(r).end());
  return lists;
}

// ---- choosing ------------------------------------------------------------------------------------------------------

struct Index {
  Tensor q, weights, k;  // [R, heads, d] [R, heads] [R, d]
};

// Scores of positions 0..own of a sequence as the header says them, then sorted.
std::vector<int32_t> best_by_sorting(const Index& in, int row, int own, int most) {
  const int64_t heads = in.q.shape()[1], d = in.q.shape()[2];
  std::vector<float> scores;
  for (int s = 0; s <= own; ++s) {
    float sum = 0;
    for (int64_t j = 0; j < heads; ++j) {
      float dot = 0;
      for (int64_t i = 0; i < d; ++i)
        dot = std::fma(in.q.data()[(row * heads + j) * d + i], in.k.data()[s * d + i], dot);
      sum += in.weights.data()[row * heads + j] * std::max(dot, 0.0f);
    }
    scores.push_back(std::isnan(sum) ? -std::numeric_limits<float>::infinity() : sum);
  }
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  order.resize(std::min(order.size(), static_cast<size_t>(most)));
  std::sort(order.begin(), order.end());
  return order;
}

// One sequence in chunks over pages of its own.
Lists in_chunks(const Kernels& kernels, int threads, const Index& in, int most, int chunk, KvType type) {
  Bench bench(kernels, threads);
  const auto rows = static_cast<int>(in.q.rows());
  KvPages pages({type, 1, 8, 8, false, static_cast<int>(in.k.width())}, rows);
  Lists lists;
  for (int first = 0; first < rows; first += chunk) {
    const int count = std::min(chunk, rows - first);
    const ops::AttentionSpan span{0, count, first, &pages};
    const auto part = ops::select_positions(bench.context, in.q.rows(first, count), in.weights.rows(first, count),
                                            in.k.rows(first, count), most, std::span(&span, 1));
    for (auto& list : lists_of(part, count)) lists.push_back(std::move(list));
  }
  return lists;
}

TEST(Selection, is_the_best_by_float_score_and_the_lower_of_equals) {
  for (const auto& [rows, heads, d, most] :
       {std::array{9, 1, 2, 3}, {150, 3, 20, 8}, {70, 8, 33, 64}, {1100, 2, 16, 40}}) {
    SCOPED_TRACE(rows);
    Arena arena;
    Random random(11);
    Index in{random_tensor({rows, heads, d}, arena, random), random_tensor({rows, heads}, arena, random),
             random_tensor({rows, d}, arena, random)};
    for (int r = 0; r < rows; r += 3)  // rows whose scores are often 0, which are equal
      for (int64_t i = 0; i < heads; ++i) in.weights.mutable_row(r)[static_cast<size_t>(i)] *= i == 0 ? 1 : 0;
    in.k.mutable_row(rows / 2)[0] = std::numeric_limits<float>::quiet_NaN();
    const Lists found = in_chunks(best_kernels(), 2, in, most, rows, KvType::f32);
    ASSERT_EQ(found.size(), static_cast<size_t>(rows));
    for (int r = 0; r < rows; r += 1 + rows / 200)
      ASSERT_EQ(found[static_cast<size_t>(r)], best_by_sorting(in, r, r, most)) << "row " << r;
    for (const KvType type : {KvType::f32, KvType::f16, KvType::q8}) {
      const Lists whole = in_chunks(best_kernels(), 2, in, most, rows, type);
      for (const Kernels* kernels : runnable_kernels())
        for (const int threads : {1, 3}) EXPECT_EQ(in_chunks(*kernels, threads, in, most, 64 + threads, type), whole);
    }
  }
}

TEST(Selection, takes_a_key_that_is_no_number_last) {
  Arena arena;
  Bench bench(best_kernels(), 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Index in{Tensor::of(std::vector<float>(4, 1), {4, 1, 1}, arena),
                 Tensor::of(std::vector<float>{1, 1, 1, nan}, {4, 1}, arena),
                 Tensor::of(std::vector<float>{3, 1, 2, 4}, {4, 1}, arena)};
  EXPECT_EQ(in_chunks(best_kernels(), 1, in, 2, 4, KvType::f32), (Lists{{0}, {0, 1}, {0, 2}, {0, 1}}));
}

// ---- attention over what is chosen ---------------------------------------------------------------------------------

struct Sizes {
  int rows, heads, kv_heads, d, dv;
};

// z, or scores, of one sequence whose row r reads lists[r].
Numbers attended(const Inputs& in, const Sizes& s, const Lists& lists, double scale, bool scores_only) {
  const auto d = static_cast<size_t>(s.d), dv = static_cast<size_t>(s.dv),
             group = static_cast<size_t>(s.heads / s.kv_heads);
  const auto heads = static_cast<size_t>(s.heads), kv_heads = static_cast<size_t>(s.kv_heads);
  Numbers all;
  for (size_t r = 0; r < static_cast<size_t>(s.rows); ++r)
    for (size_t h = 0; h < heads; ++h) {
      Numbers p(static_cast<size_t>(s.rows), -std::numeric_limits<double>::infinity());
      for (const int32_t at : lists[r]) {
        double& score = p[static_cast<size_t>(at)] = 0;
        for (size_t i = 0; i < d; ++i)
          score +=
              in[0][(r * heads + h) * d + i] * in[1][(static_cast<size_t>(at) * kv_heads + h / group) * d + i] * scale;
      }
      if (scores_only) {
        all.insert(all.end(), p.begin(), p.end());
        continue;
      }
      double sum = 0;
      for (double& e : p) sum += e = std::exp(e);
      for (size_t i = 0; i < dv; ++i) {
        double z = 0;
        for (size_t at = 0; at < p.size(); ++at) z += p[at] / sum * in[2][(at * kv_heads + h / group) * dv + i];
        all.push_back(z);
      }
    }
  return all;
}

// Row r reads every `step`th position up to its own, and its own; some rows read all.
Lists every(int rows, int step) {
  Lists lists;
  for (int r = 0; r < rows; ++r) {
    lists.emplace_back();
    for (int at = 0; at <= r; ++at)
      if (at % step == r % step || r < step || r == 7) lists.back().push_back(at);
  }
  return lists;
}

TEST(SelectedAttention, and_its_gradient) {
  for (const Sizes& s : {Sizes{13, 4, 2, 6, 5}, Sizes{9, 3, 1, 18, 18}, Sizes{70, 1, 1, 3, 4}}) {
    const Lists lists = every(s.rows, 3);
    const std::vector<Shape> shapes{{s.rows, s.heads, s.d}, {s.rows, s.kv_heads, s.d}, {s.rows, s.kv_heads, s.dv}};
    check({shapes,
           [&](Context& c, const std::vector<Tensor>& in) {
             const ops::AttentionSpan span{0, s.rows, 0, nullptr};
             return ops::attention(c, in[0], in[1], in[2], 0.5f, std::span(&span, 1), selection_of(c.arena, lists));
           },
           [&](const Inputs& in) { return attended(in, s, lists, 0.5, false); }, 200});
  }
}

TEST(SelectedAttention, scores_hide_what_is_not_read) {
  const Sizes s{13, 4, 2, 6, 5};
  const Lists lists = every(s.rows, 3);
  std::vector<std::unique_ptr<KvPages>> kept;
  check({{{s.rows, s.heads, s.d}, {s.rows, s.kv_heads, s.d}},
         [&](Context& c, const std::vector<Tensor>& in) {
           kept.push_back(std::make_unique<KvPages>(KvShape{KvType::f32, s.kv_heads, s.d, s.d}, s.rows));
           const ops::AttentionSpan span{0, s.rows, 0, kept.back().get()};
           for (int r = 0; r < s.rows; ++r) kept.back()->write(r, in[1].row(r).data(), in[1].row(r).data());
           return ops::attention_scores(c, in[0], in[1], *kept.back(), 0.5f, span, selection_of(c.arena, lists));
         },
         [&](const Inputs& in) { return attended(in, s, lists, 0.5, true); },
         60});
}

// Long lists, so that several stretches are merged, in every type, values apart from keys or in them.
TEST(SelectedAttention, long_lists_in_any_chunks) {
  for (const KvType type : {KvType::f32, KvType::f16, KvType::q8})
    for (const bool in_keys : {false, true}) {
      const Sizes s = in_keys ? Sizes{1300, 5, 1, 96, 64} : Sizes{1300, 4, 2, 24, 40};
      SCOPED_TRACE(fmt::format("{} {}", name_of(type), in_keys));
      Arena arena;
      Random random(4);
      const Tensor q = random_tensor({s.rows, s.heads, s.d}, arena, random);
      const Tensor k = random_tensor({s.rows, s.kv_heads, s.d}, arena, random);
      Bench one(best_kernels(), 1);
      const Tensor v =
          in_keys ? ops::part(one.context, k, 0, s.dv) : random_tensor({s.rows, s.kv_heads, s.dv}, arena, random);
      Lists lists = every(s.rows, 37);
      const Lists longer = every(s.rows, 2);
      for (size_t r = 0; r < lists.size(); r += 16) lists[r] = longer[r];
      const KvShape shape{type, s.kv_heads, s.d, s.dv, in_keys, 16};
      const auto run = [&](const Kernels& kernels, int threads, int chunk, const KvShape& kept) {
        Bench bench(kernels, threads);
        KvPages pages(kept, s.rows);
        std::vector<float> z;
        for (int first = 0; first < s.rows; first += chunk) {
          const int count = std::min(chunk, s.rows - first);
          const ops::AttentionSpan span{0, count, first, &pages};
          const Lists part(lists.begin() + first, lists.begin() + first + count);
          const auto some =
              numbers(ops::attention(bench.context, q.rows(first, count), k.rows(first, count), v.rows(first, count),
                                     0.25f, std::span(&span, 1), selection_of(bench.arena, part)));
          z.insert(z.end(), some.begin(), some.end());
        }
        return z;
      };
      const auto whole = run(best_kernels(), 2, s.rows, shape);
      for (const Kernels* kernels : runnable_kernels()) EXPECT_TRUE(same_bits(run(*kernels, 1, 433, shape), whole));
      EXPECT_TRUE(same_bits(run(best_kernels(), 3, 64, shape), whole));
      if (in_keys) {
        KvShape apart = shape;
        apart.values_in_keys = false;
        EXPECT_TRUE(same_bits(run(best_kernels(), 2, s.rows, apart), whole)) << "values in the keys";
      }
      if (type != KvType::f32) continue;
      const auto as_doubles = [](const Tensor& t) { return Numbers(t.all().begin(), t.all().end()); };
      const Numbers exact = attended({as_doubles(q), as_doubles(k), as_doubles(v)}, s, lists, 0.25, false);
      for (size_t i = 0; i < exact.size(); ++i) ASSERT_NEAR(whole[i], exact[i], 1500 * epsilon) << i;
    }
}

}  // namespace
}  // namespace freehold
