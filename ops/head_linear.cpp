// One small matrix for each head, all of them rows of one stored matrix W [rows, in]: M_j is W's rows
// j * stride + first .. + rows.
//   straight  y[r, j] = M_j x[r, j]     one chain per output over ascending inputs, as in linear
//   turned    y[r, j] = M_jᵀ x[r, j]    one chain over ascending rows of M_j; W is decoded where it stands
// A chunk is (head, some outputs, some rows of x), cut by shapes alone. Int8: packed integer formats used straight,
// against x rounded per head; everything else in floats.
// Back: dx is the product the other way; dM_j += dy_jᵀ x_j (straight), x_jᵀ dy_j (turned).
#include <algorithm>
#include <cstring>

#include "ops/linear.h"
#include "ops/linear_back.h"
#include "ops/ops.h"
#include "ops/quantize.h"
#include "ops/tape.h"
#include "ops/weight_rows.h"
#include "tensor/pack.h"

namespace freehold::ops {
namespace {

constexpr int64_t chunk_outputs = 128;  // of one head
constexpr int64_t strip_rows = 96;      // rows of x in a chunk
constexpr int64_t step_rows = 64;       // rows of M decoded at once when it is turned

// Whether the matrix of every head is whole groups of a packed weight.
bool in_groups(const HeadRows& part) { return part.stride % 16 == 0 && part.first % 16 == 0 && part.rows % 16 == 0; }

// Rows row..row+15 of W (zeros beyond `end`), inputs first..first+count, as lines [count][16].
void decode_lines(const LinearKernels& kernels, const Weight& weight, int64_t row, int64_t end, int64_t first,
                  int64_t count, float* lines) {
  if (weight.layout == Layout::r16k4 && row % 16 == 0)
    return decode_group(kernels, weight, row / 16, first, count, lines);
  float rows[16 * decode_inputs];
  for (int64_t lane = 0; lane < 16; ++lane) {
    float* to = rows + lane * decode_inputs;
    if (row + lane < end)
      weight.decode_part(row + lane, first, count, to);
    else
      std::fill_n(to, count, 0.0f);
  }
  kernels.transpose(rows, decode_inputs, count, lines);
}

// Rows row..row+steps of W, inputs first..first+count, as lines [count / 16][step_rows][16], zeros where there is none.
void decode_turned(const LinearKernels& kernels, const Weight& weight, int64_t row, int64_t steps, int64_t first,
                   int64_t count, float* turned) {
  const int64_t blocks = (count + 15) / 16;
  alignas(64) float lines[decode_inputs * 16];
  if (weight.layout == Layout::r16k4 && row % 16 == 0) {
    for (int64_t s = 0; s < steps; s += 16) {
      decode_group(kernels, weight, (row + s) / 16, first, count, lines);
      std::fill(lines + count * 16, lines + blocks * 256, 0.0f);
      for (int64_t i = 0; i < blocks; ++i)
        kernels.transpose(lines + 256 * i, 16, 16, turned + (i * step_rows + s) * 16);
    }
    return;
  }
  for (int64_t s = 0; s < steps; ++s) {
    weight.decode_part(row + s, first, count, lines);
    std::fill(lines + count, lines + 16 * blocks, 0.0f);
    for (int64_t i = 0; i < blocks; ++i) std::copy_n(lines + 16 * i, 16, turned + (i * step_rows + s) * 16);
  }
}

// y += product, in floats: x [R, heads, in], or one for all heads [R, 1, in]; y [R, heads, out].
class HeadProduct {
 public:
  HeadProduct(const LinearKernels& kernels, const Weight& weight, const HeadRows& part, HeadUse use, const float* x,
              int64_t x_heads, int64_t rows, float* y)
      : kernels_(kernels), weight_(weight), part_(part), use_(use), x_(x), x_heads_(x_heads), rows_(rows), y_(y) {}

  int64_t in() const { return use_ == HeadUse::straight ? weight_.cols : part_.rows; }
  int64_t out() const { return use_ == HeadUse::straight ? part_.rows : weight_.cols; }

  void run(Pool& pool) const {
    const int64_t parts = (out() + chunk_outputs - 1) / chunk_outputs, strips = (rows_ + strip_rows - 1) / strip_rows;
    pool.run(static_cast<int>(part_.heads * parts * strips), [&](int chunk, int) {
      const int64_t head = chunk / (parts * strips), output = chunk / strips % parts * chunk_outputs;
      const int64_t row = chunk % strips * strip_rows;
      if (use_ == HeadUse::straight)
        straight(head, output, std::min(chunk_outputs, out() - output), row, std::min(strip_rows, rows_ - row));
      else
        turned(head, output, std::min(chunk_outputs, out() - output), row, std::min(strip_rows, rows_ - row));
    });
  }

