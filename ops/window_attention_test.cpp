// Window attention and what it needs, against formulas in double; in pieces = at once is tests/bits_test.cpp's matter.
#include "ops/window_attention.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "ops/gradient_check.h"

namespace freehold {
namespace {

using namespace testing;

// Two sequences of 13 and 6 rows.
struct Sequences {
  explicit Sequences(const WindowKvShape& shape) : first(shape), second(shape) {
    spans = {{0, 13, 0, &first}, {13, 6, 0, &second}};
  }
  WindowKv first, second;
  std::vector<ops::WindowSpan> spans;
};
constexpr size_t counts[] = {13, 6}, starts[] = {0, 13};

WindowKvShape shape_of(int dim, int window, int ratio, bool overlapping, int index_dim = 0) {
  return {KvType::f32, dim, window, ratio, overlapping, index_dim};
}

// Entries of both sequences from keys, gates [19, u d] and ape [m, u d].
Numbers compressed(const Inputs& in, size_t d, size_t m, bool overlapping) {
  const size_t width = overlapping ? 2 * d : d;
  Numbers entries;
  for (size_t s = 0; s < 2; ++s)
    for (size_t e = 0; (e + 1) * m <= counts[s]; ++e)
      for (size_t c = 0; c < d; ++c) {
        double sum = 0, mixed = 0;
        const auto slot = [&](size_t token, size_t channel) {
          const size_t at = (starts[s] + token) * width + channel;
          const double weight = std::exp(in[1][at] + in[2][token % m * width + channel]);
          sum += weight;
          mixed += weight * in[0][at];
        };
        if (overlapping && e > 0)
          for (size_t i = 0; i < m; ++i) slot((e - 1) * m + i, c);
        for (size_t i = 0; i < m; ++i) slot(e * m + i, overlapping ? d + c : c);
        entries.push_back(mixed / sum);
      }
  return entries;
}

TEST(WindowAttention, compress) {
  for (const bool overlapping : {false, true}) {
    const int64_t width = overlapping ? 10 : 5;
    check({{{19, width}, {19, width}, {3, width}},
           [=](Context& c, const std::vector<Tensor>& in) {
             Sequences s(shape_of(5, 4, 3, overlapping));
             return ops::compress(c, in[0], in[1], in[2], ops::Compressor::main, s.spans);
           },
           [=](const Inputs& in) { return compressed(in, 5, 3, overlapping); },
           60});
  }
}

// Inputs q [19, heads, d], kv [19, d], entries [n, d], sinks [heads]; a row sees `window` rows and the entries in
// `seen` of those complete. Scores with -inf, shares, or the mix.
enum class Part { scores, shares, mix };
Numbers attended(const Inputs& in, size_t heads, size_t d, size_t window, size_t m, size_t every, size_t s, Part part) {
  const double scale = 0.4f;
  Numbers all;
  const size_t first_entry = s == 0 ? 0 : counts[0] / m, entries = counts[s] / m, n = counts[s] + entries;
  for (size_t row = 0; row < counts[s]; ++row)
    for (size_t head = 0; head < heads; ++head) {
      Numbers scores(n, -std::numeric_limits<double>::infinity());
      const auto key = [&](size_t column) {
        return column < counts[s] ? &in[1][(starts[s] + column) * d] : &in[2][(first_entry + column - counts[s]) * d];
      };
      for (size_t column = 0; column < n; ++column) {
        const bool seen = column < counts[s]
                              ? column <= row && row < column + window
                              : (column - counts[s] + 1) * m <= row + 1 && (column - counts[s]) % every == 0;
        if (!seen) continue;
        scores[column] = 0;
        for (size_t i = 0; i < d; ++i)
          scores[column] += in[0][((starts[s] + row) * heads + head) * d + i] * key(column)[i] * scale;
      }
      if (part == Part::scores) {
        all.insert(all.end(), scores.begin(), scores.end());
        continue;
      }
      double sum = std::exp(in[3][head]);
      for (double& e : scores) sum += e = std::exp(e);
      for (double& e : scores) e /= sum;
      if (part == Part::shares) {
        all.insert(all.end(), scores.begin(), scores.end());
        continue;
      }
      for (size_t i = 0; i < d; ++i) {
        double z = 0;
        for (size_t column = 0; column < n; ++column) z += scores[column] * key(column)[i];
        all.push_back(z);
      }
    }
  return all;
}

// Every second of the complete entries.
ops::Selection every_second(Context& c, std::span<const ops::WindowSpan> spans) {
  std::vector<int64_t> begins{0};
  std::vector<int32_t> entries;
  for (const ops::WindowSpan& span : spans)
    for (int i = 0; i < span.rows; ++i) {
      for (int e = 0; e < span.kv->shape().entries_before(i + 1); e += 2) entries.push_back(e);
      begins.push_back(static_cast<int64_t>(entries.size()));
    }
  auto* to_begins = c.arena.array<int64_t>(begins.size());
  auto* to_entries = c.arena.array<int32_t>(entries.size());
  std::copy(begins.begin(), begins.end(), to_begins);
  std::copy(entries.begin(), entries.end(), to_entries);
  return {to_begins, to_entries};
}

TEST(WindowAttention, mixes_window_entries_and_sink) {
  for (const bool selects : {false, true}) {
    const std::vector<Shape> shapes{{19, 3, 6}, {19, 6}, {9, 6}, {3}};
    check({shapes,
           [=](Context& c, const std::vector<Tensor>& in) {
             Sequences s(shape_of(6, 4, 2, false));
             ops::remember_entries(in[2], ops::Compressor::main, s.spans);
             const auto selection = selects ? every_second(c, s.spans) : ops::all_entries(c, s.spans);
             return ops::window_attention(c, in[0], in[1], in[2], in[3], 0.4f, selection, s.spans);
           },
           [=](const Inputs& in) {
             Numbers z = attended(in, 3, 6, 4, 2, selects ? 2 : 1, 0, Part::mix);
             const Numbers more = attended(in, 3, 6, 4, 2, selects ? 2 : 1, 1, Part::mix);
             z.insert(z.end(), more.begin(), more.end());
             return z;
           },
           120});
  }
}

TEST(WindowAttention, in_parts) {
  const std::vector<Shape> shapes{{19, 3, 6}, {19, 6}, {9, 6}, {3}};
  for (const Part part : {Part::scores, Part::shares, Part::mix})
    for (const size_t s : {0, 1})
      check({shapes,
             [=](Context& c, const std::vector<Tensor>& in) {
               Sequences both(shape_of(6, 4, 2, false));
               ops::remember_entries(in[2], ops::Compressor::main, both.spans);
               const auto selection = every_second(c, both.spans);
               const ops::WindowKeys keys = ops::window_keys(c, in[1], both.spans[s], s == 0 ? 0 : 6);
               const Tensor scores = ops::window_scores(c, in[0], in[1], in[2], 0.4f, selection, keys);
               if (part == Part::scores) return scores;
               const Tensor shares = ops::sink_shares(c, scores, in[3]);
               return part == Part::shares ? shares : ops::window_mix(c, shares, in[1], in[2], keys);
             },
             [=](const Inputs& in) { return attended(in, 3, 6, 4, 2, 2, s, part); }, 120});
}

TEST(WindowAttention, selects_the_best_entries_and_the_lower_of_equals) {
  Bench bench(best_kernels(), 2);
  WindowKv kv(shape_of(4, 4, 2, true, 2));
  // Scores of entries for q = (1, 0): the first number, where it is above 0.
  const float firsts[] = {0.5f, -3, 2, 0.5f, -1, 2, 0.25f, 7};
  for (int i = 0; i < 8; ++i) {
    const float entry[] = {firsts[i], 1};
    kv.write_index_entry(i, entry);
  }
  const ops::WindowSpan span{0, 16, 0, &kv};
  std::vector<float> q, weights(16, 1.0f);
  for (int i = 0; i < 16; ++i) q.push_back(1), q.push_back(0);
  const auto pick = [&](int most, int row) {
    const auto selection = ops::select_entries(bench.context, Tensor::of(q, {16, 1, 2}, bench.arena),
                                               Tensor::of(weights, {16, 1}, bench.arena), most, std::span(&span, 1));
    const auto of = selection.of(row);
    return std::vector<int32_t>(of.begin(), of.end());
  };
  using Picked = std::vector<int32_t>;
  EXPECT_EQ(pick(3, 0), Picked{});
  EXPECT_EQ(pick(3, 5), (Picked{0, 1, 2}));   // all that are complete
  EXPECT_EQ(pick(3, 13), (Picked{0, 2, 5}));  // 0 and 3 are equal
  EXPECT_EQ(pick(3, 15), (Picked{2, 5, 7}));
  EXPECT_EQ(pick(6, 14), (Picked{0, 1, 2, 3, 5, 6}));  // 1 and 4 are both 0
  weights.assign(16, NAN);
  EXPECT_EQ(pick(2, 15), (Picked{0, 1}));
}

}  // namespace
}  // namespace freehold
