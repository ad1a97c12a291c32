// Attention with grouped keys over paged keys and values: z = Σ_j softmax(q·k_j scale)_j v_j, j up to the query's own
// position or, without a mask, to the end of its span. Softmax in base 2, page by page (kernels/attention_kernels.h),
// started anew at each absolute multiple of 512 positions; these stretches are merged in ascending order. So a query's
// bits depend on its position, its query and the keys before it only: prefill at once, in chunks, token by token, alone
// or in a batch give the same.
//
// A piece of work is (span, key head, block of rows) and either all stretches, or one stretch when there are few rows
// and a long past (decoding). Rows that a selection keeps from some of their past are attention_selected.cpp's.
#include "ops/attention_back.h"
#include "ops/attention_codes.h"
#include "ops/attention_parts.h"
#include "ops/ops.h"
#include "ops/tape.h"

namespace freehold::ops {

namespace {

// Columns are rows of a block times the query heads of a key head: at most so many, unless one row has more.
constexpr int most_columns = 96;   // a block of them reads each page once from memory, then from the second cache
constexpr int split_columns = 48;  // as few columns of a span are split over stretches

struct Piece {
  int span, head;
  int first_row, rows;       // within the span
  int stretch, stretches;    // first and count
  AttentionColumns partial;  // where one of several stretches leaves its columns; else empty
};

int stretches_to(int position) { return position / stretch_positions + 1; }

struct Scratch {  // of one worker
  float* queries;
  int* visible;
  AttentionColumns total, more;
  QueryCodes codes;
  std::byte* values;  // of a page, where they are in the keys
};

class Attention {
 public:
  // spans: runs of rows whose positions follow each other, in any order; pages: of each.
  Attention(Context& context, const Tensor& q, float scale, std::span<const AttentionSpan> spans, const KvView* pages,
            Tensor& z)
      : context_(context),
        kernels_(context.kernels),
        arena_(context.arena),
        q_(q),
        scale_(scale),
        spans_(spans),
        pages_(pages),
        z_(z.mutable_data()),
        heads_(static_cast<int>(q.shape()[1])),
        kv_heads_(pages[0].shape.kv_heads),
        group_(heads_ / kv_heads_),
        head_dim_(static_cast<int>(q.shape()[2])),
        value_dim_(static_cast<int>(z.shape()[2])) {}

  void run() {
    make_scratch();
    cut();
    context_.pool.run(chunks_, [&](int chunk, int worker) {
      for (int i = chunk_ends_[chunk]; i < chunk_ends_[chunk + 1]; ++i)
        attend(pieces_[i], scratch_[static_cast<size_t>(worker)]);
    });
    join();
  }

 private:
  void make_scratch() {
    size_t value_bytes = 0;
    int columns = 0;
    bool codes = false;
    for (size_t s = 0; s < spans_.size(); ++s) {
      if (pages_[s].shape.values_in_keys)
        value_bytes = std::max(value_bytes, pages_[s].shape.row_bytes(value_dim_) * kv_page_positions);
      columns = std::max(columns, std::min(block_rows(), spans_[s].rows) * group_);
      codes = codes || pages_[s].shape.type == KvType::q8;
    }
    const auto workers = static_cast<size_t>(context_.pool.threads());
    scratch_ = arena_.array<Scratch>(workers);
    for (size_t w = 0; w < workers; ++w)
      scratch_[w] = {arena_.array<float>(static_cast<size_t>(columns) * static_cast<size_t>(head_dim_)),
                     arena_.array<int>(static_cast<size_t>(columns)),
                     new_columns(arena_, columns, value_dim_),
                     new_columns(arena_, columns, value_dim_),
                     codes ? room_for_codes(arena_, columns, head_dim_) : QueryCodes{},
                     arena_.array<std::byte>(value_bytes)};
  }

  int block_rows() const { return std::max(1, most_columns / group_); }

  // Pieces, and chunks of them: consecutive pieces of together at least `worth` units of work.
  void cut() {
    size_t count = 0;
    const auto each = [&](auto act) {
      for (size_t s = 0; s < spans_.size(); ++s) {
        const AttentionSpan& span = spans_[s];
        // The last rows of a prompt see most: they come first.
        for (int end = span.rows; end > 0; end -= block_rows()) {
          const int first = std::max(0, end - block_rows());
          const int stretches = stretches_to(span.last_seen(end - 1));
          const bool split = stretches > 1 && span.rows * group_ <= split_columns;
          for (int head = 0; head < kv_heads_; ++head)
            for (int t = 0; t < (split ? stretches : 1); ++t)
              act(Piece{static_cast<int>(s), head, first, end - first, t, split ? 1 : stretches, {}}, split);
        }
      }
    };
    each([&](const Piece&, bool) { ++count; });
    pieces_ = arena_.array<Piece>(count);
    chunk_ends_ = arena_.array<int>(count + 1);
    constexpr int64_t worth = 100'000;
    int64_t cost = 0;
    chunk_ends_[0] = 0;
    each([&](Piece piece, bool split) {
      const int count_of = piece.rows * group_;
      if (split) piece.partial = new_columns(arena_, count_of, value_dim_);
      pieces_[piece_count_++] = piece;
      cost += static_cast<int64_t>(keys_seen(piece)) * (head_dim_ + value_dim_) * (4 + count_of) / 4;
      if (cost >= worth) {
        chunk_ends_[++chunks_] = piece_count_;
        cost = 0;
      }
    });
    if (chunk_ends_[chunks_] < piece_count_) chunk_ends_[++chunks_] = piece_count_;
  }

