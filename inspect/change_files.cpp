#include "inspect/change_files.h"

#include <charconv>
#include <cmath>
#include <map>

#include "base/checksum.h"
#include "files/gguf.h"
#include "files/safetensors.h"
#include "tensor/format.h"

namespace freehold {
namespace {

constexpr int64_t most_rank = 4096;
constexpr std::string_view prefix = "base_model.model.", a_suffix = ".lora_A.weight", b_suffix = ".lora_B.weight";

Result<std::vector<float>> numbers_of(const StoredTensor& tensor, std::string_view file) {
  const FormatInfo& format = info(tensor.format);
  if (!format.decode) return unsupported("{}: tensor '{}': {} numbers", file, tensor.name, format.name);
  if (tensor.shape[tensor.shape.rank() - 1] % format.block)
    return malformed("{}: tensor '{}': {} needs a multiple of {} numbers", file, tensor.name, format.name,
                     format.block);
  std::vector<float> numbers(static_cast<size_t>(tensor.shape.elements()));
  format.decode(tensor.bytes.data(), tensor.shape.elements(), numbers.data());
  for (const float number : numbers)
    if (!std::isfinite(number)) return malformed("{}: tensor '{}' has numbers that are not finite", file, tensor.name);
  return numbers;
}

// ---- adapters ------------------------------------------------------------------------------------------------------

struct AdapterConfig {
  int64_t rank = 0;
  double factor = 0;
};

Result<AdapterConfig> read_config(const Json& json, std::string_view file) {
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!json.is_object() || text("peft_type") != "LORA")
    return unsupported("{}: peft_type '{}'; expected LORA", file,
                       json.is_object() ? printable(text("peft_type"), 40) : "");
  // What changes the formula must be absent, false, none or empty.
  for (const char* key : {"use_dora", "fan_in_fan_out", "bias", "lora_bias", "modules_to_save", "rank_pattern",
                          "alpha_pattern", "layer_replication", "trainable_token_indices"}) {
    const auto found = json.find(key);
    const bool plain = found == json.end() || found->is_null() || *found == false || *found == "none" ||
                       ((found->is_array() || found->is_object()) && found->empty());
    if (!plain)
      return unsupported("{}: {} is {}; adapters with it are not loaded", file, key, printable(found->dump(), 60));
  }
  const auto rank = json.find("r"), alpha = json.find("lora_alpha"), rooted = json.find("use_rslora");
  if (rank == json.end() || !rank->is_number_integer() || rank->get<int64_t>() < 1 || rank->get<int64_t>() > most_rank)
    return malformed("{}: r: expected a whole number from 1 to {}", file, most_rank);
  if (alpha == json.end() || !alpha->is_number() || !std::isfinite(alpha->get<double>()))
    return malformed("{}: lora_alpha: expected a number", file);
  const auto r = static_cast<double>(rank->get<int64_t>());
  const bool root = rooted != json.end() && *rooted == true;
  return AdapterConfig{rank->get<int64_t>(), alpha->get<double>() / (root ? std::sqrt(r) : r)};
}

// How many numbers a head has whose rows the model keeps as pairs (i, i + n/2) side by side; 0: rows are as released.
int paired_rows(const Checkpoint& checkpoint, const Model& model, std::string_view weight) {
  const std::string& family = model.facts().architecture;
  const bool turned = weight.ends_with(".self_attn.q_proj.weight") || weight.ends_with(".self_attn.k_proj.weight");
  const bool kept = checkpoint.source() == Checkpoint::Source::gguf && (family == "llama" || family == "deepseek");
  return kept && turned ? model.facts().head_dim : 0;
}

void put_in_pairs(std::vector<float>& rows, int64_t width, int head) {
  const std::vector<float> from = rows;
  const auto count = static_cast<int64_t>(rows.size()) / width;
  for (int64_t row = 0; row < count; ++row) {
    const int64_t first = row / head * head, i = row % head;  // row 2p + s of a head was row p + s * head / 2
    std::copy_n(from.data() + (first + i / 2 + i % 2 * (head / 2)) * width, width, rows.data() + row * width);
  }
}

struct Halves {
  const StoredTensor *a = nullptr, *b = nullptr;
};

Result<std::map<std::string, Halves>> halves_of(std::span<const StoredTensor> tensors, std::string_view file) {
  std::map<std::string, Halves> weights;  // by released name
  for (const StoredTensor& tensor : tensors) {
    std::string_view name = tensor.name;
    const bool is_a = name.ends_with(a_suffix);
    if (!name.starts_with(prefix) || !(is_a || name.ends_with(b_suffix)))
      return unsupported("{}: tensor '{}': expected names {}NAME{} and {}", file, printable(name, 200), prefix,
                         a_suffix, b_suffix);
    name = name.substr(prefix.size(), name.size() - prefix.size() - a_suffix.size());
    Halves& halves = weights[std::string(name) + ".weight"];
    (is_a ? halves.a : halves.b) = &tensor;
  }
  for (const auto& [name, halves] : weights)
    if (!halves.a || !halves.b)
      return malformed("{}: {} has lora_{} alone", file, printable(name, 200), halves.a ? "A" : "B");
  if (weights.empty()) return malformed("{}: changes no weight", file);
  return weights;
}

}  // namespace

