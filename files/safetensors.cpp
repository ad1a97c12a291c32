#include "files/safetensors.h"

#include <algorithm>
#include <deque>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/reader.h"

namespace freehold {
namespace {

using Kind = JsonEvent::Kind;

Result<Done> check_tensor_name(std::string_view tensor, std::string_view file) {
  if (tensor.empty() || tensor.size() > limits::tensor_name_bytes || !is_clean_utf8(tensor))
    return malformed("{}: tensor named '{}'; expected clean text of 1 to {} bytes", file, printable(tensor),
                     limits::tensor_name_bytes);
  return Done{};
}

// Takes the header apart event by event: a tree of it would be many times its size.
class HeaderWalk {
 public:
  HeaderWalk(std::string_view name, std::span<const std::byte> data) : name_(name), data_(data) {}

  Result<Done> take(JsonEvent&& e) {
    switch (e.depth) {
      case 0:
        return take_root(e);
      case 1:
        return take_member(e);
      case 2:
        return in_metadata_ ? take_metadata(e) : take_field(e);
      default:
        return take_number(e);
    }
  }

  Result<std::vector<StoredTensor>> finish() {
    std::sort(metadata_keys_.begin(), metadata_keys_.end());
    const auto twice = std::adjacent_find(metadata_keys_.begin(), metadata_keys_.end());
    if (twice != metadata_keys_.end()) return malformed("{}: key '{}' twice in __metadata__", name_, printable(*twice));
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
    uint64_t end = 0;
    for (const Entry& entry : entries_) {
      if (entry.begin != end)
        return malformed("{}: tensor '{}' begins at byte {} of the data; expected {}: neither hole nor overlap", name_,
                         entry.tensor.name, entry.begin, end);
      end = entry.begin + entry.tensor.bytes.size();
    }
    if (end != data_.size())
      return malformed("{}: the tensors end at byte {} of the data, the file at {}", name_, end, data_.size());
    std::vector<StoredTensor> tensors;
    tensors.reserve(entries_.size());
    for (Entry& entry : entries_) tensors.push_back(std::move(entry.tensor));
    return tensors;
  }

 private:
  struct Entry {
    StoredTensor tensor;
    uint64_t begin;
  };

  Failure expected(std::string_view what, const JsonEvent& e) const {
    return malformed("{}: header byte {}: expected {}", name_, 8 + e.offset, what);
  }

  Result<Done> take_root(const JsonEvent& e) const {
    if (e.kind != Kind::begin_object && e.kind != Kind::end_object) return expected("an object", e);
    return Done{};
  }

  Result<Done> take_member(const JsonEvent& e) {
    switch (e.kind) {
      case Kind::key:
        in_metadata_ = e.text == "__metadata__";
        if (in_metadata_) {
          if (metadata_seen_) return malformed("{}: key '__metadata__' occurs twice", name_);
          metadata_seen_ = true;
          return Done{};
        }
        TRY(check_tensor_name(e.text, name_));
        if (entries_.size() >= limits::gguf_tensors)
          return malformed("{}: more than {} tensors", name_, limits::gguf_tensors);
        tensor_ = {};
        tensor_.name = e.text;
        dtype_.clear();
        sizes_.clear();
        offsets_.clear();
        seen_ = 0;
        return Done{};
      case Kind::begin_object:
        return Done{};
      case Kind::end_object:
        return in_metadata_ ? Done{} : finish_tensor(e);
      default:
        return expected("an object", e);
    }
  }

  Result<Done> take_metadata(const JsonEvent& e) {
    if (e.kind == Kind::key) {
      if (metadata_keys_.size() >= limits::gguf_keys) return expected("fewer keys in __metadata__", e);
      metadata_keys_.emplace_back(e.text);
      return Done{};
    }
    if (e.kind != Kind::string) return expected("text: __metadata__ holds strings only", e);
    return Done{};
  }

  Result<Done> take_field(const JsonEvent& e) {
    if (e.kind == Kind::key) {
      field_ = e.text == "dtype" ? Field::dtype : e.text == "shape" ? Field::shape : Field::offsets;
      if (field_ == Field::offsets && e.text != "data_offsets")
        return malformed("{}: tensor '{}': unknown key '{}'", name_, tensor_.name, printable(e.text));
      if (seen_ & field_) return malformed("{}: tensor '{}': key '{}' twice", name_, tensor_.name, e.text);
      seen_ |= field_;
      return Done{};
    }
    if (field_ == Field::dtype) {
      if (e.kind != Kind::string) return expected("the name of a dtype", e);
      dtype_ = e.text;
      return Done{};
    }
    if (e.kind != Kind::begin_array && e.kind != Kind::end_array) return expected("a list of numbers", e);
    return Done{};
  }

  Result<Done> take_number(const JsonEvent& e) {
    if (in_metadata_ || field_ == Field::dtype || e.depth != 3 || e.kind != Kind::natural)
      return expected("a whole number, not negative", e);
    std::vector<uint64_t>& list = field_ == Field::shape ? sizes_ : offsets_;
    if (list.size() >= limits::dimensions) return expected("at most 8 numbers", e);
    list.push_back(e.natural);
    return Done{};
  }

