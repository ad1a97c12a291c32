#include "ops/kv_pages.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/numbers.h"

namespace freehold {

namespace {

size_t blocks_of(int dim) { return static_cast<size_t>((dim + kv_block - 1) / kv_block); }

enum class Move { into_page, into_row };

// N bytes of a page and of a row, one way or the other.
template <Move move, size_t N>
void piece(std::byte* page, std::byte* row) {
  std::memcpy(move == Move::into_page ? page : row, move == Move::into_page ? row : page, N);
}

template <Move move>
void flipped_quad(std::byte* page, std::byte* row) {  // code + 128 is the code with its highest bit turned
  uint32_t quad;
  std::memcpy(&quad, move == Move::into_page ? row : page, 4);
  quad ^= 0x80808080u;
  std::memcpy(move == Move::into_page ? page : row, &quad, 4);
}

// One head's numbers in a page and in a stored row; `at` is the position within the page.
template <Move move, size_t N>
void move_numbers(size_t d, size_t dv, size_t at, std::byte* keys, std::byte* values, std::byte* key,
                  std::byte* value) {
  for (size_t i = 0; i < d; ++i) piece<move, N>(keys + ((at / 16 * d + i) * 16 + at % 16) * N, key + i * N);
  for (size_t i = 0; i < dv; ++i) piece<move, N>(values + (at * dv + i) * N, value + i * N);
}

template <Move move>
void move_codes(size_t blocks, size_t value_blocks, size_t at, std::byte* keys, std::byte* values, std::byte* key,
                std::byte* value, std::byte* key_scales, std::byte* value_scales) {
  const size_t d = blocks * kv_block, dv = value_blocks * kv_block, group = at / 16, lane = at % 16;
  for (size_t i = 0; i < d; i += 4) flipped_quad<move>(keys + (group * d + i) * 16 + lane * 4, key + i);
  for (size_t i = 0; i < dv; ++i) piece<move, 1>(values + (at / 2 * dv + i) * 2 + at % 2, value + i);
  keys += d * kv_page_positions;
  values += dv * kv_page_positions;
  for (size_t b = 0; b < blocks; ++b) piece<move, 2>(keys + ((group * blocks + b) * 16 + lane) * 2, key_scales + 2 * b);
  for (size_t b = 0; b < value_blocks; ++b)
    piece<move, 2>(values + (b * kv_page_positions + at) * 2, value_scales + 2 * b);
}

template <Move move>
void move_rows(const KvView& view, int position, std::byte* key_row, std::byte* value_row) {
  const KvShape& shape = view.shape;
  const int kept_values = shape.values_in_keys ? 0 : shape.value_dim;
  const auto d = static_cast<size_t>(shape.head_dim), dv = static_cast<size_t>(kept_values);
  const auto heads = static_cast<size_t>(shape.kv_heads), at = static_cast<size_t>(position % kv_page_positions);
  const size_t blocks = blocks_of(shape.head_dim), value_blocks = blocks_of(kept_values);
  std::byte* keys = view.page(position / kv_page_positions);
  for (size_t head = 0; head < heads; ++head, keys += shape.key_head_bytes() + shape.value_head_bytes()) {
    std::byte* values = keys + shape.key_head_bytes();
    if (shape.type == KvType::q8)
      move_codes<move>(blocks, value_blocks, at, keys, values, key_row + head * blocks * kv_block,
                       value_row + head * value_blocks * kv_block,
                       key_row + heads * blocks * kv_block + head * blocks * 2,
                       value_row + heads * value_blocks * kv_block + head * value_blocks * 2);
    else if (shape.type == KvType::f16)
      move_numbers<move, 2>(d, dv, at, keys, values, key_row + head * d * 2, value_row + head * dv * 2);
    else
      move_numbers<move, 4>(d, dv, at, keys, values, key_row + head * d * 4, value_row + head * dv * 4);
  }
}

template <Move move>
void move_index(const KvView& view, int position, std::byte* row) {
  const auto d = static_cast<size_t>(view.shape.index_dim), at = static_cast<size_t>(position % kv_page_positions);
  std::byte* keys = view.index_page(position / kv_page_positions);
  if (view.shape.index_type() == KvType::f16)
    move_numbers<move, 2>(d, 0, at, keys, nullptr, row, nullptr);
  else
    move_numbers<move, 4>(d, 0, at, keys, nullptr, row, nullptr);
}

}  // namespace

std::string_view name_of(KvType type) {
  constexpr std::string_view names[] = {"f32", "f16", "q8"};
  return names[static_cast<size_t>(type)];
}

Result<KvType> kv_type_named(std::string_view name) {
  for (const KvType type : {KvType::f32, KvType::f16, KvType::q8})
    if (name == name_of(type)) return type;
  return usage_error("cache: expected f16, q8 or f32, found '{}'", printable(name));
}

size_t KvShape::row_bytes(int dim) const {
  const auto heads = static_cast<size_t>(kv_heads);
  if (type == KvType::q8) return heads * blocks_of(dim) * (kv_block + 2);
  return heads * static_cast<size_t>(dim) * (type == KvType::f16 ? 2 : 4);
}

size_t KvShape::numbers_bytes(int dim) const {
  if (type == KvType::q8) return blocks_of(dim) * kv_block;
  return static_cast<size_t>(dim) * (type == KvType::f16 ? 2 : 4);
}

AnonymousMemory kv_memory(size_t bytes) {
  auto memory = AnonymousMemory::map(bytes, AnonymousMemory::Room::lazily, "cache");
  CHECK(memory, "{}", memory.error().what);
  return std::move(*memory);
}

KvBlock KvView::block(int p, int head) const {
  const size_t key_bytes = shape.key_head_bytes(), head_bytes = key_bytes + shape.value_head_bytes();
  const std::byte* keys = page(p) + static_cast<size_t>(head) * head_bytes;
  return {keys, keys + key_bytes, shape.head_dim, shape.value_dim, keys + stride, keys + stride + key_bytes};
}

void KvView::put(int position, const std::byte* key_row, const std::byte* value_row) const {
  move_rows<Move::into_page>(*this, position, const_cast<std::byte*>(key_row), const_cast<std::byte*>(value_row));
}

void KvView::take(int position, std::byte* key_row, std::byte* value_row) const {
  move_rows<Move::into_row>(*this, position, key_row, value_row);
}

void KvView::put_index(int position, const std::byte* index_row) const {
  move_index<Move::into_page>(*this, position, const_cast<std::byte*>(index_row));
}

void KvView::take_index(int position, std::byte* index_row) const {
  move_index<Move::into_row>(*this, position, index_row);
}

KvPages::KvPages(const KvShape& shape, int positions) : KvPages(shape, positions, nullptr, shape.page_bytes()) {
  own_ = kv_memory(static_cast<size_t>(capacity_ / kv_page_positions) * view_.stride);
  view_.first = own_.data();
}

KvPages::KvPages(const KvShape& shape, int positions, std::byte* first, size_t stride)
    : view_{shape, first, stride},
      capacity_((positions + kv_page_positions - 1) / kv_page_positions * kv_page_positions) {
  CHECK(shape.kv_heads > 0 && shape.head_dim > 0 && shape.value_dim > 0 && shape.index_dim >= 0 && positions >= 0,
        "{} heads of {} and {}, index keys of {}, {}", shape.kv_heads, shape.head_dim, shape.value_dim, shape.index_dim,
        positions);
  CHECK(!shape.values_in_keys || (shape.kv_heads == 1 && shape.value_dim <= shape.head_dim &&
                                  (shape.type != KvType::q8 || shape.value_dim % kv_block == 0)),
        "{} heads of {} with values of {} in the keys", shape.kv_heads, shape.head_dim, shape.value_dim);
}

void KvPages::write_stored(int position, const std::byte* key_row, const std::byte* value_row) {
  CHECK(position >= 0 && position < capacity_, "position {} of {}", position, capacity_);
  view_.put(position, key_row, value_row);
}

void KvPages::read_stored(int position, std::byte* key_row, std::byte* value_row) const {
  CHECK(position >= 0 && position < capacity_, "position {} of {}", position, capacity_);
  view_.take(position, key_row, value_row);
}

void KvPages::write(int position, const float* k, const float* v) {
  const KvShape& s = shape();
  std::vector<std::byte> key(s.key_row_bytes()), value(s.value_row_bytes());
  store_row(best_kernels(), s, s.head_dim, k, key.data());
  if (!s.values_in_keys) store_row(best_kernels(), s, s.value_dim, v, value.data());
  write_stored(position, key.data(), value.data());
}

void KvPages::read(int position, float* k, float* v) const {
  const KvShape& s = shape();
  std::vector<std::byte> key(s.key_row_bytes()), value(s.value_row_bytes());
  read_stored(position, key.data(), value.data());
  load_row(s, s.head_dim, key.data(), k);
  if (s.values_in_keys)
    std::copy_n(k, s.value_dim, v);
  else
    load_row(s, s.value_dim, value.data(), v);
}

void store_row(const Kernels& kernels, const KvShape& shape, int dim, const float* from, std::byte* to) {
  const int64_t count = int64_t{shape.kv_heads} * dim;
  if (shape.type == KvType::f32) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  if (shape.type == KvType::f16) {
    kernels.rows.half_of_float(from, count, reinterpret_cast<uint16_t*>(to));
    return;
  }
  const size_t blocks = blocks_of(dim) * static_cast<size_t>(shape.kv_heads);
  std::byte* scales = to + blocks * kv_block;
  float scale, scaled_sum;
  int32_t minus_sum;
  for (int head = 0; head < shape.kv_heads; ++head, from += dim)
    for (int at = 0; at < dim; at += kv_block, to += kv_block, scales += 2) {
      float filled[kv_block] = {};
      const bool whole = dim - at >= kv_block;
      if (!whole) std::memcpy(filled, from + at, static_cast<size_t>(dim - at) * sizeof(float));
      QuantRows block{};
      block.block = kv_block, block.width = kv_block, block.rows = 1;
      block.values = reinterpret_cast<int8_t*>(to), block.scales = &scale;
      block.scaled_sums = &scaled_sum, block.minus_sums = &minus_sum;
      kernels.linear.quantize_row(whole ? from + at : filled, block, 0);
      const uint16_t half = f16_of_float(scale);
      std::memcpy(scales, &half, 2);
    }
}

void load_row(const KvShape& shape, int dim, const std::byte* from, float* to) {
  const size_t count = static_cast<size_t>(shape.kv_heads) * static_cast<size_t>(dim);
  const auto half_at = [](const std::byte* at) {
    uint16_t half;
    std::memcpy(&half, at, 2);
    return float_of_f16(half);
  };
  if (shape.type == KvType::f32) {
    std::memcpy(to, from, count * sizeof(float));
    return;
  }
  if (shape.type == KvType::f16) {
    for (size_t i = 0; i < count; ++i) to[i] = half_at(from + 2 * i);
    return;
  }
  const std::byte* scales = from + blocks_of(dim) * static_cast<size_t>(shape.kv_heads) * kv_block;
  for (int head = 0; head < shape.kv_heads; ++head)
    for (int at = 0; at < dim; at += kv_block, from += kv_block, scales += 2)
      for (int i = 0; i < kv_block && at + i < dim; ++i)
        *to++ = static_cast<float>(static_cast<int8_t>(from[i])) * half_at(scales);
}

}  // namespace freehold
