#include "model/loader.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace freehold {

std::string Loader::spelled(ConfigKey key) const {
  if (!is_gguf()) return std::string(key.released);
  if (key.gguf.starts_with('.')) return std::string(key.gguf.substr(1));
  return prefix_ + "." + std::string(key.gguf);
}

const Json* Loader::value(ConfigKey key) const {
  if (is_gguf() ? key.gguf.empty() : key.released.empty()) return nullptr;
  const Json& config = checkpoint_.config();
  const auto found = config.find(spelled(key));
  return found == config.end() || found->is_null() ? nullptr : &*found;
}

Result<std::optional<int64_t>> Loader::integer_if_present(ConfigKey key, int64_t least, int64_t most) const {
  const Json* found = value(key);
  if (!found) return std::nullopt;
  if (!found->is_number_integer())
    return malformed("{}: key '{}': expected an integer, found {}", file(), spelled(key), printable(found->dump(), 40));
  if (found->is_number_unsigned() && found->get<uint64_t>() > static_cast<uint64_t>(most))
    return malformed("{}: key '{}': {} is above {}", file(), spelled(key), found->get<uint64_t>(), most);
  const auto number = found->get<int64_t>();
  if (number < least || number > most)
    return malformed("{}: key '{}': {} is outside {}..{}", file(), spelled(key), number, least, most);
  return number;
}

Result<int64_t> Loader::integer(ConfigKey key, int64_t least, int64_t most) const {
  TRY_ASSIGN(const auto number, integer_if_present(key, least, most));
  if (!number)
    return malformed("{}: key '{}' is missing; expected an integer in {}..{}", file(), spelled(key), least, most);
  return *number;
}

Result<double> Loader::positive(ConfigKey key) const {
  const Json* found = value(key);
  if (!found) return malformed("{}: key '{}' is missing; expected a number above 0", file(), spelled(key));
  if (!found->is_number() || !std::isfinite(found->get<double>()) || found->get<double>() <= 0)
    return malformed("{}: key '{}': expected a finite number above 0, found {}", file(), spelled(key),
                     printable(found->dump(), 40));
  return found->get<double>();
}

Result<bool> Loader::flag(ConfigKey key, bool absent) const {
  const Json* found = value(key);
  if (!found) return absent;
  if (!found->is_boolean())
    return malformed("{}: key '{}': expected true or false, found {}", file(), spelled(key),
                     printable(found->dump(), 40));
  return found->get<bool>();
}

Result<std::string> Loader::text_or(ConfigKey key, std::string_view absent) const {
  const Json* found = value(key);
  if (!found) return std::string(absent);
  if (!found->is_string())
    return malformed("{}: key '{}': expected text, found {}", file(), spelled(key), printable(found->dump(), 40));
  return found->get<std::string>();
}

Result<double> Loader::positive_or(ConfigKey key, double absent) const {
  if (!value(key)) return absent;
  return positive(key);
}

namespace {

std::string filled(std::string_view pattern, std::string_view suffix, int layer, int expert) {
  std::string text(pattern);
  for (const int number : {layer, expert})
    if (const size_t hole = text.find("{}"); hole != std::string::npos && number >= 0)
      text.replace(hole, 2, std::to_string(number));
  return text + std::string(suffix);
}

}  // namespace

std::string released_name(TensorName name, int layer, std::string_view suffix, int expert) {
  return filled(name.released, suffix, layer, expert);
}

std::string Loader::spelled(TensorName name, int layer, std::string_view suffix, int expert) const {
  std::string text = filled(is_gguf() ? name.gguf : name.released, suffix, layer, expert);
  return spelling_ ? spelling_(std::move(text)) : text;
}

bool Loader::has(TensorName name, int layer, std::string_view suffix) const {
  return assumes() || checkpoint_.find(spelled(name, layer, suffix)) != nullptr;
}

Result<int64_t> Loader::vocabulary(TensorName name) const {
  TRY_ASSIGN(const auto stated, integer_if_present({"vocab_size", "vocab_size"}, 1, limits::vocabulary));
  if (assumes()) {
    if (!stated) return malformed("{}: key 'vocab_size' is missing", file());
    return *stated;
  }
  const StoredTensor* table = checkpoint_.find(spelled(name, -1, ".weight"));
  if (!table || table->shape.rank() != 2) return malformed("{}: the embedding table is missing or no matrix", file());
  const int64_t rows = table->shape[0];
  if (rows < 1 || rows > limits::vocabulary || rows != stated.value_or(rows))
    return inconsistent("{}: the embedding table has {} rows, vocab_size is {}", file(), rows, stated.value_or(0));
  return rows;
}