  int keys_seen(const Piece& piece) const {
    const int end = last_seen(piece, piece.rows - 1) + 1;
    return std::min(end, (piece.stretch + piece.stretches) * stretch_positions) - piece.stretch * stretch_positions;
  }

  // Columns are (row, query head of the group), rows ascending, so those that see a position are the last ones.
  void attend(const Piece& piece, Scratch& scratch) {
    const AttentionSpan& span = spans_[static_cast<size_t>(piece.span)];
    const int count = piece.rows * group_;
    for (int row = 0; row < piece.rows; ++row)
      kernels_.rows.scale(
          q_.row(span.first_row + piece.first_row + row).data() + static_cast<int64_t>(piece.head) * group_ * head_dim_,
          scale_ * log2_e, static_cast<int64_t>(group_) * head_dim_,
          scratch.queries + static_cast<int64_t>(row) * group_ * head_dim_);
    const bool coded = shape_of(piece).type == KvType::q8;
    if (coded) make_codes(scratch.queries, count, head_dim_, scratch.codes);
    for (int t = piece.stretch; t < piece.stretch + piece.stretches; ++t) {
      AttentionColumns columns = piece.partial.count ? piece.partial : t == 0 ? scratch.total : scratch.more;
      columns.count = count;
      columns.queries = scratch.queries;
      columns.visible = scratch.visible;
      if (coded) {
        columns.codes = scratch.codes.codes;
        columns.code_scales = scratch.codes.scales;
        columns.minus_sums = scratch.codes.minus_sums;
      }
      const int first = first_column(piece, t * stretch_positions);
      fold_stretch(piece, from_column(columns, first, shape_of(piece)), first, t, scratch);
      if (piece.partial.count || t == 0) continue;
      AttentionColumns total = scratch.total;
      total.count = count;
      kernels_.attention.merge(from_column(columns, first, shape_of(piece)), from_column(total, first, shape_of(piece)),
                               value_dim_);
    }
    if (!piece.partial.count) {
      AttentionColumns total = scratch.total;
      total.count = count;
      finish(piece, total);
    }
  }

  const KvShape& shape_of(const Piece& piece) const { return pages_[static_cast<size_t>(piece.span)].shape; }

  // Of the piece's row.
  int last_seen(const Piece& piece, int row) const {
    return spans_[static_cast<size_t>(piece.span)].last_seen(piece.first_row + row);
  }
  // The first column whose row sees this position.
  int first_column(const Piece& piece, int position) const {
    const AttentionSpan& span = spans_[static_cast<size_t>(piece.span)];
    return span.mask == Mask::causal ? std::max(0, position - span.start - piece.first_row) * group_ : 0;
  }

  void fold_stretch(const Piece& piece, const AttentionColumns& columns, int skipped, int stretch, Scratch& scratch) {
    const KvView& pages = pages_[static_cast<size_t>(piece.span)];
    std::fill_n(columns.maximum, columns.count, -__builtin_inff());
    std::fill_n(columns.sum, columns.count, 0.0f);
    std::fill_n(columns.mixed, static_cast<size_t>(columns.count) * static_cast<size_t>(value_dim_), 0.0f);
    const int last = last_seen(piece, piece.rows - 1);
    const int end = std::min(last + 1, (stretch + 1) * stretch_positions);
    for (int at = stretch * stretch_positions; at < end; at += kv_page_positions) {
      const int first = std::max(0, first_column(piece, at) - skipped);
      const AttentionColumns seeing = from_column(columns, first, pages.shape);
      for (int c = skipped + first; c < skipped + columns.count; ++c)
        scratch.visible[c] = std::min(kv_page_positions, last_seen(piece, c / group_) - at + 1);
      const int page = at / kv_page_positions;
      const KvBlock block =
          pages.block_with_values(page, piece.head, std::min(kv_page_positions, end - at), scratch.values);
      kernels_.attention.fold_page[static_cast<size_t>(pages.shape.type)](block, seeing);
    }
  }

