// Ops over rows: the same bits for any number of threads, and for a row alone or among others. Sizes are such that
// regions have several chunks.
#include <functional>

#include "ops/ops_fixture.h"

namespace freehold {
namespace {

using testing::Bench;
using testing::numbers;
using testing::random_tensor;
using testing::same_bits;

struct RowOp {
  const char* name;
  std::function<Tensor(Context&, const Tensor& x, std::span<const int32_t> positions)> op;
};

const int rows = 300, width = 1152;

TEST(RowOps, threads_and_company_change_no_bit) {
  Arena arena;
  Random random(1);
  const Tensor x = random_tensor({rows, width}, arena, random), w = random_tensor({width}, arena, random);
  std::vector<int32_t> positions;
  for (int i = 0; i < rows; ++i) positions.push_back(i * 37 % 4000);
  const ops::Rope rope{ops::RopeLayout::half, std::vector<float>(32, 0.3f), 1};
  const std::vector<RowOp> all{
      {"rms_norm", [&](Context& c, const Tensor& t, auto) { return ops::rms_norm(c, t, w, 1e-5f); }},
      {"gelu", [&](Context& c, const Tensor& t, auto) { return ops::gelu(c, t); }},
      {"layer_norm", [&](Context& c, const Tensor& t, auto) { return ops::layer_norm(c, t, w, w, 1e-5f); }},
      {"silu_mul", [&](Context& c, const Tensor& t, auto) { return ops::silu_mul(c, t, t); }},
      {"add", [&](Context& c, const Tensor& t, auto) { return ops::add(c, t, t); }},
      {"scale", [&](Context& c, const Tensor& t, auto) { return ops::scale(c, t, 0.3f); }},
      {"project_out", [&](Context& c, const Tensor& t, auto) { return ops::project_out(c, t, w, 0.01f); }},
      {"rope",
       [&](Context& c, const Tensor& t, std::span<const int32_t> at) {
         return ops::rope(c, t.reshaped({t.rows(), width / 64, 64}), rope, at);
       }},
  };
  for (const RowOp& op : all) {
    Bench one(best_kernels(), 1), three(best_kernels(), 3);
    const Tensor whole = op.op(one.context, x, positions);
    EXPECT_TRUE(same_bits(op.op(three.context, x, positions).all(), whole.all())) << op.name;
    for (const int row : {0, 17, 299}) {
      const auto alone = op.op(one.context, x.rows(row, 1), std::span(positions).subspan(static_cast<size_t>(row), 1));
      EXPECT_TRUE(same_bits(alone.all(), whole.row(row))) << op.name << " row " << row;
    }
  }
}

TEST(RowOps, cross_entropy_on_threads) {
  Arena arena;
  Random random(2);
  const Tensor logits = random_tensor({40, 9000}, arena, random, 3);
  std::vector<int32_t> targets;
  for (int i = 0; i < 40; ++i) targets.push_back(i % 5 ? random.below(9000) : -1);
  const auto run = [&](int threads) {
    Tape tape;
    Bench bench(best_kernels(), threads, &tape);
    std::vector<float> nll(40);
    const Tensor loss = ops::cross_entropy(bench.context, logits, targets, nll);
    tape.backward(loss);
    const auto gradient = tape.grad(logits);
    nll.insert(nll.end(), gradient.begin(), gradient.end());
    nll.push_back(loss.data()[0]);
    return nll;
  };
  EXPECT_TRUE(same_bits(run(1), run(3)));
}

TEST(RowOps, rope_remembers_angles_only_while_they_are_right) {
  Bench bench(best_kernels(), 1);
  Random random(3);
  const ops::Rope rope{ops::RopeLayout::interleaved, {1, 0.1f}, 1}, other{ops::RopeLayout::interleaved, {1, 0.2f}, 1};
  Arena arena;
  const Tensor x = random_tensor({2, 1, 4}, arena, random);
  const std::vector<int32_t> here{3, 4}, there{3, 5};
  const auto fresh = [&](const ops::Rope& r, const std::vector<int32_t>& positions) {
    Bench own(best_kernels(), 1);
    return numbers(ops::rope(own.context, x, r, positions));
  };
  EXPECT_TRUE(same_bits(ops::rope(bench.context, x, rope, here).all(), fresh(rope, here)));
  const RopeTable* table = bench.context.rope_cache.table;
  EXPECT_TRUE(same_bits(ops::rope(bench.context, x, rope, here).all(), fresh(rope, here)));
  EXPECT_EQ(bench.context.rope_cache.table, table);
  EXPECT_TRUE(same_bits(ops::rope(bench.context, x, rope, there).all(), fresh(rope, there)));
  EXPECT_TRUE(same_bits(ops::rope(bench.context, x, other, there).all(), fresh(other, there)));
  bench.arena.reset();
  std::memset(bench.arena.bytes(4096), 0xff, 4096);  // where the table was
  EXPECT_TRUE(same_bits(ops::rope(bench.context, x, other, there).all(), fresh(other, there)));
}

TEST(RowOps, attention_keeps_no_scratch) {
  Bench bench(best_kernels(), 2);
  Random random(4);
  const Tensor x = random_tensor({200, 2, 16}, bench.arena, random);
  const size_t before = bench.arena.used_bytes();
  const ops::AttentionSpan span{0, 200, 0, nullptr};
  ops::attention(bench.context, x, x, x, 0.25f, std::span(&span, 1));
  EXPECT_LE(bench.arena.used_bytes() - before, 200 * 2 * 16 * sizeof(float) + 128);  // the result and its storage
}

}  // namespace
}  // namespace freehold