Result<Done> Loader::check_numbers(const Weight& weight, const std::string& stored) const {
  if (!info(weight.format).decode)
    return unsupported("{}: tensor '{}': {} numbers cannot be a weight matrix", file(), stored,
                       info(weight.format).name);
  return Done{};
}

void Loader::ignore_scales(const std::string& stored) {
  const size_t stem = stored.size() - (stored.ends_with(".weight") ? std::string_view(".weight").size() : 0);
  ignore(stored + "_scale_inv");
  ignore(stored.substr(0, stem) + ".scale");
}

Result<Linear> Loader::matrix(const std::string& stored, std::string name, int64_t rows, int64_t cols) {
  Weight weight;
  if (assumes()) {
    weight.rows = rows, weight.cols = cols, weight.format = Format::bf16;  // as released
  } else {
    TRY_ASSIGN(weight, checkpoint_.weight(stored));
  }
  if (weight.rows != rows || weight.cols != cols)
    return inconsistent("{}: tensor '{}': expected [{}, {}], found [{}, {}]", file(), stored, rows, cols, weight.rows,
                        weight.cols);
  TRY(check_numbers(weight, stored));
  if (next_id_ >= limits::matrices)
    return out_of_resources("{}: more than {} weight matrices", file(), limits::matrices);
  used_.insert(stored);
  if (!weight.scales.empty()) ignore_scales(stored);
  weight.name = std::move(name);
  return Linear{std::move(weight), next_id_++};
}

Result<Linear> Loader::linear(TensorName name, int layer, int64_t rows, int64_t cols) {
  return matrix(spelled(name, layer, ".weight"), released_name(name, layer, ".weight"), rows, cols);
}

Result<std::vector<Linear>> Loader::experts(TensorName name, int layer, int count, int64_t rows, int64_t cols) {
  std::vector<Linear> experts;
  if (!is_gguf()) {
    for (int e = 0; e < count; ++e) {
      const std::string stored = spelled(name, layer, ".weight", e);
      TRY_ASSIGN(Linear one, matrix(stored, released_name(name, layer, ".weight", e), rows, cols));
      experts.push_back(std::move(one));
    }
    return experts;
  }
  const std::string stored = spelled(name, layer, ".weight");
  TRY_ASSIGN(const Weight stack, checkpoint_.stacked_weight(stored));
  if (stack.rows != count * rows || stack.cols != cols || checkpoint_.find(stored)->shape[0] != count)
    return inconsistent("{}: tensor '{}': expected [{}, {}, {}], found {}", file(), stored, count, rows, cols,
                        checkpoint_.find(stored)->shape.text());
  TRY(check_numbers(stack, stored));
  if (next_id_ + count > limits::matrices)
    return out_of_resources("{}: more than {} weight matrices", file(), limits::matrices);
  used_.insert(stored);
  const size_t bytes = stack.bytes.size() / static_cast<size_t>(count);
  for (int e = 0; e < count; ++e) {
    Weight one = stack;
    one.name = released_name(name, layer, ".weight", e);
    one.rows = rows;
    one.bytes = stack.bytes.subspan(static_cast<size_t>(e) * bytes, bytes);
    experts.push_back({std::move(one), next_id_++});
  }
  return experts;
}

Result<Linear> Loader::stack(TensorName name, int layer, int64_t count, int64_t rows, int64_t cols) {
  const std::string stored = spelled(name, layer, ".weight");
  TRY_ASSIGN(Weight weight, checkpoint_.stacked_weight(stored));
  if (checkpoint_.find(stored)->shape != Shape{count, rows, cols})
    return inconsistent("{}: tensor '{}': expected [{}, {}, {}], found {}", file(), stored, count, rows, cols,
                        checkpoint_.find(stored)->shape.text());
  TRY(check_numbers(weight, stored));
  used_.insert(stored);
  weight.name = released_name(name, layer, ".weight");
  return Linear{std::move(weight), next_id_++};
}

Result<Tensor> Loader::vector(TensorName name, int layer, int64_t size, std::string_view suffix) {
  return numbers(name, layer, {size}, suffix);
}