 private:
  void load(int64_t head, int64_t output, int64_t count, int64_t row, int64_t rows, float* sums) const {
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(place(head, output, row + r), count, sums + r * chunk_outputs);
      std::fill(sums + r * chunk_outputs + count, sums + r * chunk_outputs + (count + 15) / 16 * 16, 0.0f);
    }
  }
  void store(int64_t head, int64_t output, int64_t count, int64_t row, int64_t rows, const float* sums) const {
    for (int64_t r = 0; r < rows; ++r) std::copy_n(sums + r * chunk_outputs, count, place(head, output, row + r));
  }
  float* place(int64_t head, int64_t output, int64_t row) const {
    return y_ + (row * part_.heads + head) * out() + output;
  }
  const float* inputs(int64_t head, int64_t first, int64_t row) const {
    return x_ + (row * x_heads_ + (x_heads_ == 1 ? 0 : head)) * in() + first;
  }

  void straight(int64_t head, int64_t output, int64_t count, int64_t row, int64_t rows) const {
    alignas(64) float lines[2][decode_inputs][16];
    alignas(64) float sums[strip_rows * chunk_outputs];
    load(head, output, count, row, rows, sums);
    const int64_t from = head * part_.stride + part_.first + output;
    for (int64_t g = 0; g < count; g += 32)
      for (int64_t k = 0; k < in(); k += decode_inputs) {
        const int64_t now = std::min(decode_inputs, in() - k);
        const int halves = g + 16 < count ? 2 : 1;
        for (int h = 0; h < halves; ++h)
          decode_lines(kernels_, weight_, from + g + 16 * h, from + count, k, now, &lines[h][0][0]);
        kernels_.multiply_floats({&lines[0][0][0], 16, decode_inputs * 16, halves, inputs(head, k, row),
                                  x_heads_ * in(), 1, now, static_cast<int>(rows), sums + g, chunk_outputs});
      }
    store(head, output, count, row, rows, sums);
  }

  void turned(int64_t head, int64_t output, int64_t count, int64_t row, int64_t rows) const {
    alignas(64) float lines[step_rows * chunk_outputs];
    alignas(64) float sums[strip_rows * chunk_outputs];
    load(head, output, count, row, rows, sums);
    const int64_t blocks = (count + 15) / 16;
    // A block of a stored format may begin before the output, or end behind the last.
    const int64_t block = std::max<int64_t>(1, info(weight_.format).block);
    for (int64_t k = 0; k < part_.rows; k += step_rows) {
      const int64_t steps = std::min(step_rows, part_.rows - k), from = head * part_.stride + part_.first + k;
      if (block <= chunk_outputs) {
        decode_turned(kernels_, weight_, from, steps, output, count, lines);
      } else {
        alignas(64) float wide[step_rows * decode_inputs];
        const int64_t first = output / decode_inputs * decode_inputs;
        decode_turned(kernels_, weight_, from, steps, first, std::min(decode_inputs, weight_.cols - first), wide);
        std::copy_n(wide + (output - first) * step_rows, blocks * 16 * step_rows, lines);
      }
      for (int64_t i = 0; i < blocks; i += 2)
        kernels_.multiply_floats({lines + i * step_rows * 16, 16, step_rows * 16, i + 1 < blocks ? 2 : 1,
                                  inputs(head, k, row), x_heads_ * in(), 1, steps, static_cast<int>(rows),
                                  sums + 16 * i, chunk_outputs});
    }
    store(head, output, count, row, rows, sums);
  }

  const LinearKernels& kernels_;
  const Weight& weight_;
  const HeadRows part_;
  const HeadUse use_;
  const float* const x_;
  const int64_t x_heads_, rows_;
  float* const y_;
};

// x [R, heads, n] as [heads * R, n]: the rows of a head stand together.
Tensor by_heads(Context& context, const Tensor& x) {
  const int64_t rows = x.rows(), heads = x.shape()[1], n = x.shape()[2];
  if (rows == 1) return x.reshaped({heads, n});
  Tensor turned = Tensor::empty({heads * rows, n}, context.arena);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t h = 0; h < heads; ++h)
      std::copy_n(x.data() + (r * heads + h) * n, n, turned.mutable_data() + (h * rows + r) * n);
  return turned;
}