Result<ChangeFile> read_adapter(std::string name, const Path& path, const Checkpoint& checkpoint, Model& model) {
  TRY_ASSIGN(const Folder folder, Folder::open(path));
  TRY_ASSIGN(const std::string text, folder.read("adapter_config.json", limits::config_json_bytes));
  TRY_ASSIGN(const Json json, parse_json(text, "adapter_config.json"));
  TRY_ASSIGN(const AdapterConfig config, read_config(json, "adapter_config.json"));
  TRY_ASSIGN(const MappedFile file, folder.map("adapter_model.safetensors"));
  TRY(refuse_foreign_content(file.bytes(), file.name()));
  TRY_ASSIGN(const std::vector<StoredTensor> tensors, read_safetensors_header(file.bytes(), file.name()));
  TRY_ASSIGN(auto weights, halves_of(tensors, file.name()));

  ChangeFile made{.name = std::move(name), .path = path, .memory = std::make_shared<Arena>()};
  Result<Done> done = Done{};
  const auto read = [&](const Weight& weight, int id, const Halves& halves) -> Result<Done> {
    const Shape a{config.rank, weight.cols}, b{weight.rows, config.rank};
    for (const auto& [tensor, expected] : {std::pair{halves.a, a}, {halves.b, b}})
      if (tensor->shape != expected)
        return inconsistent("{}: tensor '{}': expected {}, found {}", file.name(), tensor->name, expected.text(),
                            tensor->shape.text());
    TRY_ASSIGN(const std::vector<float> of_a, numbers_of(*halves.a, file.name()));
    TRY_ASSIGN(std::vector<float> of_b, numbers_of(*halves.b, file.name()));
    if (const int head = paired_rows(checkpoint, model, weight.name)) put_in_pairs(of_b, config.rank, head);
    made.adapter.parts[id] = {Tensor::of(of_a, a, *made.memory), Tensor::of(of_b, b, *made.memory),
                              static_cast<float>(config.factor)};
    return Done{};
  };
  model.each_linear([&](std::string_view, Linear& linear) {
    const auto found = weights.find(linear.weight.name);
    if (!done || found == weights.end()) return;
    done = read(linear.weight, linear.id, found->second);
    weights.erase(found);
  });
  TRY(done);
  if (!weights.empty())
    return inconsistent("{}: '{}': this model has no such weight to change", file.name(),
                        printable(weights.begin()->first, 200));
  if (!file.intact()) return io_error("{}: changed while it was read", file.name());
  made.sum = checksum64(file.bytes()) ^ (checksum64(std::as_bytes(std::span<const char>(text))) * 3);
  return made;
}

// ---- steering ------------------------------------------------------------------------------------------------------

Result<ChangeFile> read_steering(std::string name, const Path& path, const Model& model) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  TRY(refuse_foreign_content(file.bytes(), file.name()));
  std::vector<StoredTensor> tensors;
  if (path.extension() == ".gguf") {
    TRY_ASSIGN(GgufHeader header, read_gguf_header(file.bytes(), file.name(), Cut::refuse));
    const auto kind = header.config.find("general.architecture");
    if (kind == header.config.end() || *kind != "controlvector")
      return unsupported("{}: general.architecture: expected controlvector", file.name());
    tensors = std::move(header.tensors);
  } else {
    TRY_ASSIGN(tensors, read_safetensors_header(file.bytes(), file.name()));
  }
  ChangeFile made{.name = std::move(name), .path = path, .steers = true};
  const Shape expected{int64_t{model.facts().hidden}};
  for (const StoredTensor& tensor : tensors) {
    constexpr std::string_view beginning = "direction.";
    const std::string_view stored = tensor.name;
    int layer = -1;
    const char *from = stored.data() + std::min(beginning.size(), stored.size()), *end = stored.data() + stored.size();
    const auto read = std::from_chars(from, end, layer);
    if (!stored.starts_with(beginning) || read.ec != std::errc() || read.ptr != end || layer < 0 ||
        layer >= model.facts().layers)
      return inconsistent("{}: tensor '{}': expected direction.0 to direction.{}", file.name(), printable(stored, 200),
                          model.facts().layers - 1);
    if (tensor.shape != expected)
      return inconsistent("{}: tensor '{}': expected {}, found {}", file.name(), stored, expected.text(),
                          tensor.shape.text());
    TRY_ASSIGN(std::vector<float> vector, numbers_of(tensor, file.name()));
    made.edits.push_back({.point = Point::resid_post, .layer = layer, .vector = std::move(vector)});
  }
  if (made.edits.empty()) return malformed("{}: has no vector", file.name());
  TRY_ASSIGN(const Edits edits, Edits::make(made.edits));
  TRY(edits.fits(model));
  made.sum = checksum64(file.bytes());
  if (!file.intact()) return io_error("{}: changed while it was read", file.name());
  return made;
}

Result<std::shared_ptr<const Changes>> changes_of(std::span<const Strength> files) {
  Changes changes;
  std::vector<Edit> edits;
  std::string what;
  for (const Strength& one : files) {
    if (!std::isfinite(one.factor)) return usage_error("{}: the strength is not a finite number", one.file->name);
    if (one.factor == 0) continue;
    what += fmt::format("{:016x} {} ", one.file->sum, one.factor);
    const auto factor = static_cast<float>(one.factor);
    for (Edit edit : one.file->edits) {
      edit.factor = factor;
      edits.push_back(std::move(edit));
    }
    if (one.file->steers) continue;
    if (!changes.adapter.parts.empty()) return unsupported("two adapters at once; they would have to be merged");
    for (const auto& [id, part] : one.file->adapter.parts)
      changes.adapter.parts[id] = {part.a, part.b, part.factor * factor};
  }
  if (what.empty()) return nullptr;
  if (!edits.empty()) {
    TRY_ASSIGN(Edits made, Edits::make(std::move(edits)));
    changes.edits.push_back(std::make_shared<Edits>(std::move(made)));
  }
  changes.id = std::max<uint64_t>(checksum64(std::as_bytes(std::span<const char>(what))), 1);
  return std::make_shared<const Changes>(std::move(changes));
}

}  // namespace freehold
