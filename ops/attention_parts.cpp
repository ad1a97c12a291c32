#include "ops/attention_parts.h"

#include "ops/row_chunks.h"

namespace freehold::ops {
namespace {

struct RowBytes {  // of one worker: a position as it is stored
  std::byte *key, *value;
};

class PageWriter {
 public:
  PageWriter(Context& context, const Tensor& k, const Tensor& v, std::span<const AttentionSpan> spans)
      : context_(context),
        k_(k),
        v_(v),
        spans_(spans),
        kv_heads_(static_cast<int>(k.shape()[1])),
        head_dim_(static_cast<int>(k.shape()[2])),
        value_dim_(static_cast<int>(v.shape()[2])),
        pages_(context.arena.array<KvView>(spans.size())) {}

  const KvView* run() {
    find_pages();
    write_pages();
    return pages_;
  }

 private:
  void find_pages() {
    for (size_t s = 0; s < spans_.size(); ++s) {
      const AttentionSpan& span = spans_[s];
      const int end = span.start + span.rows;
      if (span.pages) {
        const KvShape& shape = span.pages->shape();
        CHECK(shape.kv_heads == kv_heads_ && shape.head_dim == head_dim_ && shape.value_dim == value_dim_,
              "pages of {} heads of {} and {}, k {}, v {}", shape.kv_heads, shape.head_dim, shape.value_dim,
              k_.shape().text(), v_.shape().text());
        CHECK(end <= span.pages->capacity(), "position {} of {}", end, span.pages->capacity());
        pages_[s] = span.pages->view();
      } else {
        CHECK(span.start == 0, "a past of {} positions without pages", span.start);
        const KvShape shape{KvType::f32, kv_heads_, head_dim_, value_dim_};
        const auto count = static_cast<size_t>((end + kv_page_positions - 1) / kv_page_positions);
        pages_[s] = {shape, context_.arena.array<std::byte>(count * shape.page_bytes()), shape.page_bytes()};
      }
    }
  }

  // Rows of one span that fall into one page are written by one chunk.
  void write_pages() {
    struct Touched {
      int span, page;
    };
    int count = 0;
    for (const AttentionSpan& span : spans_) count += pages_of(span);
    auto* touched = context_.arena.array<Touched>(static_cast<size_t>(count));
    int next = 0;
    for (size_t s = 0; s < spans_.size(); ++s)
      for (int i = 0; i < pages_of(spans_[s]); ++i)
        touched[next++] = {static_cast<int>(s), spans_[s].start / kv_page_positions + i};
    const RowBytes* room = row_bytes();
    const auto write = [&](int chunk, int worker) {
      write_page(touched[chunk].span, touched[chunk].page, room[worker]);
    };
    if (k_.rows() * (k_.width() + v_.width()) < 8192)  // a few rows: not worth a region
      for (int chunk = 0; chunk < count; ++chunk) write(chunk, 0);
    else
      context_.pool.run(count, write);
  }

  RowBytes* row_bytes() const {
    size_t key = 0, value = 0;
    for (size_t s = 0; s < spans_.size(); ++s) {
      key = std::max(key, pages_[s].shape.key_row_bytes());
      value = std::max(value, pages_[s].shape.value_row_bytes());
    }
    const auto workers = static_cast<size_t>(context_.pool.threads());
    auto* room = context_.arena.array<RowBytes>(workers);
    for (size_t w = 0; w < workers; ++w)
      room[w] = {context_.arena.array<std::byte>(key), context_.arena.array<std::byte>(value)};
    return room;
  }

  static int pages_of(const AttentionSpan& span) {
    return span.rows ? (span.start + span.rows - 1) / kv_page_positions - span.start / kv_page_positions + 1 : 0;
  }

  void write_page(int of_span, int page, const RowBytes& room) const {
    const AttentionSpan& span = spans_[static_cast<size_t>(of_span)];
    const KvView& view = pages_[of_span];
    const int first = std::max(span.start, page * kv_page_positions);
    const int end = std::min(span.start + span.rows, (page + 1) * kv_page_positions);
    for (int position = first; position < end; ++position) {
      const int64_t row = span.first_row + position - span.start;
      store_row(context_.kernels, view.shape, head_dim_, k_.row(row).data(), room.key);
      if (!view.shape.values_in_keys)
        store_row(context_.kernels, view.shape, value_dim_, v_.row(row).data(), room.value);
      view.put(position, room.key, room.value);
    }
  }