void multiply_int8(Context& context, const Weight& weight, const HeadRows& part, const Tensor& x, Tensor& y) {
  const int64_t rows = x.rows(), group_bytes = packed_group_bytes(weight.format, weight.cols);
  const QuantView view = quantized(context, by_heads(context, x), quant_block(weight));
  const LinearKernels& kernels = context.kernels.linear;
  const auto multiply = kernels.multiply[static_cast<size_t>(*record_of(weight.format))];
  const int64_t parts = (part.rows + chunk_outputs - 1) / chunk_outputs, strips = (rows + strip_rows - 1) / strip_rows;
  float* to = y.mutable_data();
  context.pool.run(static_cast<int>(part.heads * parts * strips), [&](int chunk, int) {
    const int64_t head = chunk / (parts * strips), output = chunk / strips % parts * chunk_outputs;
    const int64_t row = chunk % strips * strip_rows;
    const int64_t group = (head * part.stride + part.first + output) / 16;
    multiply({weight.bytes.data() + group * group_bytes, group_bytes,
              static_cast<int>(std::min(chunk_outputs, part.rows - output) / 16), view.rows,
              view.first + (x.shape()[1] == 1 ? 0 : head) * rows + row,
              static_cast<int>(std::min(strip_rows, rows - row)), to + (row * part.heads + head) * part.rows + output,
              part.heads * part.rows, kernels.most_few});
  });
}

void add_head_weight_gradients(const LinearKernels& kernels, Pool& pool, const HeadRows& part, HeadUse use,
                               const float* dy, int64_t out, const float* x, int64_t in, int64_t rows, float* dw) {
  std::vector<float> dy_head(static_cast<size_t>(rows * out)), x_head(static_cast<size_t>(rows * in));
  for (int64_t head = 0; head < part.heads; ++head) {
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(dy + (r * part.heads + head) * out, out, dy_head.data() + r * out);
      std::copy_n(x + (r * part.heads + head) * in, in, x_head.data() + r * in);
    }
    const bool straight = use == HeadUse::straight;
    const int64_t cols = straight ? in : out;
    add_weight_gradient(kernels, pool, straight ? dy_head.data() : x_head.data(),
                        straight ? x_head.data() : dy_head.data(), rows, part.rows, cols,
                        dw + (head * part.stride + part.first) * cols);
  }
}

Tensor product(Context& context, const Weight& weight, const HeadRows& part, HeadUse use, const Tensor& x) {
  const int64_t in = use == HeadUse::straight ? weight.cols : part.rows;
  CHECK(x.shape().rank() == 3 && (x.shape()[1] == part.heads || (x.shape()[1] == 1 && !context.tape)) &&
            x.shape()[2] == in,
        "{} for {} heads of {}", x.shape().text(), part.heads, in);
  CHECK(part.rows > 0 && part.first >= 0 && (part.heads - 1) * part.stride + part.first + part.rows <= weight.rows,
        "{}: {} heads of rows {}+{} by {}, {} rows", weight.name, part.heads, part.first, part.rows, part.stride,
        weight.rows);
  const int64_t out = use == HeadUse::straight ? part.rows : weight.cols;
  if (context.arithmetic == Arithmetic::int8 && use == HeadUse::straight && has_int8(weight) && in_groups(part) &&
      x.rows() > 0) {
    Tensor y = Tensor::empty({x.rows(), part.heads, out}, context.arena);
    multiply_int8(context, weight, part, x, y);
    return y;
  }
  Tensor y = Tensor::zeros({x.rows(), part.heads, out}, context.arena);
  HeadProduct(context.kernels.linear, weight, part, use, x.data(), x.shape()[1], x.rows(), y.mutable_data())
      .run(context.pool);
  return y;
}

HeadUse other(HeadUse use) { return use == HeadUse::straight ? HeadUse::turned : HeadUse::straight; }

}  // namespace

Tensor head_linear(Context& context, const Linear& linear, const HeadRows& part, HeadUse use, const Tensor& x) {
  Tensor y = product(context, linear.weight, part, use, x);
  if (context.tape)
    context.tape->record(y, [&linear, part, use, x, y, &kernels = context.kernels.linear,
                             &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      HeadProduct(kernels, linear.weight, part, other(use), dy, part.heads, x.rows(), tape.grad(x).data()).run(pool);
      if (tape.tracks(linear))
        add_head_weight_gradients(kernels, pool, part, use, dy, y.shape()[2], x.data(), x.shape()[2], x.rows(),
                                  tape.weight_grad(linear).data());
    });
  return y;
}

Tensor head_matmul(Context& context, const Tensor& w, const HeadRows& part, HeadUse use, const Tensor& x) {
  Tensor y = product(context, as_weight(w), part, use, x);
  if (context.tape)
    context.tape->record(y, [w, part, use, x, y, &kernels = context.kernels.linear, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      const Weight weight = as_weight(w);
      HeadProduct(kernels, weight, part, other(use), dy, part.heads, x.rows(), tape.grad(x).data()).run(pool);
      add_head_weight_gradients(kernels, pool, part, use, dy, y.shape()[2], x.data(), x.shape()[2], x.rows(),
                                tape.grad(w).data());
    });
  return y;
}

}  // namespace freehold::ops
