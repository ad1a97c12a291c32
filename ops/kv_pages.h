// KvPages: keys and values of one layer and one sequence, in pages of 64 positions, laid out for the attention kernels.
// Absolute positions: page p holds positions 64p .. 64p+63. Within a page each key head has its keys, then its values:
//   f32, f16   keys   4 groups of 16 keys, each [head_dim][16 keys]
//              values [64 keys][value_dim]
//   q8         keys   4 groups of [head_dim/4][16 keys][4] bytes, code + 128; then f16 scales [4 groups][blocks][16]
//              values [32 pairs of keys][value_dim][2] bytes; then f16 scales [blocks][64 keys]
// where a block is 32 numbers of one position with one scale = absmax / 127 and codes -127..127, as activations are
// rounded (tensor/quant_rows.h); sizes that are no multiple of 32 are filled up with zeros.
//
// With latent attention values are the first numbers of the keys of the one key head (values_in_keys): they are not
// kept again, and whoever reads a page turns them into the values' layout (block_with_values).
//
// With an indexer (ops/selection.h) a position also has one index key of index_dim numbers, which say what later
// positions read. They lie behind the page's heads: 4 groups of [index_dim][16 keys], f32 in f32 pages, else f16.
//
// Memory is mapped when it is first written: room for a whole context costs nothing before it is used. A position is a
// stored row: numbers of all heads in the type, of q8 the codes of all heads and then their scales.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/anonymous_memory.h"
#include "base/result.h"
#include "ops/kernels/kernels.h"

namespace freehold {

enum class KvType : uint8_t { f32, f16, q8 };
std::string_view name_of(KvType);
Result<KvType> kv_type_named(std::string_view);

inline constexpr int kv_page_positions = 64;
inline constexpr int kv_block = 32;  // numbers that share a scale in q8

struct KvShape {
  KvType type = KvType::f16;
  int kv_heads = 0, head_dim = 0, value_dim = 0;
  bool values_in_keys = false;                                  // one key head; in q8, value_dim is whole blocks
  int index_dim = 0;                                            // 0: no index keys
  size_t key_row_bytes() const { return row_bytes(head_dim); }  // a stored row
  size_t value_row_bytes() const { return values_in_keys ? 0 : row_bytes(value_dim); }
  size_t key_head_bytes() const { return key_row_bytes() / static_cast<size_t>(kv_heads) * kv_page_positions; }
  size_t value_head_bytes() const { return value_row_bytes() / static_cast<size_t>(kv_heads) * kv_page_positions; }
  KvType index_type() const { return type == KvType::f32 ? KvType::f32 : KvType::f16; }
  size_t index_row_bytes() const { return static_cast<size_t>(index_dim) * (type == KvType::f32 ? 4 : 2); }
  size_t position_bytes() const { return key_row_bytes() + value_row_bytes() + index_row_bytes(); }
  size_t page_bytes() const { return position_bytes() * kv_page_positions; }
  size_t row_bytes(int dim) const;
  size_t numbers_bytes(int dim) const;  // of one head and position, without scales
  bool operator==(const KvShape&) const = default;
};

AnonymousMemory kv_memory(size_t bytes);  // takes room only where it is written

// The pages of a sequence as kernels see them. Positions at or beyond the sequence's length hold zeros or leftovers,
// which kernels mask.
struct KvView {
  KvShape shape;
  std::byte* first = nullptr;
  size_t stride = 0;  // from a page to the next

  std::byte* page(int p) const { return first + static_cast<size_t>(p) * stride; }
  KvBlock block(int p, int head) const;  // without values where they are in the keys
  // The block with its values. Where they are in the keys, those of the first `keys` positions are written to `values`,
  // whose room is that of a page's values; else `values` is not touched.
  KvBlock block_with_values(int p, int head, int keys, std::byte* values) const;
  void put(int position, const std::byte* key_row, const std::byte* value_row) const;
  void take(int position, std::byte* key_row, std::byte* value_row) const;
  std::byte* index_page(int p) const {
    return page(p) + (shape.key_row_bytes() + shape.value_row_bytes()) * kv_page_positions;
  }
  void put_index(int position, const std::byte* index_row) const;  // of index_row_bytes
  void take_index(int position, std::byte* index_row) const;
};

class KvPages {
 public:
  KvPages(const KvShape&, int positions);  // memory of its own, for `positions` rounded up to whole pages
  // Pages that lie `stride` apart in memory which somebody keeps for as long, zeroed or left over.
  KvPages(const KvShape&, int positions, std::byte* first, size_t stride);
  const KvShape& shape() const { return view_.shape; }
  int capacity() const { return capacity_; }
  const KvView& view() const { return view_; }

  // k [kv_heads, head_dim] and v [kv_heads, value_dim] of one position, rounded to the type.
  void write(int position, const float* k, const float* v);
  void read(int position, float* k, float* v) const;
  void write_stored(int position, const std::byte* key_row, const std::byte* value_row);
  void read_stored(int position, std::byte* key_row, std::byte* value_row) const;

 private:
  AnonymousMemory own_;
  KvView view_;
  int capacity_;
};

// [kv_heads, dim] numbers as a stored row, and back.
void store_row(const Kernels&, const KvShape&, int dim, const float* from, std::byte* to);
void load_row(const KvShape&, int dim, const std::byte* from, float* to);

}  // namespace freehold
