// Writes small GGUF files for tests, good ones and, by its parts, bad ones. For tests only.
//
//   GgufWriter writer;
//   writer.key("general.architecture", "llama").key("llama.block_count", uint32_t{1});
//   writer.strings("tokenizer.ggml.tokens", {"a", "b"}).tensor("output.weight", {4, 8}, 0, floats(32));
//   folder.write("tiny.gguf", writer.bytes());
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace freehold::testing {

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline std::string floats(size_t count, float value = 0.5f) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += raw(value);
  return bytes;
}

// Length and bytes.
inline std::string gguf_string(std::string_view text) { return raw<uint64_t>(text.size()) + std::string(text); }

enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

template <class T>
constexpr GgufType gguf_type_of() {
  if constexpr (std::is_same_v<T, uint8_t>) return GgufType::u8;
  if constexpr (std::is_same_v<T, int8_t>) return GgufType::i8;
  if constexpr (std::is_same_v<T, uint16_t>) return GgufType::u16;
  if constexpr (std::is_same_v<T, int16_t>) return GgufType::i16;
  if constexpr (std::is_same_v<T, uint32_t>) return GgufType::u32;
  if constexpr (std::is_same_v<T, int32_t>) return GgufType::i32;
  if constexpr (std::is_same_v<T, float>) return GgufType::f32;
  if constexpr (std::is_same_v<T, bool>) return GgufType::boolean;
  if constexpr (std::is_same_v<T, uint64_t>) return GgufType::u64;
  if constexpr (std::is_same_v<T, int64_t>) return GgufType::i64;
  if constexpr (std::is_same_v<T, double>) return GgufType::f64;
}

class GgufWriter {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;  // of the data; write the key general.alignment yourself

  template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
  GgufWriter& key(std::string_view name, T value) {
    return raw_key(name, gguf_type_of<T>(), raw(value));
  }
  GgufWriter& key(std::string_view name, std::string_view value) {
    return raw_key(name, GgufType::string, gguf_string(value));
  }
  GgufWriter& key(std::string_view name, const char* value) { return key(name, std::string_view(value)); }
  GgufWriter& strings(std::string_view name, const std::vector<std::string>& values) {
    std::string bytes = raw(GgufType::string) + raw<uint64_t>(values.size());
    for (const auto& value : values) bytes += gguf_string(value);
    return raw_key(name, GgufType::array, bytes);
  }
  template <class T>
  GgufWriter& numbers(std::string_view name, const std::vector<T>& values) {
    std::string bytes = raw(gguf_type_of<T>()) + raw<uint64_t>(values.size());
    for (T value : values) bytes += raw(value);
    return raw_key(name, GgufType::array, bytes);
  }
  // Any type and value bytes, right or wrong.
  GgufWriter& raw_key(std::string_view name, GgufType type, std::string_view value) {
    keys_ += gguf_string(name) + raw(type);
    keys_ += value;
    ++key_count_;
    return *this;
  }

  // `shape` is outermost first, as everywhere in this program; `type` an id of GGUF.
  GgufWriter& tensor(std::string_view name, const std::vector<uint64_t>& shape, uint32_t type, std::string_view data) {
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    raw_tensor(name, shape, type, data_.size());
    data_ += data;
    return *this;
  }
  // Without data, at any offset.
  GgufWriter& raw_tensor(std::string_view name, const std::vector<uint64_t>& shape, uint32_t type, uint64_t offset) {
    tensors_ += gguf_string(name) + raw(static_cast<uint32_t>(shape.size()));
    for (size_t i = shape.size(); i-- > 0;) tensors_ += raw(shape[i]);
    tensors_ += raw(type) + raw(offset);
    ++tensor_count_;
    return *this;
  }
  GgufWriter& raw_data(std::string_view data) {
    data_ += data;
    return *this;
  }
  // Claims other numbers of tensors and keys than there are.
  GgufWriter& claim(uint64_t tensors, uint64_t keys) {
    tensor_count_ = tensors;
    key_count_ = keys;
    return *this;
  }

  std::string header() const {
    return std::string("GGUF") + raw(version) + raw(tensor_count_) + raw(key_count_) + keys_ + tensors_;
  }
  std::string bytes() const {
    std::string all = header();
    if (data_.empty()) return all;
    all.resize((all.size() + alignment - 1) / alignment * alignment);
    return all + data_;
  }

 private:
  uint64_t tensor_count_ = 0, key_count_ = 0;
  std::string keys_, tensors_, data_;
};

}  // namespace freehold::testing