  Result<Done> finish_tensor(const JsonEvent& e) {
    if (seen_ != (Field::dtype | Field::shape | Field::offsets))
      return expected("dtype, shape and data_offsets of tensor '" + tensor_.name + "'", e);
    const auto format = format_of_safetensors(dtype_);
    if (!format) return unsupported("{}: tensor '{}': dtype '{}' is not read", name_, tensor_.name, printable(dtype_));
    tensor_.format = *format;
    TRY_ASSIGN(const uint64_t elements, checked_elements(sizes_, name_, tensor_.name));
    tensor_.shape = Shape::of(sizes_);
    if (offsets_.size() != 2) return expected("two data_offsets of tensor '" + tensor_.name + "'", e);
    const uint64_t begin = offsets_[0], end = offsets_[1];
    if (begin > end || end > data_.size())
      return malformed("{}: tensor '{}' claims bytes {} to {} of the data; the file has {}: cut off or damaged", name_,
                       tensor_.name, begin, end, data_.size());
    const auto bytes = stored_bytes(*format, elements);
    if (bytes != end - begin)
      return malformed("{}: tensor '{}' has {} bytes; its shape {} of {} needs {}", name_, tensor_.name, end - begin,
                       tensor_.shape.text(), dtype_, bytes.value_or(0));
    tensor_.bytes = data_.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
    entries_.push_back({std::move(tensor_), begin});
    return Done{};
  }

  enum Field : unsigned { dtype = 1, shape = 2, offsets = 4 };

  std::string name_;
  std::span<const std::byte> data_;
  std::deque<Entry> entries_;  // grows without moving: a vector would hold all of it twice
  bool in_metadata_ = false, metadata_seen_ = false;
  std::vector<std::string> metadata_keys_;

  StoredTensor tensor_;  // the one being read
  std::string dtype_;
  std::vector<uint64_t> sizes_, offsets_;
  Field field_ = Field::dtype;
  unsigned seen_ = 0;
};

class IndexWalk {
 public:
  explicit IndexWalk(std::string_view name) : name_(name) {}

  Result<Done> take(JsonEvent&& e) {
    if (e.depth == 0) {
      if (e.kind != Kind::begin_object && e.kind != Kind::end_object) return expected(e);
      return Done{};
    }
    if (e.depth == 1) {
      if (e.kind == Kind::key) {
        in_map_ = e.text == "weight_map";
        if (in_map_ && std::exchange(map_seen_, true)) return malformed("{}: key 'weight_map' occurs twice", name_);
      } else if (in_map_ && e.kind != Kind::begin_object && e.kind != Kind::end_object) {
        return expected(e);
      }
      return Done{};
    }
    if (!in_map_) return Done{};  // "metadata": a total that real files get wrong; nothing is taken from it
    if (e.depth != 2 || (e.kind != Kind::key && e.kind != Kind::string)) return expected(e);
    if (e.kind == Kind::key) {
      TRY(check_tensor_name(e.text, name_));
      if (index_.entries.size() >= limits::gguf_tensors)
        return malformed("{}: more than {} tensors", name_, limits::gguf_tensors);
      index_.entries.push_back({std::string(e.text), 0});
      return Done{};
    }
    TRY_ASSIGN(index_.entries.back().shard, shard(e.text));
    return Done{};
  }

  Result<SafetensorsIndex> finish() {
    if (!map_seen_) return malformed("{}: key 'weight_map' is missing", name_);
    if (index_.entries.empty()) return malformed("{}: weight_map is empty", name_);
    auto& entries = index_.entries;
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.tensor < b.tensor; });
    const auto twice = std::adjacent_find(entries.begin(), entries.end(),
                                          [](const auto& a, const auto& b) { return a.tensor == b.tensor; });
    if (twice != entries.end()) return malformed("{}: tensor '{}' occurs twice", name_, twice->tensor);
    return std::move(index_);
  }

 private:
  Failure expected(const JsonEvent& e) const {
    return malformed("{}: at byte {}: expected an object with weight_map: tensor names to file names", name_, e.offset);
  }
  Result<uint32_t> shard(std::string_view file) {
    auto& shards = index_.shards;
    if (!shards.empty() && shards[last_] == file) return last_;  // neighbours mostly share a file
    const auto found = std::find(shards.begin(), shards.end(), file);
    last_ = static_cast<uint32_t>(found - shards.begin());
    if (found == shards.end()) {
      if (!is_plain_name(file))
        return malformed("{}: '{}' is not a plain file name; expected one path component", name_, printable(file));
      if (shards.size() >= limits::shards) return malformed("{}: more than {} files", name_, limits::shards);
      shards.emplace_back(file);
    }
    return last_;
  }

  std::string name_;
  SafetensorsIndex index_;
  bool in_map_ = false, map_seen_ = false;
  uint32_t last_ = 0;
};

}  // namespace

Result<std::vector<StoredTensor>> read_safetensors_header(std::span<const std::byte> file, std::string_view name) {
  const std::string shown = printable(name);
  TRY(refuse_foreign_content(file, shown));
  Reader reader(file, shown);
  TRY_ASSIGN(const uint64_t length, reader.u64("header length"));
  if (length > limits::safetensors_header_bytes)
    return malformed("{}: not a safetensors file, or damaged: its header claims {} bytes; at most {} are allowed",
                     shown, length, limits::safetensors_header_bytes);
  TRY_ASSIGN(const auto header, reader.take(length, "header"));
  if (header.empty() || header[0] != std::byte{'{'})
    return malformed("{}: not a safetensors file: its header does not begin with '{{'", shown);
  HeaderWalk walk(shown, file.subspan(reader.at()));
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  TRY(walk_json(text, name, {.bytes = limits::safetensors_header_bytes, .nesting = 4},
                [&](JsonEvent&& e) { return walk.take(std::move(e)); }));
  return walk.finish();
}

Result<SafetensorsIndex> read_safetensors_index(std::string_view json, std::string_view name) {
  const std::string shown = printable(name);
  IndexWalk walk(shown);
  TRY(walk_json(json, name, {.bytes = limits::safetensors_header_bytes, .nesting = 8},
                [&](JsonEvent&& e) { return walk.take(std::move(e)); }));
  return walk.finish();
}

}  // namespace freehold