  void finish(const Piece& piece, const AttentionColumns& columns) const {
    const int64_t first_row = spans_[static_cast<size_t>(piece.span)].first_row + piece.first_row;
    for (int row = 0; row < piece.rows; ++row) {
      AttentionColumns part = from_column(columns, row * group_, shape_of(piece));
      part.count = group_;
      kernels_.attention.finish(part, value_dim_, z_ + ((first_row + row) * heads_ + piece.head * group_) * value_dim_);
    }
  }

  // The stretches of split pieces, in ascending order.
  void join() {
    for (int i = 0; i < piece_count_;) {
      if (!pieces_[i].partial.count) {
        ++i;
        continue;
      }
      const Piece& first = pieces_[i];
      for (++i; i < piece_count_ && pieces_[i].stretch > 0; ++i) {
        const int skipped = first_column(first, pieces_[i].stretch * stretch_positions);
        kernels_.attention.merge(from_column(pieces_[i].partial, skipped, shape_of(first)),
                                 from_column(first.partial, skipped, shape_of(first)), value_dim_);
      }
      finish(first, first.partial);
    }
  }

  Context& context_;
  const Kernels& kernels_;
  Arena& arena_;
  const Tensor& q_;
  const float scale_;
  const std::span<const AttentionSpan> spans_;
  const KvView* const pages_;
  float* const z_;
  const int heads_, kv_heads_, group_, head_dim_, value_dim_;

  Piece* pieces_ = nullptr;
  int piece_count_ = 0;
  int* chunk_ends_ = nullptr;
  int chunks_ = 0;
  Scratch* scratch_ = nullptr;
};

}  // namespace

Tensor attention(Context& context, const Tensor& q, const Tensor& k, const Tensor& v, float scale,
                 std::span<const AttentionSpan> spans, const Selection& selection) {
  const bool fit = q.shape().rank() == 3 && k.shape().rank() == 3 && v.shape().rank() == 3 && k.rows() == q.rows() &&
                   v.rows() == q.rows() && k.shape()[2] == q.shape()[2] && k.shape()[1] == v.shape()[1] &&
                   k.shape()[1] > 0 && q.shape()[1] % k.shape()[1] == 0;
  CHECK(fit, "q {}, k {}, v {}", q.shape().text(), k.shape().text(), v.shape().text());
  int64_t rows = 0;
  for (const AttentionSpan& span : spans) {
    CHECK(span.first_row == rows && span.rows >= 0 && span.start >= 0, "rows {}+{} at position {}", span.first_row,
          span.rows, span.start);
    CHECK(!context.tape || span.start == 0, "a gradient through a past of {} positions", span.start);
    CHECK(span.mask == Mask::causal || !selection.begins, "a selection without a mask");
    rows += span.rows;
  }
  CHECK(rows == q.rows(), "{} rows in spans, q {}", rows, q.shape().text());
  Tensor z = Tensor::empty({q.rows(), q.shape()[1], v.shape()[2]}, context.arena);
  const Arena::Mark mark = context.arena.mark();
  const KvView* pages = written_pages(context, k, v, spans);
  if (selection.begins) {
    const SpanParts parts = split_spans(context.arena, selection, spans, pages);
    if (!parts.whole.empty()) Attention(context, q, scale, parts.whole, parts.whole_pages, z).run();
    attend_selected(context, q, scale, selection, parts.selected, z);
  } else if (!spans.empty()) {
    Attention(context, q, scale, spans, pages, z).run();
  }
  context.arena.rewind(mark);
  if (context.tape)
    context.tape->record(z, [q, k, v, z, scale, kept = std::vector(spans.begin(), spans.end()), selection,
                             &kernels = context.kernels, &pool = context.pool](Tape& tape) {
      attention_back(kernels, pool, tape, q, k, v, z, scale, kept, selection);
    });
  return z;
}

void attend_kept(Context& context, const Tensor& q, float scale, std::span<const AttentionSpan> spans, Tensor& z) {
  CHECK(!context.tape, "a gradient through kept positions");
  CHECK(q.shape().rank() == 3 && z.shape().rank() == 3 && z.rows() == q.rows() && z.shape()[1] == q.shape()[1],
        "q {}, z {}", q.shape().text(), z.shape().text());
  if (spans.empty()) return;
  const Arena::Mark mark = context.arena.mark();
  const KvView* pages = views_of(context.arena, spans);
  for (size_t s = 0; s < spans.size(); ++s) {
    const KvShape& shape = pages[s].shape;
    CHECK(shape == pages[0].shape && shape.head_dim == q.shape()[2] && shape.value_dim == z.shape()[2] &&
              q.shape()[1] % shape.kv_heads == 0 && spans[s].first_row + spans[s].rows <= q.rows(),
          "pages of {} heads of {} and {}, q {}", shape.kv_heads, shape.head_dim, shape.value_dim, q.shape().text());
  }
  Attention(context, q, scale, spans, pages, z).run();
  context.arena.rewind(mark);
}

}  // namespace freehold::ops
