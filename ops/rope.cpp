// (a, b) -> (a cos - b sin, b cos + a sin), angle = position * frequency. Angles, cosines and sines are computed in
// double, once for all heads; the table is kept in the context for the next layer. Back: rotation by the negative
// angle.
#include <cmath>
#include <cstring>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold {

struct RopeTable {
  ops::RopeLayout layout;
  float scale;
  int64_t pairs, rows;
  int64_t numbers;  // of a row, as the kernel of the layout wants them
  float *frequencies, *cosines, *sines;
  int32_t* positions;

  bool serves(const ops::Rope& rope, std::span<const int32_t> of) const {
    return layout == rope.layout && scale == rope.scale && pairs == static_cast<int64_t>(rope.frequencies.size()) &&
           rows == static_cast<int64_t>(of.size()) &&
           std::memcmp(frequencies, rope.frequencies.data(), rope.frequencies.size() * sizeof(float)) == 0 &&
           std::memcmp(positions, of.data(), of.size_bytes()) == 0;
  }
};

}  // namespace freehold

namespace freehold::ops {

namespace {

const RopeTable& table_of(Context& context, const Rope& rope, std::span<const int32_t> positions) {
  RopeCache& cache = context.rope_cache;
  if (cache.arena_resets != context.arena.resets()) cache = {};
  for (const RopeTable* known : {cache.table, cache.other})
    if (known && known->serves(rope, positions)) return *known;
  Arena& arena = context.arena;
  const size_t pairs = rope.frequencies.size(), rows = positions.size();
  const bool interleaved = rope.layout == RopeLayout::interleaved;
  const size_t numbers = interleaved ? 2 * pairs : pairs;
  auto* table = arena.make<RopeTable>();
  *table = {rope.layout,
            rope.scale,
            static_cast<int64_t>(pairs),
            static_cast<int64_t>(rows),
            static_cast<int64_t>(numbers),
            arena.array<float>(pairs),
            arena.array<float>(rows * numbers),
            arena.array<float>(rows * numbers),
            arena.array<int32_t>(rows)};
  std::copy(rope.frequencies.begin(), rope.frequencies.end(), table->frequencies);
  std::copy(positions.begin(), positions.end(), table->positions);
  each_rows(context.pool, static_cast<int64_t>(rows), static_cast<int64_t>(pairs) * 256,
            [&](int64_t first, int64_t count) {
              for (size_t row = static_cast<size_t>(first); row < static_cast<size_t>(first + count); ++row)
                for (size_t i = 0; i < pairs; ++i) {
                  const double angle = static_cast<double>(positions[row]) * static_cast<double>(rope.frequencies[i]);
                  const auto cosine = static_cast<float>(std::cos(angle) * static_cast<double>(rope.scale));
                  const auto sine = static_cast<float>(std::sin(angle) * static_cast<double>(rope.scale));
                  float *c = table->cosines + row * numbers, *s = table->sines + row * numbers;
                  if (interleaved) {
                    c[2 * i] = c[2 * i + 1] = cosine;
                    s[2 * i] = -sine, s[2 * i + 1] = sine;
                  } else {
                    c[i] = cosine, s[i] = sine;
                  }
                }
            });
  cache = {table, cache.table, arena.resets()};
  return *table;
}

}  // namespace

Tensor rope(Context& context, const Tensor& x, const Rope& rope, std::span<const int32_t> positions) {
  CHECK(x.shape().rank() == 3 && x.rows() == static_cast<int64_t>(positions.size()), "{} positions for {}",
        positions.size(), x.shape().text());
  const int64_t heads = x.shape()[1], d = x.shape()[2];
  const auto rotated = static_cast<int64_t>(2 * rope.frequencies.size());
  CHECK(rotated <= d, "{} frequencies for heads of {}", rope.frequencies.size(), d);
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  const RopeTable& table = table_of(context, rope, positions);
  const RowKernels& kernels = context.kernels.rows;
  const auto rotate = rope.layout == RopeLayout::half ? kernels.rotate_half : kernels.rotate_interleaved;
  each_rows(context.pool, x.rows(), 2 * heads * d, [&](int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; ++row)
      for (int64_t at = row * heads * d; at < (row + 1) * heads * d; at += d) {
        rotate(x.data() + at, table.cosines + row * table.numbers, table.sines + row * table.numbers, table.pairs,
               to + at);
        std::copy(x.data() + at + rotated, x.data() + at + d, to + at + rotated);
      }
  });
  if (context.tape)
    context.tape->record(y, [x, y, &table, heads, d, rotated, rotate, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      each_rows(pool, x.rows(), 4 * heads * d, [&](int64_t first, int64_t count) {
        std::vector<float> sines(static_cast<size_t>(table.numbers)), turned(static_cast<size_t>(rotated));
        for (int64_t row = first; row < first + count; ++row) {
          for (int64_t i = 0; i < table.numbers; ++i)
            sines[static_cast<size_t>(i)] = -table.sines[row * table.numbers + i];
          for (int64_t at = row * heads * d; at < (row + 1) * heads * d; at += d) {
            rotate(dy + at, table.cosines + row * table.numbers, sines.data(), table.pairs, turned.data());
            for (int64_t i = 0; i < rotated; ++i) dx[at + i] += turned[static_cast<size_t>(i)];
            for (int64_t i = rotated; i < d; ++i) dx[at + i] += dy[at + i];
          }
        }
      });
    });
  return y;
}

}  // namespace freehold::ops
