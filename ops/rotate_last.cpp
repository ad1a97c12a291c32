// Interleaved rotation of the last 2 * pairs numbers of each head, forward or back by the same angle; the others are
// copied. Angles, cosines and sines in double, once for a table that all layers of a pass share.
// Back: the opposite turn.
#include <cmath>

#include "ops/ops.h"
#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

Rotation rotation(Context& context, const Rope& rope, std::span<const int32_t> positions) {
  CHECK(rope.layout == RopeLayout::interleaved);
  const size_t pairs = rope.frequencies.size(), rows = positions.size();
  auto* cosines = context.arena.array<float>(2 * pairs * rows);
  auto* sines = context.arena.array<float>(2 * pairs * rows);
  auto* negative = context.arena.array<float>(2 * pairs * rows);
  each_rows(context.pool, static_cast<int64_t>(rows), static_cast<int64_t>(pairs) * 256,
            [&](int64_t first, int64_t count) {
              for (auto row = static_cast<size_t>(first); row < static_cast<size_t>(first + count); ++row)
                for (size_t i = 0; i < pairs; ++i) {
                  const double angle = static_cast<double>(positions[row]) * static_cast<double>(rope.frequencies[i]);
                  const auto cosine = static_cast<float>(std::cos(angle) * static_cast<double>(rope.scale));
                  const auto sine = static_cast<float>(std::sin(angle) * static_cast<double>(rope.scale));
                  const size_t at = 2 * (row * pairs + i);
                  cosines[at] = cosines[at + 1] = cosine;
                  sines[at] = negative[at + 1] = -sine;
                  sines[at + 1] = negative[at] = sine;
                }
            });
  return {static_cast<int64_t>(pairs), static_cast<int64_t>(rows), cosines, sines, negative};
}

Tensor rotate_last(Context& context, const Tensor& x, const Rotation& by, Turn turn) {
  const int64_t d = x.shape()[x.shape().rank() - 1], heads = x.width() / d, kept = d - 2 * by.pairs;
  CHECK(x.rows() == by.rows && kept >= 0, "{} by {} pairs at {} positions", x.shape().text(), by.pairs, by.rows);
  Tensor y = Tensor::empty(x.shape(), context.arena);
  float* to = y.mutable_data();
  const auto rotate = context.kernels.rows.rotate_interleaved;
  const float* sines = turn == Turn::forward ? by.sines : by.negative_sines;
  each_rows(context.pool, x.rows(), 2 * heads * d, [&](int64_t first, int64_t count) {
    for (int64_t row = first; row < first + count; ++row)
      for (int64_t at = row * heads * d; at < (row + 1) * heads * d; at += d) {
        std::copy_n(x.data() + at, kept, to + at);
        rotate(x.data() + at + kept, by.cosines + 2 * row * by.pairs, sines + 2 * row * by.pairs, by.pairs,
               to + at + kept);
      }
  });
  if (context.tape)
    context.tape->record(y, [x, y, by, turn, heads, d, kept, rotate, &kernels = context.kernels.rows,
                             &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      const float* back = turn == Turn::forward ? by.negative_sines : by.sines;
      each_rows(pool, x.rows(), 4 * heads * d, [&](int64_t first, int64_t count) {
        std::vector<float> turned(static_cast<size_t>(2 * by.pairs));
        for (int64_t row = first; row < first + count; ++row)
          for (int64_t at = row * heads * d; at < (row + 1) * heads * d; at += d) {
            kernels.add(dx + at, dy + at, kept, dx + at);
            rotate(dy + at + kept, by.cosines + 2 * row * by.pairs, back + 2 * row * by.pairs, by.pairs, turned.data());
            kernels.add(dx + at + kept, turned.data(), 2 * by.pairs, dx + at + kept);
          }
      });
    });
  return y;
}

}  // namespace freehold::ops
