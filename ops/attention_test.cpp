// Attention against double, and its promise of bits: whole = in chunks = token by token = in a batch with strangers,
// for any number of threads and every kernel set.
#include "base/memory.h"
#include "base/sanitized.h"
#include "ops/attention_codes.h"
#include "ops/ops_fixture.h"

namespace freehold {
namespace {

using testing::Bench;
using testing::epsilon;
using testing::numbers;
using testing::random_tensor;
using testing::same_bits;

struct Case {
  int rows, heads, kv_heads, head_dim, value_dim;
  KvType type;
};

struct Inputs {
  Tensor q, k, v;
};

Inputs inputs_of(const Case& c, Arena& arena, uint64_t seed = 3) {
  Random random(seed);
  return {random_tensor({c.rows, c.heads, c.head_dim}, arena, random, 2),
          random_tensor({c.rows, c.kv_heads, c.head_dim}, arena, random),
          random_tensor({c.rows, c.kv_heads, c.value_dim}, arena, random)};
}

float scale_of(const Case& c) { return 1.0f / std::sqrt(static_cast<float>(c.head_dim)); }

// Rows first..first+count of the inputs, over pages that already hold the rows before.
std::vector<float> attend(Context& context, const Case& c, const Inputs& in, int first, int count, KvPages* pages) {
  const ops::AttentionSpan span{0, count, first, pages};
  return numbers(ops::attention(context, in.q.rows(first, count), in.k.rows(first, count), in.v.rows(first, count),
                                scale_of(c), std::span(&span, 1)));
}

std::vector<float> in_chunks(const Kernels& kernels, int threads, const Case& c, const Inputs& in,
                             const std::vector<int>& chunks) {
  Bench bench(kernels, threads);
  KvPages pages({c.type, c.kv_heads, c.head_dim, c.value_dim}, c.rows);
  std::vector<float> z;
  int first = 0;
  for (size_t i = 0; first < c.rows; ++i) {
    const int count = std::min(chunks[i % chunks.size()], c.rows - first);
    const auto part = attend(bench.context, c, in, first, count, &pages);
    z.insert(z.end(), part.begin(), part.end());
    first += count;
  }
  return z;
}

const std::vector<Case> cases{
    {1, 1, 1, 1, 1, KvType::f32},       {5, 2, 2, 12, 12, KvType::f16},   {63, 4, 2, 18, 18, KvType::f32},
    {64, 3, 1, 16, 8, KvType::f16},     {65, 9, 3, 64, 64, KvType::f16},  {130, 7, 1, 20, 33, KvType::f32},
    {513, 6, 2, 8, 24, KvType::f32},    {600, 3, 3, 16, 16, KvType::f16}, {1100, 4, 1, 16, 80, KvType::f16},
    {70, 14, 2, 128, 128, KvType::f32}, {5, 2, 2, 12, 12, KvType::q8},    {65, 9, 3, 64, 64, KvType::q8},
    {130, 7, 1, 20, 33, KvType::q8},    {1100, 4, 1, 32, 80, KvType::q8}, {70, 16, 1, 576, 512, KvType::f16},
    {70, 16, 1, 576, 512, KvType::q8}};

// Rows of keys or values as pages give them back.
Tensor as_stored(Context& context, const KvShape& shape, const Tensor& x) {
  Tensor rounded = Tensor::empty(x.shape(), context.arena);
  const auto dim = static_cast<int>(x.shape()[2]);
  std::vector<std::byte> row(shape.row_bytes(dim));
  for (int64_t i = 0; i < x.rows(); ++i) {
    store_row(context.kernels, shape, dim, x.row(i).data(), row.data());
    load_row(shape, dim, row.data(), rounded.mutable_row(i).data());
  }
  return rounded;
}

// The plain set's answer, all rows at once on one thread: what all others must equal.
const std::vector<float>& plain_whole(size_t index) {
  static std::vector<std::vector<float>> known(cases.size());
  if (known[index].empty()) {
    Arena arena;
    known[index] =
        in_chunks(*runnable_kernels()[0], 1, cases[index], inputs_of(cases[index], arena), {cases[index].rows});
  }
  return known[index];
}

class AttentionTest : public ::testing::TestWithParam<const Kernels*> {};

TEST_P(AttentionTest, equals_double) {
  for (size_t index = 0; index < cases.size(); ++index) {
    const Case& c = cases[index];
    Arena arena;
    const Inputs in = inputs_of(c, arena);
    const auto z = GetParam()->name == "plain" ? plain_whole(index) : in_chunks(*GetParam(), 2, c, in, {c.rows});
    Bench bench(*GetParam(), 1);
    const KvShape shape{c.type, c.kv_heads, c.head_dim, c.value_dim};
    const Tensor q = c.type == KvType::q8 ? ops::rounded_queries(bench.context, in.q, scale_of(c)) : in.q;
    const Tensor k = as_stored(bench.context, shape, in.k), v = as_stored(bench.context, shape, in.v);
    for (int i = 0; i < c.rows; i += 1 + c.rows / 40)
      for (int h = 0; h < c.heads; ++h) {
        const int m = h / (c.heads / c.kv_heads);
        std::vector<double> s(static_cast<size_t>(i + 1)), exact(static_cast<size_t>(c.value_dim));
        double most = -1e30, sum = 0, size = 0, error = 0;
        for (int j = 0; j <= i; ++j) {
          double absolute = 0;
          for (int d = 0; d < c.head_dim; ++d) {
            const double term = double{q.row(i)[static_cast<size_t>(h * c.head_dim + d)]} *
                                k.row(j)[static_cast<size_t>(m * c.head_dim + d)] * scale_of(c);
            s[static_cast<size_t>(j)] += term;
            absolute += std::abs(term);
          }
          error = std::max(error, absolute * (c.head_dim + 3) * epsilon);  // of a score
          most = std::max(most, s[static_cast<size_t>(j)]);
        }
        for (double& e : s) sum += e = std::exp(e - most);
        for (int j = 0; j <= i; ++j)
          for (int d = 0; d < c.value_dim; ++d) {
            const double value = v.row(j)[static_cast<size_t>(m * c.value_dim + d)];
            exact[static_cast<size_t>(d)] += s[static_cast<size_t>(j)] / sum * value;
            size = std::max(size, std::abs(value));
          }
        // Weights are off by the scores' errors (twice: their own and the sum's), by the spread of scores times epsilon
        // and by one rounding for each key in the chains.
        // Over q8 pages weights are whole: half a unit for each of a page's 64 keys, when one of them has 32767.
        const double whole = c.type == KvType::q8 ? 64 * 0.5 / 32767 : 0;
        const double tolerance = size * (2 * error + (i + 60) * epsilon + whole);
        for (int d = 0; d < c.value_dim; ++d)
          ASSERT_NEAR(z[static_cast<size_t>((i * c.heads + h) * c.value_dim + d)], exact[static_cast<size_t>(d)],
                      tolerance)
              << c.rows << " rows, row " << i << " head " << h << " of " << c.head_dim;
      }
  }
}

TEST_P(AttentionTest, same_bits_for_chunks_threads_and_sets) {
  for (size_t index = 0; index < cases.size(); ++index) {
    const Case& c = cases[index];
    Arena arena;
    const Inputs in = inputs_of(c, arena);
    const auto check = [&](int threads, const std::vector<int>& chunks) {
      EXPECT_TRUE(same_bits(in_chunks(*GetParam(), threads, c, in, chunks), plain_whole(index))) << c.rows;
    };
    check(2, {1, 7, 100, 512});
    if ((GetParam()->name == "plain" || sanitized) && c.rows > 200) continue;  // slow
    check(1, {c.rows});
    check(3, {c.rows});
    check(2, {64});
    check(2, {1});
  }
}

class AttentionTypes : public ::testing::TestWithParam<std::tuple<const Kernels*, KvType>> {
 protected:
  const Kernels& kernels() const { return *std::get<0>(GetParam()); }
  KvType type() const { return std::get<1>(GetParam()); }
};

TEST_P(AttentionTypes, same_bits_in_a_batch_with_strangers) {
  const Case c{1100, 6, 2, 16, 16, type()};
  Arena arena;
  const Inputs in = inputs_of(c, arena);
  const auto alone = in_chunks(kernels(), 1, c, in, {c.rows});
  // Three sequences: a long decoded one, ours, and a short one without pages; ours continues at row 700.
  Bench bench(kernels(), 2);
  const KvShape shape{c.type, c.kv_heads, c.head_dim, c.value_dim};
  KvPages stranger_pages(shape, 900), pages(shape, c.rows);
  const Case other{900, 6, 2, 16, 16, c.type};
  const Inputs stranger = inputs_of(other, arena, 5);
  attend(bench.context, other, stranger, 0, 899, &stranger_pages);
  attend(bench.context, c, in, 0, 700, &pages);
  const auto joined = [&](const Tensor& a, const Tensor& b, const Tensor& d) {
    Tensor t = Tensor::empty({1 + 400 + 30, a.shape()[1], a.shape()[2]}, arena);
    std::copy_n(a.row(899).data(), a.width(), t.mutable_row(0).data());
    std::copy_n(b.row(700).data(), 400 * b.width(), t.mutable_row(1).data());
    std::copy_n(d.row(0).data(), 30 * d.width(), t.mutable_row(401).data());
    return t;
  };
  const std::vector<ops::AttentionSpan> spans{
      {0, 1, 899, &stranger_pages}, {1, 400, 700, &pages}, {401, 30, 0, nullptr}};
  const Tensor z =
      ops::attention(bench.context, joined(stranger.q, in.q, stranger.q), joined(stranger.k, in.k, stranger.k),
                     joined(stranger.v, in.v, stranger.v), scale_of(c), spans);
  const size_t width = static_cast<size_t>(z.width());
  EXPECT_TRUE(same_bits(z.rows(1, 400).all(), std::span(alone).subspan(700 * width, 400 * width)));
}

// Latent attention: values that are the keys' first numbers, kept once, give what values kept beside them give.
TEST_P(AttentionTypes, values_in_keys_as_values_beside_them) {
  for (const auto& [heads, head_dim, value_dim] : {std::tuple{16, 576, 512}, {3, 40, 32}, {5, 44, 35}, {130, 33, 33}}) {
    if (type() == KvType::q8 && value_dim % kv_block != 0) continue;
    const int rows = heads > 100 ? 70 : 600;
    const Case c{rows, heads, 1, head_dim, value_dim, type()};
    Arena arena;
    Inputs in = inputs_of(c, arena);
    for (int64_t row = 0; row < in.v.rows(); ++row)
      std::copy_n(in.k.row(row).data(), value_dim, in.v.mutable_row(row).data());
    Bench bench(kernels(), 2);
    KvPages beside({type(), 1, head_dim, value_dim}, rows), once({type(), 1, head_dim, value_dim, true}, rows);
    EXPECT_LT(once.shape().page_bytes(), beside.shape().page_bytes());
    for (const auto& [first, count] : {std::pair{0, 1}, {1, rows - 9}, {rows - 8, 7}, {rows - 1, 1}}) {
      const auto a = attend(bench.context, c, in, first, count, &beside);
      const auto b = attend(bench.context, c, in, first, count, &once);
      EXPECT_TRUE(same_bits(a, b)) << head_dim << " from row " << first;
    }
    std::vector<float> key(static_cast<size_t>(head_dim)), value(static_cast<size_t>(value_dim));
    once.read(rows - 1, key.data(), value.data());
    EXPECT_TRUE(std::equal(value.begin(), value.end(), key.begin()));
  }
}

TEST_P(AttentionTest, without_pages_as_with_f32_pages) {
  const Case c{200, 4, 2, 24, 24, KvType::f32};
  Arena arena;
  const Inputs in = inputs_of(c, arena);
  Bench bench(*GetParam(), 2);
  EXPECT_TRUE(same_bits(attend(bench.context, c, in, 0, c.rows, nullptr), in_chunks(*GetParam(), 2, c, in, {c.rows})));
}

// Without a mask a row sees what the last row of a causal span sees: its query there gives the same bits.
TEST_P(AttentionTest, without_a_mask_each_row_sees_what_the_last_one_sees) {
  for (const int rows : {1, 65, 600, 1100}) {
    const Case c{rows, 4, 2, 16, 24, KvType::f32};
    Arena arena;
    const Inputs in = inputs_of(c, arena), before = inputs_of({30, 4, 2, 16, 24, KvType::f32}, arena, 5);
    Bench bench(*GetParam(), 2);
    const std::vector<ops::AttentionSpan> spans{{0, 30, 0, nullptr, ops::Mask::none},
                                                {30, rows, 0, nullptr, ops::Mask::none}};
    const auto both = [&](const Tensor& a, const Tensor& b) {
      const Tensor parts[] = {a, b};
      return ops::join_rows(bench.context, parts);
    };
    const Tensor z = ops::attention(bench.context, both(before.q, in.q), both(before.k, in.k), both(before.v, in.v),
                                    scale_of(c), spans);
    for (const int row : {0, 1, 63, 64, 511, 512, rows - 1}) {
      if (row >= rows) continue;
      Inputs last = in;
      last.q = Tensor::empty(in.q.shape(), arena);
      std::copy_n(in.q.data(), in.q.shape().elements(), last.q.mutable_data());
      std::copy_n(in.q.row(row).data(), in.q.width(), last.q.mutable_row(rows - 1).data());
      const auto causal = attend(bench.context, c, last, 0, rows, nullptr);
      EXPECT_TRUE(same_bits(z.row(30 + row), std::span(causal).last(static_cast<size_t>(z.width()))))
          << row << " of " << rows;
    }
  }
}

TEST_P(AttentionTypes, leftovers_in_pages_do_not_matter) {
  const Case c{70, 4, 2, 16, 16, type()};
  Arena arena;
  const Inputs in = inputs_of(c, arena);
  Bench bench(kernels(), 2);
  KvPages pages({c.type, c.kv_heads, c.head_dim, c.value_dim}, 200);
  const std::vector<float> nan(32, std::nanf(""));
  for (int i = 0; i < pages.capacity(); ++i) pages.write(i, nan.data(), nan.data());
  EXPECT_TRUE(same_bits(attend(bench.context, c, in, 0, c.rows, &pages), in_chunks(kernels(), 2, c, in, {c.rows})));
}

// Scores, patterns and their mix beside the fused op, within roundings; the same for all sets to the bit.
TEST_P(AttentionTypes, parts_agree_with_the_whole) {
  const Case c{150, 6, 2, 20, 12, type()};
  Arena arena;
  const Inputs in = inputs_of(c, arena);
  const auto parts = [&](const Kernels& kernels) {
    Bench bench(kernels, 2);
    KvPages pages({c.type, c.kv_heads, c.head_dim, c.value_dim}, c.rows);
    attend(bench.context, c, in, 0, 100, &pages);
    const auto fused = attend(bench.context, c, in, 100, 50, &pages);
    const ops::AttentionSpan span{0, 50, 100, &pages};
    const Tensor q = in.q.rows(100, 50), k = in.k.rows(100, 50), v = in.v.rows(100, 50);
    const Tensor scores = ops::attention_scores(bench.context, q, k, pages, scale_of(c), span);
    EXPECT_EQ(scores.shape(), (Shape{50, 6, 150}));
    EXPECT_EQ(scores.row(3)[104], -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isfinite(scores.row(3)[103]));
    const Tensor probs = ops::attention_probs(bench.context, scores);
    for (int h = 0; h < c.heads; ++h) {
      double sum = 0;
      for (size_t j = 0; j < 150; ++j) sum += probs.row(7)[static_cast<size_t>(h) * 150 + j];
      EXPECT_NEAR(sum, 1, 20 * epsilon);
    }
    const double whole = type() == KvType::q8 ? 64 * 0.5 / 32767 : 0;  // as above
    const double tolerance = 4 * ((150 + 20 * 30) * epsilon + whole);
    const auto mixed = numbers(ops::attention_mix(bench.context, probs, v, pages, span));
    for (size_t i = 0; i < mixed.size(); ++i) EXPECT_NEAR(mixed[i], fused[i], tolerance);
    return mixed;
  };
  EXPECT_TRUE(same_bits(parts(kernels()), parts(*runnable_kernels()[0])));
}

std::string name_of_both(const ::testing::TestParamInfo<std::tuple<const Kernels*, KvType>>& of) {
  return std::string(std::get<0>(of.param)->name) + "_" + std::string(name_of(std::get<1>(of.param)));
}
INSTANTIATE_TEST_SUITE_P(sets_and_types, AttentionTypes,
                         ::testing::Combine(::testing::ValuesIn(runnable_kernels()),
                                            ::testing::Values(KvType::f32, KvType::f16, KvType::q8)),
                         name_of_both);
INSTANTIATE_TEST_SUITE_P(sets, AttentionTest, ::testing::ValuesIn(runnable_kernels()),
                         [](const auto& set) { return std::string(set.param->name); });

// Room for a long context takes no memory before it is written, and none of what was reserved is read before.
TEST(KvPages, takes_memory_where_it_is_written) {
  const uint64_t before = resident_memory();
  KvPages pages({KvType::f16, 8, 128, 128}, 1 << 20);  // 4 GiB
  const std::vector<float> one(1024, 1.0f);
  pages.write(0, one.data(), one.data());
  pages.write(pages.capacity() - 1, one.data(), one.data());
  EXPECT_LT(resident_memory(), before + (16u << 20));
  std::vector<float> k(1024), v(1024);
  pages.read(77777, k.data(), v.data());
  EXPECT_EQ(k, std::vector<float>(1024));
}

TEST(KvPages, write_and_read) {
  Random random(9);
  for (const KvType type : {KvType::f32, KvType::f16, KvType::q8}) {
    KvPages pages({type, 3, 20, 12}, 100);
    EXPECT_EQ(pages.capacity(), 128);
    std::vector<std::vector<float>> k, v;
    for (int i = 0; i < 100; ++i) {
      k.emplace_back(60), v.emplace_back(36);
      for (float& x : k.back()) x = random.normal();
      for (float& x : v.back()) x = random.normal();
      pages.write(i, k.back().data(), v.back().data());
    }
    std::vector<float> key(60), value(36);
    // Half a unit in the last place of a half; half a unit of 127 in the largest, plus the rounding of its scale.
    const auto near = [&](const std::vector<float>& found, const std::vector<float>& given, size_t dim) {
      for (size_t j = 0; j < found.size(); ++j) {
        float most = 0;
        for (size_t d = j / dim * dim; d < (j / dim + 1) * dim; ++d) most = std::max(most, std::abs(given[d]));
        const float size = std::abs(given[j]);
        const float bound = type == KvType::f32   ? 0
                            : type == KvType::f16 ? size * 0x1p-11f + 0x1p-25f
                                                  : most * (0.5f / 127 + 0x1p-11f);
        ASSERT_NEAR(found[j], given[j], bound);
      }
    };
    for (size_t i = 0; i < 100; ++i) {
      pages.read(static_cast<int>(i), key.data(), value.data());
      near(key, k[i], 20);
      near(value, v[i], 12);
      const std::vector<float> key_before = key, value_before = value;
      std::vector<std::byte> key_row(pages.shape().key_row_bytes()), value_row(pages.shape().value_row_bytes());
      pages.read_stored(static_cast<int>(i), key_row.data(), value_row.data());
      pages.write_stored(static_cast<int>(i + 28), key_row.data(), value_row.data());
      pages.read(static_cast<int>(i + 28), key.data(), value.data());
      EXPECT_EQ(key, key_before);
      EXPECT_EQ(value, value_before);
      pages.write(static_cast<int>(i), k[i].data(), v[i].data());
      if (i + 28 < 100) pages.write(static_cast<int>(i + 28), k[i + 28].data(), v[i + 28].data());
    }
  }
}

}  // namespace
}  // namespace freehold
