// Shapes are small, but have all that inner loops do: whole groups, several blocks, more columns than one step takes.
#include "tests/instructions/counted_kernels.h"

#include <fmt/format.h>

#include <limits>

#include "ops/attention_codes.h"
#include "ops/quantize.h"
#include "ops/weight_rows.h"
#include "tensor/weight_fixture.h"

namespace freehold::testing {
namespace {

constexpr int64_t rows = 32, inputs = 256, row_length = 1000;
constexpr int panel_columns = 12;  // two tiles' worth where a tile takes six

constexpr Format formats[] = {Format::q4_0, Format::q4_1,  Format::q5_0, Format::q5_1,   Format::q8_0,
                              Format::iq4_nl, Format::mxfp4, Format::q4_k, Format::q5_k,   Format::q6_k,
                              Format::iq4_xs, Format::f32,   Format::f16,  Format::bf16};

// What the work of a set needs, kept as long as any of it.
struct Owned {
  Random random{1};
  Pool pool{1};
  Arena arena;
  std::vector<std::unique_ptr<KvPages>> pages;

  float* numbers(int64_t count) {
    float* made = arena.array<float>(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) made[i] = random.normal();
    return made;
  }
};

class List {
 public:
  explicit List(const Kernels& set) : set_(set) {}

  std::vector<CountedKernel> all() {
    for (const Format format : formats) linear(format);
    floats();
    for (const KvType type : {KvType::f32, KvType::f16, KvType::q8}) attention(type);
    row();
    return std::move(list_);
  }

 private:
  void add(std::string_view kernel, std::string_view shape, std::function<void()> work) {
    list_.push_back({fmt::format("{}, {}", kernel, shape), [owned = owned_, work = std::move(work)] { work(); }});
  }

  void linear(Format format) {
    const LinearKernels& linear = set_.linear;
    const auto record = static_cast<size_t>(*ops::record_of(format));
    const std::shared_ptr<const OwnedWeight> weight =
        random_weight(format, rows, inputs, Layout::r16k4, owned_->random);
    const std::string name(info(format).name);
    float* to = owned_->numbers(rows * inputs);
    if (record < integer_records) {
      const Tensor x = Tensor::of(std::span<const float>(owned_->numbers(panel_columns * inputs), panel_columns * inputs),
                                  {panel_columns, inputs}, owned_->arena);
      Context context{set_, owned_->pool, owned_->arena, Arithmetic::int8, nullptr};
      const ops::QuantView quant = ops::quantized(context, x, ops::quant_block(weight->weight));
      for (const int columns : {1, 4, panel_columns}) {
        const int most_few = columns == panel_columns ? 0 : columns;  // where a panel pays is a fact of the machine
        add("multiply " + name, fmt::format("{} columns", columns), [=, &linear] {
          linear.multiply[record]({weight->weight.bytes.data(), packed_group_bytes(format, inputs), rows / 16, quant.rows,
                                   quant.first, columns, to, rows, most_few});
        });
      }
    }
    add("decode " + name, "16 rows", [=, &linear] { linear.decode[record](weight->weight.bytes.data(), 0, inputs, to); });
  }

  void floats() {
    const LinearKernels& linear = set_.linear;
    const float* lines = owned_->numbers(2 * 16 * inputs);
    const float* x = owned_->numbers(panel_columns * inputs);
    float* to = owned_->numbers(panel_columns * rows);
    for (const int columns : {1, 6, panel_columns})
      add("multiply floats", fmt::format("{} columns", columns), [=, &linear] {
        linear.multiply_floats({lines, 16, inputs * 16, 2, x, inputs, 1, inputs, columns, to, rows});
      });
    float* turned = owned_->numbers(16 * inputs);
    add("transpose", "16 rows", [=, &linear] { linear.transpose(lines, inputs, inputs, turned); });
    const QuantRows* quant = ops::room_for_quant(owned_->arena, 1, inputs, 32);
    add("quantize row", fmt::format("{}", inputs), [=, &linear] { linear.quantize_row(lines, *quant, 0); });
    const QuantRows* super = ops::room_for_quant(owned_->arena, 1, inputs, 256);
    add("quantize super row", fmt::format("{}", inputs), [=, &linear] { linear.quantize_super_row(lines, *super, 0); });
  }

