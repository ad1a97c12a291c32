// y = x Wᵀ + bias. x [R, in], W [out, in], y [R, out].
//
// One region over chunks of output rows and, with many rows of x, strips of those. Int8: packed
// integer formats against the QuantRows of x. Else, and in exact mode: decoded float lines, one fma chain per output.
// The bias is added last, once. Chains do not depend on the cut, so any cut gives the same bits.
#include "ops/linear.h"

#include <algorithm>
#include <cstring>

#include "ops/linear_back.h"
#include "ops/ops.h"
#include "ops/quantize.h"
#include "ops/tape.h"
#include "ops/weight_rows.h"
#include "tensor/pack.h"

namespace freehold::ops {
namespace {

constexpr int64_t few_rows = 8;                    // up to here weights are streamed from memory, and bytes are time
constexpr int64_t strip_rows = most_tile_columns;  // most rows of x in one chunk

struct Part {  // a product and how it is cut
  Product product;
  bool int8;
  int64_t group_bytes;  // packed layouts only
  int64_t groups;
  int64_t first_group;                  // few rows of x: in the line of all groups of such parts
  int64_t chunk_groups, strips, strip;  // many: of rows of x
  int first_chunk;
};

// How the line of groups that meet few rows is cut: a long run for each thread, then short ones for whoever is done.
// A claim costs a cache line's way between cores (250 ns between core complexes of a Zen 4), and a run's end the lines
// that were fetched beyond it: in runs of 128 KiB alone two threads far apart decoded 0.77 times as fast.
struct Runs {
  int64_t groups, owned, other;  // groups in all, in a thread's own run, in one of the others
  int owners, count;
  int64_t begin(int run) const {
    return std::min(groups, run < owners ? run * owned : owners * owned + (run - owners) * other);
  }
};

Runs cut_into_runs(int64_t groups, int64_t bytes, int threads) {
  if (groups == 0) return {};
  const int64_t short_bytes =
      std::clamp<int64_t>(bytes / (8 * threads), 24 << 10, 128 << 10);  // 1 to 6 us of streaming
  const int64_t other = std::max<int64_t>(2, (short_bytes * groups / bytes + 1) / 2 * 2);
  const int64_t owned = std::max(other, groups * 3 / 4 / threads / 2 * 2);
  const int64_t left = groups - owned * threads;
  const int64_t count = left > 0 ? threads + (left + other - 1) / other : (groups + owned - 1) / owned;
  return {groups, owned, other, threads, static_cast<int>(count)};
}

// Where a chunk's results go: column c, lane l of group g at c * stride + 16 * g + l, counted from the first group.
struct Place {
  float* to;
  int64_t stride;
};

// Groups first..first+count (16 rows each) against rows column..column+columns of x.
void multiply_int8(const Context& context, const Part& part, int64_t first, int64_t count, int64_t column,
                   int64_t columns, Place place) {
  const auto record = static_cast<size_t>(*record_of(part.product.weight->format));
  const std::byte* groups = part.product.weight->bytes.data() + first * part.group_bytes;
  const QuantView& x = part.product.quant;
  context.kernels.linear.multiply[record]({groups, part.group_bytes, static_cast<int>(count), x.rows, x.first + column,
                                           static_cast<int>(columns), place.to, place.stride,
                                           context.kernels.linear.most_few});
}

// The same in floats: two groups at a time are decoded, some inputs at a time: few when they are used few times, so
// that the lines stay in L1.
void multiply_float(const Context& context, const Part& part, int64_t first, int64_t count, int64_t column,
                    int64_t columns, Place place) {
  const Weight& weight = *part.product.weight;
  const LinearKernels& kernels = context.kernels.linear;
  alignas(64) float lines[2][decode_inputs][16];
  const int64_t step = columns <= few_rows ? std::max<int64_t>(64, info(weight.format).block) : decode_inputs;
  for (int64_t c = 0; c < columns; ++c) std::fill_n(place.to + c * place.stride, 16 * count, 0.0f);
  for (int64_t g = 0; g < count; g += 2) {
    const int halves = g + 1 < count ? 2 : 1;
    for (int64_t k = 0; k < weight.cols; k += step) {
      const int64_t inputs = std::min(step, weight.cols - k);
      FloatTile tile{&lines[0][0][0],
                     16,
                     decode_inputs * 16,
                     halves,
                     part.product.x + column * weight.cols + k,
                     weight.cols,
                     1,
                     inputs,
                     static_cast<int>(columns),
                     place.to + 16 * g,
                     place.stride};
      if (weight.format == Format::f32 && weight.layout == Layout::r16k4) {  // lines as they are
        tile.second = part.group_bytes / 4;
        tile.lines = reinterpret_cast<const float*>(weight.bytes.data() + (first + g) * part.group_bytes) + 16 * k;
      } else {
        for (int h = 0; h < halves; ++h) decode_group(kernels, weight, first + g + h, k, inputs, &lines[h][0][0]);
      }
      kernels.multiply_floats(tile);
    }
  }
}

void multiply_groups(const Context& context, const Part& part, int64_t first, int64_t count, int64_t column,
                     int64_t columns, Place place) {
  if (part.int8)
    multiply_int8(context, part, first, count, column, columns, place);
  else
    multiply_float(context, part, first, count, column, columns, place);
}

void run_chunk(const Context& context, const Part& part, int64_t first, int64_t groups, int64_t column,
               int64_t columns) {
  const int64_t rows = part.product.weight->rows;
  float* to = part.product.to + column * rows + 16 * first;
  const int64_t whole = std::min(groups, rows / 16 - first);
  if (whole > 0) multiply_groups(context, part, first, whole, column, columns, {to, rows});
  if (whole < groups) {  // the last rows: kernels write whole groups
    alignas(64) float results[strip_rows * 16];
    multiply_groups(context, part, first + whole, 1, column, columns, {results, 16});
    for (int64_t c = 0; c < columns; ++c) std::copy_n(results + 16 * c, rows % 16, to + c * rows + 16 * whole);
  }
  if (part.product.bias) {
    const int64_t valid = std::min(16 * groups, rows - 16 * first);
    for (int64_t c = 0; c < columns; ++c)
      context.kernels.rows.add(to + c * rows, part.product.bias + 16 * first, valid, to + c * rows);
  }
}

int64_t stored_group_bytes(const Weight& weight) {
  if (weight.layout == Layout::r16k4) return packed_group_bytes(weight.format, weight.cols);
  return 16 * static_cast<int64_t>(weight.bytes.size()) / std::max<int64_t>(1, weight.rows);
}

}  // namespace

bool multiplies_int8(const Context& context, const Weight& weight) {
  return context.arithmetic == Arithmetic::int8 && has_int8(weight);
}

void multiply(Context& context, std::span<const Product> products) {
  int64_t few_bytes = 0, few_groups = 0, tiles = 0;
  for (const Product& p : products) {
    const int64_t groups = (p.weight->rows + 15) / 16;
    if (p.rows > few_rows)
      tiles += (groups + 1) / 2 * ((p.rows + strip_rows - 1) / strip_rows);
    else if (p.rows > 0)
      few_groups += groups, few_bytes += groups * stored_group_bytes(*p.weight);
  }
  // With many rows a chunk is a strip of them and as many groups as leave eight chunks a thread: the more groups, the
  // less often a strip comes from beyond L2.
  const int64_t chunk_tiles = std::clamp<int64_t>(tiles / (8 * context.pool.threads()), 1, most_tile_groups / 2);
  const Runs runs = cut_into_runs(few_groups, few_bytes, context.pool.threads());
  Part* const parts = context.arena.array<Part>(products.size());
  size_t few_count = 0, count = 0;
  int64_t groups = 0;
  int chunks = runs.count;
  const auto add = [&](const Product& p) -> Part& {
    Part& part = parts[count++];
    part = {p,
            multiplies_int8(context, *p.weight),
            stored_group_bytes(*p.weight),
            (p.weight->rows + 15) / 16,
            groups,
            0,
            0,
            0,
            chunks};
    return part;
  };
  for (const Product& p : products)
    if (p.rows > 0 && p.rows <= few_rows) groups += add(p).groups;
  few_count = count;
  for (const Product& p : products) {
    if (p.rows <= few_rows) continue;
    Part& part = add(p);
    part.chunk_groups = 2 * chunk_tiles;
    part.strips = (p.rows + strip_rows - 1) / strip_rows;
    part.strip = std::min(strip_rows, ((p.rows + part.strips - 1) / part.strips + 5) / 6 * 6);
    chunks += static_cast<int>((part.groups + part.chunk_groups - 1) / part.chunk_groups * part.strips);
  }
  context.pool.run(chunks, [&](int chunk, int) {
    if (chunk < runs.count) {
      const int64_t begin = runs.begin(chunk), end = runs.begin(chunk + 1);
      for (const Part& part : std::span(parts, few_count)) {
        const int64_t first = std::max<int64_t>(0, begin - part.first_group),
                      last = std::min(part.groups, end - part.first_group);
        if (first < last) run_chunk(context, part, first, last - first, 0, part.product.rows);
      }
      return;
    }
    const Part* after = std::upper_bound(parts + few_count, parts + count, chunk,
                                         [](int number, const Part& part) { return number < part.first_chunk; });
    const Part& part = after[-1];
    const int64_t local = chunk - part.first_chunk;
    const int64_t first = local / part.strips * part.chunk_groups, column = local % part.strips * part.strip;
    if (column < part.product.rows)
      run_chunk(context, part, first, std::min(part.chunk_groups, part.groups - first), column,
                std::min(part.strip, part.product.rows - column));
  });
}

void multiply_weights(Context& context, std::span<const WeightPart> weights, const Tensor& x,
                      std::span<Tensor> results) {
  CHECK(!weights.empty() && weights.size() <= most_linears && results.size() == weights.size(), "{} weights",
        weights.size());
  Product products[most_linears];
  for (size_t i = 0; i < weights.size(); ++i) {
    const Weight& weight = *weights[i].weight;
    const Tensor& bias = weights[i].bias;
    CHECK(weight.cols == x.width(), "{} [{}, {}] by {}", weight.name, weight.rows, weight.cols, x.shape().text());
    CHECK(!bias || bias.shape().elements() == weight.rows, "bias {} of {} rows", bias.shape().text(), weight.rows);
    results[i] = Tensor::empty({x.rows(), weight.rows}, context.arena);
    const bool int8 = multiplies_int8(context, weight) && x.rows() > 0;
    products[i] = {&weight,  bias ? bias.data() : nullptr,
                   x.data(), int8 ? quantized(context, x, quant_block(weight)) : QuantView{},
                   x.rows(), results[i].mutable_data()};
  }
  multiply(context, std::span(products, weights.size()));
}

void record_linear(Context& context, const LinearPart& part, const Tensor& x, const Tensor& y) {
  if (!context.tape) return;
  context.tape->record(y, [linear = part.linear, bias = part.bias, x, y, &kernels = context.kernels.linear,
                           &pool = context.pool](Tape& tape) {
    const float* dy = tape.grad(y).data();
    const int64_t rows = x.rows(), out = linear->weight.rows;
    add_input_gradient(kernels, pool, linear->weight, dy, rows, tape.grad(x).data());
    if (bias) add_bias_gradient(dy, rows, out, tape.grad(bias).data());
    if (tape.tracks(*linear))
      add_weight_gradient(kernels, pool, dy, x.data(), rows, out, linear->weight.cols,
                          tape.weight_grad(*linear).data());
  });
}

void linear_many(Context& context, std::span<const LinearPart> parts, const Tensor& x, std::span<Tensor> results) {
  CHECK(parts.size() <= most_linears, "{} linears at once", parts.size());
  WeightPart weights[most_linears];
  for (size_t i = 0; i < parts.size(); ++i) weights[i] = {&parts[i].linear->weight, parts[i].bias};
  multiply_weights(context, std::span(weights, parts.size()), x, results);
  for (size_t i = 0; i < parts.size(); ++i) record_linear(context, parts[i], x, results[i]);
}

Tensor linear(Context& context, const Linear& linear, const Tensor& x, const Tensor& bias) {
  const LinearPart part{&linear, bias};
  Tensor y;
  linear_many(context, std::span(&part, 1), x, std::span(&y, 1));
  return y;
}

Tensor linear_exact(Context& context, const Linear& weight, const Tensor& x) {
  const Arithmetic kept = context.arithmetic;
  context.arithmetic = Arithmetic::exact;
  const Tensor y = linear(context, weight, x);
  context.arithmetic = kept;
  return y;
}

Weight as_weight(const Tensor& w) {
  Weight weight;
  weight.rows = w.rows();
  weight.cols = w.width();
  weight.bytes = std::as_bytes(w.all());
  return weight;
}

}  // namespace freehold::ops
