// Attention of rows that read selected positions only: z = Σ_i softmax(q·k_i scale)_i v_i over the row's list, which is
// gathered into a page of its own, 64 positions at a time, and goes through the kernels of whole pages. Softmax starts
// anew at each multiple of 512 of the list; these stretches are merged in ascending order. So a row's bits depend on
// its query, its list and what is kept at those positions only.
//
// A piece of work is (row, stretch), with all heads; rows go in blocks, so that what the pieces leave stays small.
#include "ops/attention_codes.h"
#include "ops/attention_parts.h"

namespace freehold::ops {
namespace {

constexpr int64_t most_partial_numbers = int64_t{8} << 20;

struct Piece {
  int row;  // of the block
  int stretch;
  AttentionColumns columns;
};

struct Scratch {  // of one worker
  float* queries;
  int* visible;
  QueryCodes codes;
  std::byte *page, *key_row, *value_row;
  std::byte* values;  // of the page, where they are in the keys
};

int stretches_of(size_t positions) { return (static_cast<int>(positions) + stretch_positions - 1) / stretch_positions; }

class SelectedAttention {
 public:
  SelectedAttention(Context& context, const Tensor& q, float scale, const Selection& selection,
                    std::span<const SelectedRow> rows, Tensor& z)
      : context_(context),
        kernels_(context.kernels),
        q_(q),
        scale_(scale),
        selection_(selection),
        rows_(rows),
        z_(z.mutable_data()),
        heads_(static_cast<int>(q.shape()[1])),
        head_dim_(static_cast<int>(q.shape()[2])),
        value_dim_(static_cast<int>(z.shape()[2])) {}

  void run() {
    make_scratch();
    const int64_t partial = int64_t{heads_} * (value_dim_ + 2);
    for (size_t first = 0; first < rows_.size();) {
      const Arena::Mark mark = context_.arena.mark();
      size_t end = first;
      int count = 0;
      do count += stretches_of(selection_.of(rows_[end++].row).size());
      while (end < rows_.size() && count * partial < most_partial_numbers);
      block(rows_.subspan(first, end - first), count);
      context_.arena.rewind(mark);
      first = end;
    }
  }

 private:
  void make_scratch() {
    size_t page = 0, key = 0, value = 0, values = 0;
    bool codes = false;
    for (const SelectedRow& row : rows_) {
      const KvShape& shape = row.pages.shape;
      key = std::max(key, shape.key_row_bytes());
      value = std::max(value, shape.value_row_bytes());
      if (shape.values_in_keys) values = std::max(values, shape.row_bytes(value_dim_) * kv_page_positions);
      codes = codes || shape.type == KvType::q8;
      page = std::max(page, (shape.key_row_bytes() + shape.value_row_bytes()) * kv_page_positions);
    }
    Arena& arena = context_.arena;
    const auto workers = static_cast<size_t>(context_.pool.threads()), heads = static_cast<size_t>(heads_);
    scratch_ = arena.array<Scratch>(workers);
    for (size_t w = 0; w < workers; ++w)
      scratch_[w] = {arena.array<float>(heads * static_cast<size_t>(head_dim_)),
                     arena.array<int>(heads),
                     codes ? room_for_codes(arena, heads_, head_dim_) : QueryCodes{},
                     arena.array<std::byte>(page),
                     arena.array<std::byte>(key),
                     arena.array<std::byte>(value),
                     arena.array<std::byte>(values)};
  }

  void block(std::span<const SelectedRow> rows, int count) {
    auto* pieces = context_.arena.array<Piece>(static_cast<size_t>(count));
    auto* first_piece = context_.arena.array<int>(rows.size() + 1);
    int next = 0;
    for (size_t r = 0; r < rows.size(); ++r) {
      first_piece[r] = next;
      for (int s = 0; s < stretches_of(selection_.of(rows[r].row).size()); ++s)
        pieces[next++] = {static_cast<int>(r), s, new_columns(context_.arena, heads_, value_dim_)};
    }
    first_piece[rows.size()] = next;
    context_.pool.run(count, [&](int i, int worker) {
      attend(rows[static_cast<size_t>(pieces[i].row)], pieces[i], scratch_[worker]);
    });
    context_.pool.run(static_cast<int>(rows.size()), [&](int r, int) {
      const AttentionColumns& total = pieces[first_piece[r]].columns;
      for (int i = first_piece[r] + 1; i < first_piece[r + 1]; ++i)
        kernels_.attention.merge(pieces[i].columns, total, value_dim_);
      kernels_.attention.finish(total, value_dim_,
                                z_ + int64_t{rows[static_cast<size_t>(r)].row} * heads_ * value_dim_);
    });
  }

  void attend(const SelectedRow& row, const Piece& piece, Scratch& scratch) const {
    const KvShape& shape = row.pages.shape;
    const int group = heads_ / shape.kv_heads;
    kernels_.rows.scale(q_.row(row.row).data(), scale_ * log2_e, int64_t{heads_} * head_dim_, scratch.queries);
    AttentionColumns columns = piece.columns;
    columns.queries = scratch.queries;
    columns.visible = scratch.visible;
    if (shape.type == KvType::q8) {
      make_codes(scratch.queries, heads_, head_dim_, scratch.codes);
      columns.codes = scratch.codes.codes;
      columns.code_scales = scratch.codes.scales;
      columns.minus_sums = scratch.codes.minus_sums;
    }
    std::fill_n(columns.maximum, heads_, -__builtin_inff());
    std::fill_n(columns.sum, heads_, 0.0f);
    std::fill_n(columns.mixed, static_cast<size_t>(heads_) * static_cast<size_t>(value_dim_), 0.0f);

    const KvView page{shape, scratch.page, 0};
    const auto all = selection_.of(row.row);
    const auto first = static_cast<size_t>(piece.stretch) * stretch_positions;
    const auto list = all.subspan(first, std::min(all.size() - first, size_t{stretch_positions}));
    for (size_t at = 0; at < list.size(); at += kv_page_positions) {
      const auto keys = static_cast<int>(std::min(list.size() - at, size_t{kv_page_positions}));
      for (int i = 0; i < keys; ++i) {
        row.pages.take(list[at + static_cast<size_t>(i)], scratch.key_row, scratch.value_row);
        page.put(i, scratch.key_row, scratch.value_row);
      }
      std::fill_n(scratch.visible, heads_, keys);
      for (int head = 0; head < shape.kv_heads; ++head) {
        AttentionColumns of_head = from_column(columns, head * group, shape);
        of_head.count = group;
        kernels_.attention.fold_page[static_cast<size_t>(shape.type)](
            page.block_with_values(0, head, keys, scratch.values), of_head);
      }
    }
  }

  Context& context_;
  const Kernels& kernels_;
  const Tensor& q_;
  const float scale_;
  const Selection& selection_;
  const std::span<const SelectedRow> rows_;
  float* const z_;
  const int heads_, head_dim_, value_dim_;
  Scratch* scratch_ = nullptr;
};

}  // namespace

void attend_selected(Context& context, const Tensor& q, float scale, const Selection& selection,
                     std::span<const SelectedRow> rows, Tensor& z) {
  if (!rows.empty()) SelectedAttention(context, q, scale, selection, rows, z).run();
}

}  // namespace freehold::ops
