// WindowKv: what one layer of one sequence remembers when attention sees a window of recent tokens and, behind it,
// compressed entries (DeepSeek-V4). One vector per token or entry is both key and value. Kept are
//   the last rows of the window, a ring;
//   one entry for each whole run of `ratio` tokens, all of them;
//   the compressor's inputs (keys and gates, exact floats) of tokens whose entry is not complete, a ring;
//   with an indexer, the same two things of its own, its entries in pages for the score kernels.
// Entries depend on positions alone, so the timeline can go back as long as the rings reach: by rewind_positions, or to
// the very beginning.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "ops/kv_pages.h"

namespace freehold {

inline constexpr int rewind_positions = 64;

struct WindowKvShape {
  KvType type = KvType::f16;  // of rows and entries
  int head_dim = 0;
  int window = 0;            // tokens a query sees, itself included
  int ratio = 0;             // tokens of an entry; 0: no entries
  bool overlapping = false;  // an entry also reads the run before its own, through channels of its own
  int index_dim = 0;         // of the indexer's entries; 0: no indexer
  size_t number_bytes() const { return type == KvType::f16 ? 2 : 4; }
  int series() const { return overlapping ? 2 : 1; }
  // Entries that are complete before position `end`.
  int entries_before(int end) const { return ratio ? end / ratio : 0; }
  bool operator==(const WindowKvShape&) const = default;
};

// Rows of numbers by absolute position, the last `rows` of them.
class RowRing {
 public:
  RowRing() = default;
  RowRing(int rows, size_t row_bytes)
      : rows_(rows), row_bytes_(row_bytes), bytes_(static_cast<size_t>(rows) * row_bytes) {}
  int rows() const { return rows_; }
  std::byte* at(int position) { return bytes_.data() + static_cast<size_t>(position % rows_) * row_bytes_; }
  const std::byte* at(int position) const { return bytes_.data() + static_cast<size_t>(position % rows_) * row_bytes_; }
  size_t bytes() const { return bytes_.size(); }

 private:
  int rows_ = 0;
  size_t row_bytes_ = 0;
  std::vector<std::byte> bytes_;
};

// Keys and gates of a compressor as they came, [keys | gates] of `width` floats each.
struct PendingRows {
  PendingRows() = default;
  PendingRows(int rows, int numbers) : ring(rows, static_cast<size_t>(numbers) * 2 * sizeof(float)), width(numbers) {}
  const float* keys(int position) const { return reinterpret_cast<const float*>(ring.at(position)); }
  const float* gates(int position) const { return keys(position) + width; }
  void write(int position, const float* k, const float* g);
  RowRing ring;
  int width = 0;
};

class WindowKv {
 public:
  explicit WindowKv(const WindowKvShape& shape);
  const WindowKvShape& shape() const { return shape_; }

  // The earliest position that a pass may continue from, beside 0: what lies before it is gone from the rings.
  int oldest() const { return highest_ > rewind_positions ? highest_ - rewind_positions : 0; }
  bool can_continue(int position) const { return position == 0 || (position >= oldest() && position <= highest_); }
  // Rows start..start+rows have been written. Starting over forgets the rest.
  void advance(int start, int rows) { highest_ = start == 0 ? rows : std::max(highest_, start + rows); }

  RowRing window;                      // rows of the shape's type
  PendingRows pending, index_pending;  // of the compressor; of the indexer's
  const std::byte* entry(int i) const { return entries_.data() + static_cast<size_t>(i) * row_bytes(); }
  void write_entry(int i, const float* numbers);
  // Pages of 64 of the indexer's entries: 4 groups of [index_dim][16 entries].
  const std::byte* index_pages() const { return index_pages_.data(); }
  size_t index_page_bytes() const {
    return static_cast<size_t>(shape_.index_dim) * kv_page_positions * shape_.number_bytes();
  }
  void write_index_entry(int i, const float* numbers);

  size_t row_bytes() const { return static_cast<size_t>(shape_.head_dim) * shape_.number_bytes(); }
  size_t bytes() const;

 private:
  WindowKvShape shape_;
  int highest_ = 0;                               // end of what has been written since the timeline last began at 0
  std::vector<std::byte> entries_, index_pages_;  // grow as entries come
};

// Floats as numbers of the type, and back.
void round_row(KvType, const float* from, int count, std::byte* to);
void unround_row(KvType, const std::byte* from, int count, float* to);

}  // namespace freehold
