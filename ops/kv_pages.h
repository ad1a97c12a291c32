// KvPages: keys and values of one layer and one sequence, in pages of 64 positions, laid out for the attention kernels
// (docs/architecture.md): a K page holds, per key head, 4 groups of 16 keys as [head_dim][16 keys]; a V page holds
// [64 keys][head_dim] per head. Absolute positions: page p holds positions 64p .. 64p+63.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "base/result.h"

namespace freehold {

enum class KvType : uint8_t { f32, f16 };

inline constexpr int kv_page_positions = 64;

struct KvShape {
  KvType type = KvType::f16;
  int kv_heads = 0, head_dim = 0, value_dim = 0;
  size_t number_bytes() const { return type == KvType::f16 ? 2 : 4; }
  size_t key_page_bytes() const;  // kv_heads * head_dim * 64 * number_bytes
  size_t value_page_bytes() const;
  bool operator==(const KvShape&) const = default;
};

// Stores k [kv_heads, head_dim] and v [kv_heads, value_dim], numbers of the shape's type, as position `slot` of a page.
void put_in_page(const KvShape&, std::byte* keys, std::byte* values, int slot, const void* k, const void* v);

// The memory of pages, all of one shape. Positions at or beyond `length` hold zeros or leftovers: kernels mask them.
class KvPages {
 public:
  KvPages(KvShape shape, int positions);  // room for `positions`, rounded up to whole pages; cleared
  const KvShape& shape() const { return shape_; }
  int capacity() const { return capacity_; }
  size_t key_page_bytes() const { return shape_.key_page_bytes(); }
  size_t value_page_bytes() const { return shape_.value_page_bytes(); }
  std::byte* key_page(int page) { return keys_.get() + static_cast<size_t>(page) * key_page_bytes(); }
  std::byte* value_page(int page) { return values_.get() + static_cast<size_t>(page) * value_page_bytes(); }
  const std::byte* key_page(int page) const { return keys_.get() + static_cast<size_t>(page) * key_page_bytes(); }
  const std::byte* value_page(int page) const { return values_.get() + static_cast<size_t>(page) * value_page_bytes(); }

  // Stores k [kv_heads, head_dim] and v [kv_heads, value_dim] of one position, rounding to the type.
  void write(int position, const float* k, const float* v);
  void read(int position, float* k, float* v) const;

 private:
  static constexpr size_t alignment = 4096;  // pages of the system, for its advice
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{alignment}); }
  };
  KvShape shape_;
  int capacity_;
  std::unique_ptr<std::byte[], Free> keys_, values_;
};

}  // namespace freehold
