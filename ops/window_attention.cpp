// z = Σ p_i v_i over the row's list of keys: the window's rows ascending, then its entries ascending; values are keys.
// Softmax in base 2 by pages of 64 of that list (kernels/attention_kernels.h); the sink joins last, as a page of one
// key without a value. The list depends on the row's position and selection only, so a row's bits do too.
//
// A piece of work is (row, block of heads): it gathers the row's keys page by page and folds them into its columns.
#include "ops/window_attention.h"

#include <algorithm>
#include <cstring>

#include "ops/tape.h"
#include "ops/window_attention_back.h"

namespace freehold::ops {
namespace {

constexpr float log2_e = 1.44269504f;
constexpr int few_rows = 8;      // up to here the heads of a row are cut into blocks, for several threads
constexpr int block_heads = 16;  // of such a block

struct Recent {  // rows of the window and of this pass, rounded, by position
  const std::byte* rows;
  int first;  // position of the first
};

struct Scratch {  // of one worker
  std::byte *keys, *values;
  float* queries;
  int* visible;
  AttentionColumns columns, sinks;
};

template <class Number>
void turn_group(const std::byte* values, int dim, std::byte* keys) {  // [16][dim] -> [dim][16]
  const auto* from = reinterpret_cast<const Number*>(values);
  auto* to = reinterpret_cast<Number*>(keys);
  for (int d = 0; d < dim; ++d)
    for (int lane = 0; lane < 16; ++lane) to[d * 16 + lane] = from[lane * dim + d];
}

class WindowAttention {
 public:
  WindowAttention(Context& context, const Tensor& q, const Tensor& kv, const Tensor& sinks, float scale,
                  const Selection& selection, std::span<const WindowSpan> spans, Tensor& z)
      : context_(context),
        q_(q),
        kv_(kv),
        sinks_(sinks),
        scale_(scale),
        selection_(selection),
        spans_(spans),
        z_(z.mutable_data()),
        heads_(static_cast<int>(q.shape()[1])),
        dim_(static_cast<int>(q.shape()[2])),
        shape_(spans.front().kv->shape()),
        row_bytes_(spans.front().kv->row_bytes()) {}

  void run() {
    gather_recent();
    const auto rows = static_cast<int>(q_.rows());
    const int block = rows <= few_rows ? std::min(block_heads, heads_) : heads_;
    const int blocks = (heads_ + block - 1) / block;
    make_scratch(block);
    span_of_ = context_.arena.array<int>(static_cast<size_t>(rows));
    for (size_t s = 0; s < spans_.size(); ++s)
      std::fill_n(span_of_ + spans_[s].first_row, spans_[s].rows, static_cast<int>(s));
    context_.pool.run(rows * blocks, [&](int chunk, int worker) {
      const int head = chunk % blocks * block;
      attend(chunk / blocks, head, std::min(block, heads_ - head), scratch_[worker]);
    });
    remember();
  }

 private:
  void gather_recent() {
    recent_ = context_.arena.array<Recent>(spans_.size());
    for (size_t s = 0; s < spans_.size(); ++s) {
      const WindowSpan& span = spans_[s];
      const int first = std::max(0, span.start - shape_.window + 1);
      auto* rows = context_.arena.array<std::byte>(static_cast<size_t>(span.end() - first) * row_bytes_);
      recent_[s] = {rows, first};
      for (int p = first; p < span.start; ++p, rows += row_bytes_) std::memcpy(rows, span.kv->window.at(p), row_bytes_);
      for (int i = 0; i < span.rows; ++i, rows += row_bytes_)
        round_row(shape_.type, kv_.row(span.first_row + i).data(), dim_, rows);
    }
  }

  void make_scratch(int block) {
    Arena& arena = context_.arena;
    const auto workers = static_cast<size_t>(context_.pool.threads());
    const size_t page = row_bytes_ * kv_page_positions, columns = static_cast<size_t>(block);
    const auto new_columns = [&](float* queries, int* visible) {
      return AttentionColumns{block,
                              queries,
                              visible,
                              arena.array<float>(columns),
                              arena.array<float>(columns),
                              arena.array<float>(columns * static_cast<size_t>(dim_))};
    };
    scratch_ = arena.array<Scratch>(workers);
    for (size_t w = 0; w < workers; ++w) {
      auto* queries = arena.array<float>(columns * static_cast<size_t>(dim_));
      auto* visible = arena.array<int>(columns);
      scratch_[w] = {arena.array<std::byte>(page),  arena.array<std::byte>(page), queries, visible,
                     new_columns(queries, visible), new_columns(queries, visible)};
    }
  }