  struct Parts {  // of attention over some columns: maxima, sums and mixed values
    float *maximum, *sum, *mixed;
  };
  Parts parts(int count, int dim) {
    const Parts made{owned_->numbers(count), owned_->numbers(count), owned_->numbers(count * dim)};
    std::fill_n(made.maximum, count, -std::numeric_limits<float>::infinity());
    return made;
  }

  void attention(KvType type) {
    constexpr int dim = 64, most = 8, visible = 61;
    const AttentionKernels& kernels = set_.attention;
    auto& pages = *owned_->pages.emplace_back(std::make_unique<KvPages>(KvShape{type, 1, dim, dim}, kv_page_positions));
    for (int position = 0; position < kv_page_positions; ++position)
      pages.write(position, owned_->numbers(dim), owned_->numbers(dim));
    const KvBlock block = pages.view().block(0, 0);
    const auto kernel = static_cast<size_t>(type);
    const std::string name(name_of(type));
    const float* queries = owned_->numbers(most * dim);
    const ops::QueryCodes codes = ops::room_for_codes(owned_->arena, most, dim);
    ops::make_codes(queries, most, dim, codes);
    int* seen = owned_->arena.array<int>(most);
    std::fill_n(seen, most, visible);
    const auto columns_of = [=](int count, const Parts& to) {
      AttentionColumns made{count, queries, seen, to.maximum, to.sum, to.mixed};
      made.codes = codes.codes, made.code_scales = codes.scales, made.minus_sums = codes.minus_sums;
      return made;
    };
    for (const int count : {1, most}) {
      const AttentionColumns at = columns_of(count, parts(count, dim)), other = columns_of(count, parts(count, dim));
      const std::string shape = fmt::format("{} columns", count);
      add("fold page " + name, shape, [=, &kernels] { kernels.fold_page[kernel](block, at); });
      if (type != KvType::f32) continue;
      kernels.fold_page[kernel](block, other);
      float* mixed = owned_->numbers(count * dim);
      add("merge", shape, [=, &kernels] { kernels.merge(at, other, dim); });
      add("finish", shape, [=, &kernels] { kernels.finish(other, dim, mixed); });
    }
    if (type == KvType::q8) return;
    float *scores = owned_->numbers(most * kv_page_positions), *mixed = owned_->numbers(most * dim);
    add("score page " + name, "8 columns", [=, &kernels] { kernels.score_page[kernel](block, most, queries, scores); });
    add("mix page " + name, "8 columns",
        [=, &kernels] { kernels.mix_page[kernel](block, most, visible, scores, kv_page_positions, mixed); });
  }

  void row() {
    constexpr int64_t n = row_length;
    const RowKernels& k = set_.rows;
    const float *a = owned_->numbers(n), *b = owned_->numbers(n), *c = owned_->numbers(2 * n);
    float *to = owned_->numbers(2 * n), *more = owned_->numbers(n);
    uint16_t* halves = owned_->arena.array<uint16_t>(n);
    const auto one = [&](std::string_view name, std::function<void()> work) { add(name, "1000", std::move(work)); };
    one("rms norm", [=, &k] { k.rms_norm(a, b, n, 1e-5f, to); });
    one("silu mul", [=, &k] { k.silu_mul(a, b, n, to); });
    one("silu mul back", [=, &k] { k.silu_mul_back(a, b, c, n, to, more); });
    one("add", [=, &k] { k.add(a, b, n, to); });
    one("add scaled", [=, &k] { k.add_scaled(a, 0.5f, b, n, to); });
    one("scale", [=, &k] { k.scale(a, 0.5f, n, to); });
    one("rotate half", [=, &k] { k.rotate_half(a, b, c, n / 2, to); });
    one("rotate interleaved", [=, &k] { k.rotate_interleaved(a, c, c, n / 2, to); });
    one("dot", [=, &k] { *more = k.dot(a, b, n); });
    one("maximum", [=, &k] { *more = k.maximum(a, n); });
    one("exp sum", [=, &k] { *more = k.exp_sum(a, 1, n, to); });
    one("half of float", [=, &k] { k.half_of_float(a, n, halves); });
  }

  const Kernels& set_;
  std::shared_ptr<Owned> owned_ = std::make_shared<Owned>();
  std::vector<CountedKernel> list_;
};

}  // namespace

std::vector<CountedKernel> counted_kernels(const Kernels& set) { return List(set).all(); }

}  // namespace freehold::testing
