#include "ops/linear_back.h"

#include <algorithm>
#include <cstring>

#include "ops/weight_rows.h"

namespace freehold::ops {
namespace {

constexpr int64_t tile_inputs = decode_inputs;  // lanes of dx in a chunk
constexpr int64_t step_rows = 64;               // rows of W decoded at once
constexpr int64_t strip_rows = 96;              // rows of x in a chunk

// Rows first..first+step_rows of W (zeros beyond the last) as lines [inputs / 16][step_rows][16].
void decode_turned(const LinearKernels& kernels, const Weight& weight, int64_t first, int64_t input, int64_t inputs,
                   float* turned) {
  alignas(64) float lines[tile_inputs * 16];
  const int64_t blocks = (inputs + 15) / 16;
  for (int64_t g = 0; g < step_rows / 16; ++g) {
    if (first + 16 * g >= weight.rows) {
      for (int64_t i = 0; i < blocks; ++i) std::fill_n(turned + (i * step_rows + 16 * g) * 16, 256, 0.0f);
      continue;
    }
    decode_group(kernels, weight, first / 16 + g, input, inputs, lines);
    std::fill(lines + inputs * 16, lines + blocks * 256, 0.0f);
    for (int64_t i = 0; i < blocks; ++i)
      kernels.transpose(lines + 256 * i, 16, 16, turned + (i * step_rows + 16 * g) * 16);
  }
}

void input_gradient_chunk(const LinearKernels& kernels, const Weight& weight, const float* dy, int64_t input,
                          int64_t inputs, int64_t row, int64_t rows, float* dx) {
  alignas(64) float turned[tile_inputs * step_rows];
  alignas(64) float sums[strip_rows * tile_inputs];
  const int64_t out = weight.rows, blocks = (inputs + 15) / 16;
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(sums + r * tile_inputs, dx + (row + r) * weight.cols + input, static_cast<size_t>(inputs) * 4);
    std::fill(sums + r * tile_inputs + inputs, sums + r * tile_inputs + 16 * blocks, 0.0f);
  }
  for (int64_t first = 0; first < out; first += step_rows) {
    decode_turned(kernels, weight, first, input, inputs, turned);
    const int64_t steps = std::min(step_rows, out - first);
    for (int64_t i = 0; i < blocks; i += 2)
      kernels.multiply_floats({turned + i * step_rows * 16, 16, step_rows * 16, i + 1 < blocks ? 2 : 1,
                               dy + row * out + first, out, 1, steps, static_cast<int>(rows), sums + 16 * i,
                               tile_inputs});
  }
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(dx + (row + r) * weight.cols + input, sums + r * tile_inputs, static_cast<size_t>(inputs) * 4);
}

}  // namespace

void add_input_gradient(const LinearKernels& kernels, Pool& pool, const Weight& weight, const float* dy, int64_t rows,
                        float* dx) {
  const int64_t tiles = (weight.cols + tile_inputs - 1) / tile_inputs, strips = (rows + strip_rows - 1) / strip_rows;
  pool.run(static_cast<int>(tiles * strips), [&](int chunk, int) {
    const int64_t input = chunk / strips * tile_inputs, row = chunk % strips * strip_rows;
    input_gradient_chunk(kernels, weight, dy, input, std::min(tile_inputs, weight.cols - input), row,
                         std::min(strip_rows, rows - row), dx);
  });
}

void add_weight_gradient(const LinearKernels& kernels, Pool& pool, const float* dy, const float* x, int64_t rows,
                         int64_t out, int64_t in, float* dw) {
  constexpr int64_t chunk_out = 24;  // outputs, the columns of the tile here; inputs are its lanes
  const int64_t whole = in / 16;
  pool.run(static_cast<int>((out + chunk_out - 1) / chunk_out), [&](int chunk, int) {
    const int64_t first = chunk * chunk_out, count = std::min(chunk_out, out - first);
    for (int64_t r = 0; r < rows; r += step_rows) {  // a step's x and dy stay in L1 while the chunk's dw passes
      const int64_t steps = std::min(step_rows, rows - r);
      for (int64_t i = 0; i < whole; i += 2)
        kernels.multiply_floats({x + r * in + 16 * i, in, 16, i + 1 < whole ? 2 : 1, dy + r * out + first, 1, out,
                                 steps, static_cast<int>(count), dw + first * in + 16 * i, in});
      if (in % 16) {  // the last inputs, copied to lines of their own
        alignas(64) float lines[step_rows * 16] = {}, sums[chunk_out * 16] = {};
        const auto rest = static_cast<size_t>(in % 16) * 4;
        for (int64_t s = 0; s < steps; ++s) std::memcpy(lines + 16 * s, x + (r + s) * in + 16 * whole, rest);
        for (int64_t o = 0; o < count; ++o) std::memcpy(sums + 16 * o, dw + (first + o) * in + 16 * whole, rest);
        kernels.multiply_floats(
            {lines, 16, 0, 1, dy + r * out + first, 1, out, steps, static_cast<int>(count), sums, 16});
        for (int64_t o = 0; o < count; ++o) std::memcpy(dw + (first + o) * in + 16 * whole, sums + 16 * o, rest);
      }
    }
  });
}

void add_bias_gradient(const float* dy, int64_t rows, int64_t out, float* db) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < out; ++i) db[i] += dy[r * out + i];
}

}  // namespace freehold::ops
