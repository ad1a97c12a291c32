#include "files/gguf.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/limits.h"
#include "base/reader.h"

namespace freehold {
namespace {

enum class Type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
constexpr uint32_t type_count = 13;
constexpr uint64_t type_bytes[type_count] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};  // of string, array: the least

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> file, std::string_view name, Cut cut)
      : file_(file), name_(name), cut_(cut), reader_(file, name_) {}

  Result<GgufHeader> read() {
    TRY(read_magic());
    TRY_ASSIGN(const uint64_t tensors_claimed, reader_.u64("tensor count"));
    TRY_ASSIGN(const uint64_t keys_claimed, reader_.u64("key count"));
    // The least a key can take is an empty name, a type and one byte; a tensor, one of a byte and one dimension.
    TRY_ASSIGN(const size_t keys, reader_.count(keys_claimed, 8 + 4 + 1, limits::gguf_keys, "key count"));
    TRY_ASSIGN(const size_t tensors,
               reader_.count(tensors_claimed, 8 + 1 + 4 + 8 + 4 + 8, limits::gguf_tensors, "tensor count"));
    TRY(read_keys(keys));
    TRY(read_alignment());
    TRY(read_tensors(tensors));
    TRY(place_tensors());
    return std::move(header_);
  }

 private:
  Result<Done> read_magic() {
    TRY(refuse_foreign_content(file_, name_));
    TRY_ASSIGN(const auto magic, reader_.take(4, "magic"));
    if (std::memcmp(magic.data(), "GGUF", 4) != 0)
      return malformed("{}: not a GGUF file: its first bytes are not 'GGUF'", name_);
    TRY_ASSIGN(const uint32_t version, reader_.u32("version"));
    if (version != 0 && version % 65536 == 0)
      return unsupported("{}: GGUF of big-endian numbers; expected little-endian", name_);
    if (version != 3) return unsupported("{}: GGUF version {}; expected 3", name_, version);
    return Done{};
  }

  Result<Done> read_keys(size_t count) {
    std::vector<std::string_view> keys;
    keys.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      TRY_ASSIGN(const std::string_view key, reader_.string(limits::key_bytes, "key"));
      if (key.empty() || !is_clean_utf8(key))
        return malformed("{}: key {} is '{}'; expected clean text", name_, i, printable(key));
      keys.push_back(key);
      TRY_ASSIGN(const Type type, read_type(key));
      if (type == Type::array) {
        TRY(read_array(key));
      } else {
        TRY_ASSIGN(Json value, read_value(key, type));
        put(key, std::move(value));
      }
    }
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) return malformed("{}: key '{}' occurs twice", name_, printable(*twice));
    return Done{};
  }

  // The base's emplace_back: ordered_map's own would search for the key each time; uniqueness is seen at the end.
  void put(std::string_view key, Json value) {
    header_.config.get_ref<Json::object_t&>().Json::object_t::Container::emplace_back(std::string(key),
                                                                                      std::move(value));
  }

  Result<Type> read_type(std::string_view key) {
    TRY_ASSIGN(const uint32_t type, reader_.u32("value type"));
    if (type >= type_count)
      return malformed("{}: key '{}' has value type {} at offset {}; expected 0 to {}", name_, printable(key), type,
                       reader_.at() - 4, type_count - 1);
    return static_cast<Type>(type);
  }

  template <class T>
  Result<Json> number() {
    TRY_ASSIGN(const T value, reader_.number<T>("value"));
    return Json(value);
  }

  Result<Json> read_value(std::string_view key, Type type) {
    switch (type) {
      case Type::u8:
        return number<uint8_t>();
      case Type::i8:
        return number<int8_t>();
      case Type::u16:
        return number<uint16_t>();
      case Type::i16:
        return number<int16_t>();
      case Type::u32:
        return number<uint32_t>();
      case Type::i32:
        return number<int32_t>();
      case Type::f32:
        return number<float>();
      case Type::u64:
        return number<uint64_t>();
      case Type::i64:
        return number<int64_t>();
      case Type::f64:
        return number<double>();
      case Type::boolean: {
        TRY_ASSIGN(const uint8_t value, reader_.number<uint8_t>("bool"));
        if (value > 1)
          return malformed("{}: key '{}' has bool {} at offset {}; expected 0 or 1", name_, printable(key), value,
                           reader_.at() - 1);
        return Json(value == 1);
      }
      case Type::string: {
        TRY_ASSIGN(const std::string_view value, reader_.string(limits::string_bytes, "string"));
        if (!is_utf8(value)) return malformed("{}: key '{}' is not valid UTF-8", name_, printable(key));
        return Json(std::string(value));
      }
      case Type::array:
        break;
    }
    return malformed("{}: key '{}' holds an array where none may be", name_, printable(key));
  }

  struct ArrayHead {
    Type type;
    size_t count;
  };
  Result<ArrayHead> read_array_head(std::string_view key) {
    TRY_ASSIGN(const Type type, read_type(key));
    TRY_ASSIGN(const uint64_t claimed, reader_.u64("array length"));
    TRY_ASSIGN(const size_t count, reader_.count(claimed, type_bytes[static_cast<size_t>(type)], limits::array_elements,
                                                 "array '" + printable(key) + "'"));
    return ArrayHead{type, count};
  }

  Result<Done> read_array(std::string_view key) {
    TRY_ASSIGN(const ArrayHead head, read_array_head(key));
    if (head.type == Type::array) return skip_arrays(key, head.count, 2);
    if (head.type == Type::string) return read_strings(key, head.count);
    const auto start = reader_;
    const uint64_t bytes = head.count * type_bytes[static_cast<size_t>(head.type)];  // count() has bounded it
    TRY_ASSIGN(const auto numbers, reader_.take(bytes, "array"));
    if (head.type == Type::f32) copy_numbers(numbers, header_.floats[std::string(key)]);
    if (head.type == Type::i32) copy_numbers(numbers, header_.integers[std::string(key)]);
    if (head.count > limits::config_array_elements) return Done{};
    config_elements_ += head.count;
    if (config_elements_ > limits::config_elements)
      return malformed("{}: arrays of metadata hold more than {} numbers at key '{}'", name_, limits::config_elements,
                       printable(key));
    reader_ = start;
    Json::array_t values;
    values.reserve(head.count);
    for (size_t i = 0; i < head.count; ++i) {
      TRY_ASSIGN(Json value, read_value(key, head.type));
      values.push_back(std::move(value));
    }
    put(key, std::move(values));
    return Done{};
  }

  template <class T>
  static void copy_numbers(std::span<const std::byte> from, std::vector<T>& to) {
    to.resize(from.size() / sizeof(T));
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
  }

  Result<Done> read_strings(std::string_view key, size_t count) {
    std::vector<std::string_view>& strings = header_.strings[std::string(key)];
    strings.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      TRY_ASSIGN(const std::string_view value, reader_.string(limits::string_bytes, "array string"));
      strings.push_back(value);
    }
    return Done{};
  }

  // Arrays of arrays: walked over, so that what follows is found; nothing needs them.
  Result<Done> skip_arrays(std::string_view key, size_t count, int depth) {
    if (depth > limits::array_nesting)
      return malformed("{}: key '{}' nests arrays more than {} deep", name_, printable(key), limits::array_nesting);
    for (size_t i = 0; i < count; ++i) {
      TRY_ASSIGN(const ArrayHead head, read_array_head(key));
      if (head.type == Type::array) {
        TRY(skip_arrays(key, head.count, depth + 1));
      } else if (head.type == Type::string) {
        for (size_t j = 0; j < head.count; ++j) TRY(reader_.string(limits::string_bytes, "array string"));
      } else {
        TRY(reader_.take(head.count * type_bytes[static_cast<size_t>(head.type)], "array"));
      }
    }
    return Done{};
  }

  Result<Done> read_alignment() {
    const auto found = header_.config.find("general.alignment");
    if (found == header_.config.end()) return Done{};
    const bool natural = found->is_number_unsigned();
    const uint64_t alignment = natural ? found->get<uint64_t>() : 0;
    if (alignment < limits::alignment_least || alignment > limits::alignment_most || (alignment & (alignment - 1)) != 0)
      return malformed("{}: key 'general.alignment' is {}; expected a power of two from {} to {}", name_,
                       printable(found->dump(-1, ' ', true)), limits::alignment_least, limits::alignment_most);
    header_.alignment = alignment;
    return Done{};
  }

  Result<Done> read_tensors(size_t count) {
    header_.tensors.reserve(count);
    offsets_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      StoredTensor tensor;
      TRY_ASSIGN(const std::string_view name, reader_.string(limits::gguf_tensor_name_bytes, "tensor name"));
      if (name.empty() || !is_clean_utf8(name))
        return malformed("{}: tensor {} is named '{}'; expected clean text", name_, i, printable(name));
      tensor.name = name;
      TRY(read_shape(tensor));
      TRY_ASSIGN(const uint64_t offset, reader_.u64("tensor offset"));
      if (offset % header_.alignment != 0)
        return malformed("{}: tensor '{}' begins at {}; expected a multiple of {}", name_, name, offset,
                         header_.alignment);
      offsets_.push_back(offset);
      header_.tensors.push_back(std::move(tensor));
    }
    return Done{};
  }

  Result<Done> read_shape(StoredTensor& tensor) {
    TRY_ASSIGN(const uint32_t rank, reader_.u32("dimension count"));
    if (rank < 1 || rank > limits::gguf_dimensions)
      return malformed("{}: tensor '{}' has {} dimensions; expected 1 to {}", name_, tensor.name, rank,
                       limits::gguf_dimensions);
    uint64_t sizes[limits::gguf_dimensions];
    for (uint32_t i = 0; i < rank; ++i) {
      TRY_ASSIGN(sizes[rank - 1 - i], reader_.u64("dimension"));
    }
    const std::span<const uint64_t> outermost_first(sizes, rank);
    TRY_ASSIGN(const uint64_t elements, checked_elements(outermost_first, name_, tensor.name));
    TRY_ASSIGN(const uint32_t type, reader_.u32("tensor type"));
    const auto format = format_of_gguf(type);
    if (!format) {
      const std::string_view type_name = gguf_type_name(type);
      return unsupported("{}: tensor '{}': type {}{}{} {}", name_, tensor.name, type, type_name.empty() ? "" : " ",
                         type_name, why_gguf_type_is_refused(type));
    }
    tensor.format = *format;
    tensor.shape = Shape::of(outermost_first);
    const auto block = static_cast<uint64_t>(info(*format).block);
    if (sizes[rank - 1] % block != 0)
      return malformed("{}: tensor '{}' has rows of {} numbers; {} comes in blocks of {}", name_, tensor.name,
                       sizes[rank - 1], info(*format).name, block);
    if (!stored_bytes(*format, elements))
      return malformed("{}: tensor '{}' of shape {} is too large", name_, tensor.name, tensor.shape.text());
    return Done{};
  }

  // Data begins at the next multiple of the alignment; every tensor must lie in it, no two may share a byte.
  Result<Done> place_tensors() {
    const auto start = checked_align(reader_.at(), header_.alignment);
    if (!start) return malformed("{}: the data section is out of reach", name_);
    const uint64_t data_start = std::min<uint64_t>(*start, file_.size());
    const std::span<const std::byte> data = file_.subspan(static_cast<size_t>(data_start));

    for (size_t i = 0; i < offsets_.size(); ++i) {
      StoredTensor& tensor = header_.tensors[i];
      const uint64_t bytes = bytes_of(i);
      const auto end = checked_add(offsets_[i], bytes);
      if (!end) return malformed("{}: tensor '{}' begins at {}, out of reach", name_, tensor.name, offsets_[i]);
      if (*end <= data.size())
        tensor.bytes = data.subspan(static_cast<size_t>(offsets_[i]), static_cast<size_t>(bytes));
      else if (cut_ == Cut::refuse)
        return malformed("{}: tensor '{}' needs bytes {} to {} of the data; the file has {}: cut off or damaged", name_,
                         tensor.name, offsets_[i], *end, data.size());
    }
    std::vector<uint32_t> order(offsets_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return offsets_[a] < offsets_[b]; });
    for (size_t i = 1; i < order.size(); ++i)
      if (offsets_[order[i]] - offsets_[order[i - 1]] < bytes_of(order[i - 1]))
        return malformed("{}: tensors '{}' and '{}' overlap", name_, header_.tensors[order[i - 1]].name,
                         header_.tensors[order[i]].name);
    return Done{};
  }

  uint64_t bytes_of(size_t i) const {  // read_shape has seen that it does not overflow
    const StoredTensor& tensor = header_.tensors[i];
    return stored_bytes(tensor.format, static_cast<uint64_t>(tensor.shape.elements())).value_or(0);
  }

  std::span<const std::byte> file_;
  std::string name_;
  Cut cut_;
  Reader reader_;
  GgufHeader header_;
  std::vector<uint64_t> offsets_;  // of the tensors, in the data section
  uint64_t config_elements_ = 0;
};

}  // namespace

Result<GgufHeader> read_gguf_header(std::span<const std::byte> file, std::string_view name, Cut cut) {
  return HeaderReader(file, printable(name), cut).read();
}

}  // namespace freehold