  Context& context_;
  const Tensor &k_, &v_;
  const std::span<const AttentionSpan> spans_;
  const int kv_heads_, head_dim_, value_dim_;
  KvView* const pages_;
};

}  // namespace

const KvView* written_pages(Context& context, const Tensor& k, const Tensor& v, std::span<const AttentionSpan> spans) {
  return PageWriter(context, k, v, spans).run();
}

void keep_positions(Context& context, const Tensor& k, const Tensor& v, std::span<const AttentionSpan> spans) {
  const Arena::Mark mark = context.arena.mark();
  written_pages(context, k, v, spans);
  context.arena.rewind(mark);
}

Tensor kept_keys(Context& context, const KvPages& pages, int first, int count) {
  const KvShape& shape = pages.shape();
  CHECK(first >= 0 && count >= 0 && first + count <= pages.capacity(), "positions {}+{} of {}", first, count,
        pages.capacity());
  Tensor keys = Tensor::empty({count, shape.kv_heads, shape.head_dim}, context.arena);
  float* to = keys.mutable_data();
  const Arena::Mark mark = context.arena.mark();
  const size_t key_bytes = shape.key_row_bytes(), row_bytes = key_bytes + shape.value_row_bytes();
  auto* stored = context.arena.array<std::byte>(static_cast<size_t>(count) * row_bytes);
  each_rows(context.pool, count, keys.width(), [&](int64_t from, int64_t rows) {
    for (int64_t i = from; i < from + rows; ++i) {
      std::byte* row = stored + static_cast<size_t>(i) * row_bytes;
      pages.read_stored(first + static_cast<int>(i), row, row + key_bytes);
      load_row(shape, shape.head_dim, row, to + i * keys.width());
    }
  });
  context.arena.rewind(mark);
  return keys;
}

const KvView* views_of(Arena& arena, std::span<const AttentionSpan> spans) {
  auto* pages = arena.array<KvView>(spans.size());
  for (size_t s = 0; s < spans.size(); ++s) {
    CHECK(spans[s].pages, "a span without pages");
    CHECK(spans[s].start + spans[s].rows <= spans[s].pages->capacity(), "position {} of {}",
          spans[s].start + spans[s].rows, spans[s].pages->capacity());
    pages[s] = spans[s].pages->view();
  }
  return pages;
}

AttentionColumns new_columns(Arena& arena, int count, int value_dim) {
  const auto n = static_cast<size_t>(count);
  return {count,
          nullptr,
          nullptr,
          arena.array<float>(n),
          arena.array<float>(n),
          arena.array<float>(n * static_cast<size_t>(value_dim))};
}

AttentionColumns from_column(AttentionColumns columns, int first, const KvShape& shape) {
  const int64_t blocks = (shape.head_dim + kv_block - 1) / kv_block;
  columns.count -= first;
  if (columns.queries) columns.queries += int64_t{first} * shape.head_dim;
  if (columns.visible) columns.visible += first;
  columns.maximum += first;
  columns.sum += first;
  columns.mixed += int64_t{first} * shape.value_dim;
  if (columns.codes) {
    columns.codes += first * blocks * 2 * kv_block;
    columns.code_scales += first * blocks;
    columns.minus_sums += first * blocks;
  }
  return columns;
}

SpanParts split_spans(Arena& arena, const Selection& selection, std::span<const AttentionSpan> spans,
                      const KvView* pages) {
  size_t rows = 0;
  for (const AttentionSpan& span : spans) rows += static_cast<size_t>(span.rows);
  auto* whole = arena.array<AttentionSpan>(rows);
  auto* whole_pages = arena.array<KvView>(rows);
  auto* selected = arena.array<SelectedRow>(rows);
  size_t runs = 0, others = 0;
  for (size_t s = 0; s < spans.size(); ++s) {
    bool follows = false;  // the row before is in a run
    for (int i = 0; i < spans[s].rows; ++i) {
      const int row = spans[s].first_row + i, position = spans[s].start + i;
      const auto reads = static_cast<int>(selection.of(row).size());
      CHECK(reads >= 1 && reads <= position + 1, "row {} at position {} reads {}", row, position, reads);
      if (reads <= position) {
        selected[others++] = {row, pages[s]};
      } else if (follows) {
        ++whole[runs - 1].rows;
      } else {
        whole_pages[runs] = pages[s];
        whole[runs++] = {row, 1, position, spans[s].pages};
      }
      follows = reads > position;
    }
  }
  return {{whole, runs}, whole_pages, {selected, others}};
}

}  // namespace freehold::ops