  // Keys first..first+count of the row's list as one page.
  void gather_page(const WindowSpan& span, const Recent& recent, int window_first, int window_count,
                   std::span<const int32_t> entries, int first, int count, Scratch& scratch) const {
    for (int i = 0; i < count; ++i) {
      const int at = first + i;
      const std::byte* from = at < window_count
                                  ? recent.rows + static_cast<size_t>(window_first + at - recent.first) * row_bytes_
                                  : span.kv->entry(entries[static_cast<size_t>(at - window_count)]);
      std::memcpy(scratch.values + static_cast<size_t>(i) * row_bytes_, from, row_bytes_);
    }
    const int groups = (count + 15) / 16;
    std::memset(scratch.values + static_cast<size_t>(count) * row_bytes_, 0,
                static_cast<size_t>(16 * groups - count) * row_bytes_);
    for (int g = 0; g < groups; ++g) {
      const size_t at = static_cast<size_t>(g) * 16 * row_bytes_;
      if (shape_.type == KvType::f16)
        turn_group<uint16_t>(scratch.values + at, dim_, scratch.keys + at);
      else
        turn_group<uint32_t>(scratch.values + at, dim_, scratch.keys + at);
    }
    std::memset(scratch.keys + static_cast<size_t>(16 * groups) * row_bytes_, 0,
                static_cast<size_t>(kv_page_positions - 16 * groups) * row_bytes_);
  }

  void attend(int row, int head, int heads, Scratch& scratch) {
    const WindowSpan& span = spans_[static_cast<size_t>(span_of_[row])];
    const Recent& recent = recent_[span_of_[row]];
    const int position = span.start + row - span.first_row;
    const int window_first = std::max(0, position - shape_.window + 1), window_count = position - window_first + 1;
    const std::span<const int32_t> entries = selection_.begins ? selection_.of(row) : std::span<const int32_t>();
    const int keys = window_count + static_cast<int>(entries.size());

    AttentionColumns columns = scratch.columns, sink = scratch.sinks;
    columns.count = sink.count = heads;
    const auto numbers = static_cast<size_t>(heads) * static_cast<size_t>(dim_);
    context_.kernels.rows.scale(q_.row(row).data() + static_cast<int64_t>(head) * dim_, scale_ * log2_e,
                                static_cast<int64_t>(numbers), scratch.queries);
    std::fill_n(columns.maximum, heads, -__builtin_inff());
    std::fill_n(columns.sum, heads, 0.0f);
    std::fill_n(columns.mixed, numbers, 0.0f);
    for (int first = 0; first < keys; first += kv_page_positions) {
      const int count = std::min(kv_page_positions, keys - first);
      gather_page(span, recent, window_first, window_count, entries, first, count, scratch);
      std::fill_n(scratch.visible, heads, count);
      const KvBlock block{scratch.keys, scratch.values, dim_, dim_, scratch.keys, scratch.values};
      context_.kernels.attention.fold_page[static_cast<size_t>(shape_.type)](block, columns);
    }
    context_.kernels.rows.scale(sinks_.data() + head, log2_e, heads, sink.maximum);
    std::fill_n(sink.sum, heads, 1.0f);
    std::fill_n(sink.mixed, numbers, 0.0f);
    context_.kernels.attention.merge(sink, columns, dim_);
    context_.kernels.attention.finish(columns, dim_, z_ + (static_cast<int64_t>(row) * heads_ + head) * dim_);
  }

  void remember() const {
    for (size_t s = 0; s < spans_.size(); ++s) {
      const WindowSpan& span = spans_[s];
      for (int p = std::max(span.start, span.end() - span.kv->window.rows()); p < span.end(); ++p)
        std::memcpy(span.kv->window.at(p), recent_[s].rows + static_cast<size_t>(p - recent_[s].first) * row_bytes_,
                    row_bytes_);
      span.kv->advance(span.start, span.rows);
    }
  }

  Context& context_;
  const Tensor &q_, &kv_, &sinks_;
  const float scale_;
  const Selection& selection_;
  const std::span<const WindowSpan> spans_;
  float* const z_;
  const int heads_, dim_;
  const WindowKvShape shape_;
  const size_t row_bytes_;

  Recent* recent_ = nullptr;
  int* span_of_ = nullptr;
  Scratch* scratch_ = nullptr;
};

}  // namespace

Tensor window_attention(Context& context, const Tensor& q, const Tensor& kv, const Tensor& entries, const Tensor& sinks,
                        float scale, const Selection& selection, std::span<const WindowSpan> spans) {
  CHECK(!spans.empty() && q.shape().rank() == 3 && kv.rows() == q.rows() && kv.width() == q.shape()[2] &&
            sinks.rows() == q.shape()[1],
        "q {}, kv {}, sinks {}", q.shape().text(), kv.shape().text(), sinks.shape().text());
  int64_t rows = 0;
  for (const WindowSpan& span : spans) {
    CHECK(span.first_row == rows && span.kv->shape() == spans.front().kv->shape() &&
              span.kv->shape().head_dim == kv.width(),
          "row {} of {}", span.first_row, q.shape().text());
    CHECK(span.kv->can_continue(span.start), "position {}: the past reaches back to {}", span.start, span.kv->oldest());
    CHECK(!context.tape || span.start == 0, "a gradient through a past of {} positions", span.start);
    rows += span.rows;
  }
  CHECK(rows == q.rows(), "{} rows in spans, q {}", rows, q.shape().text());
  Tensor z = Tensor::empty(q.shape(), context.arena);
  const Arena::Mark mark = context.arena.mark();
  WindowAttention(context, q, kv, sinks, scale, selection, spans, z).run();
  context.arena.rewind(mark);
  if (context.tape) record_window_attention(context, q, kv, entries, sinks, z, scale, selection, spans);
  return z;
}

}  // namespace freehold::ops