Result<Tensor> Loader::numbers(TensorName name, int layer, const Shape& shape, std::string_view suffix) {
  const std::string stored = spelled(name, layer, suffix);
  if (assumes()) return Tensor::empty(shape, numbers_);
  const StoredTensor* found = checkpoint_.find(stored);
  if (!found) return malformed("{}: tensor '{}' is missing; expected {}", file(), stored, shape.text());
  if (found->shape != shape)
    return inconsistent("{}: tensor '{}': expected {}, found {}", file(), stored, shape.text(), found->shape.text());
  const FormatInfo& format = info(found->format);
  if (!format.decode)
    return unsupported("{}: tensor '{}': {} numbers cannot be a vector of weights", file(), stored, format.name);
  if (shape[shape.rank() - 1] % format.block)
    return malformed("{}: tensor '{}': {} needs a multiple of {} numbers", file(), stored, format.name, format.block);
  used_.insert(stored);
  Tensor tensor = Tensor::empty(shape, numbers_);
  if (!checkpoint_.is_shapes_only()) format.decode(found->bytes.data(), shape.elements(), tensor.mutable_data());
  return tensor;
}

Result<std::vector<int64_t>> Loader::integers(TensorName name, int layer, const Shape& shape) {
  std::vector<int64_t> values;
  if (assumes()) return values;
  std::string stored = spelled(name, layer, "");
  if (!checkpoint_.find(stored)) stored = spelled(name, layer, ".weight");
  const StoredTensor* found = checkpoint_.find(stored);
  if (!found)
    return malformed("{}: tensor '{}' is missing; expected {}", file(), spelled(name, layer, ""), shape.text());
  if (found->shape != shape)
    return inconsistent("{}: tensor '{}': expected {}, found {}", file(), stored, shape.text(), found->shape.text());
  if (found->format != Format::i64 && found->format != Format::i32)
    return unsupported("{}: tensor '{}': {} numbers; expected I64 or I32", file(), stored, info(found->format).name);
  used_.insert(stored);
  if (checkpoint_.is_shapes_only()) return values;
  const auto read = [&]<class T>(T value) {
    for (int64_t i = 0; i < shape.elements(); ++i) {
      std::memcpy(&value, found->bytes.data() + static_cast<size_t>(i) * sizeof(T), sizeof(T));
      values.push_back(value);
    }
  };
  values.reserve(static_cast<size_t>(shape.elements()));
  found->format == Format::i64 ? read(int64_t{0}) : read(int32_t{0});
  return values;
}

Result<Tensor> Loader::bias(TensorName name, int layer, int64_t size, bool expected) {
  const bool present = assumes() ? expected : has(name, layer, ".bias");
  if (present != expected)
    return inconsistent("{}: tensor '{}' is {}, but the configuration says there is {} bias", file(),
                        spelled(name, layer, ".bias"), present ? "present" : "missing", expected ? "a" : "no");
  if (!present) return Tensor();
  return vector(name, layer, size, ".bias");
}

void Loader::ignore_all(std::string_view prefix) {
  for (const StoredTensor& tensor : checkpoint_.tensors())
    if (tensor.name.starts_with(prefix)) ignore(tensor.name);
}

Result<Done> Loader::all_used() const {
  for (const StoredTensor& tensor : checkpoint_.tensors()) {
    // Old checkpoints of this family store their rotary frequencies, which follow from the configuration.
    if (used_.contains(tensor.name) || tensor.name.ends_with("rotary_emb.inv_freq")) continue;
    return unsupported("{}: tensor '{}' is not part of this architecture as its configuration describes it", file(),
                       printable(tensor.name));
  }
  return Done{};
}

Result<int> read_extra_layers(const Loader& loader, int& layers) {
  TRY_ASSIGN(const auto stated,
             loader.integer_if_present({"num_nextn_predict_layers", "nextn_predict_layers"}, 0, limits::layers));
  const auto extra = static_cast<int>(stated.value_or(0));
  if (!loader.is_gguf() || extra == 0) return extra;
  if (layers <= extra)
    return inconsistent("{}: {} blocks, {} of them for prediction", loader.file(), layers, extra);
  if (!loader.has({"", "blk.{}.nextn.eh_proj"}, layers - extra)) return 0;
  layers -= extra;
  return extra;
}

}  // namespace freehold
