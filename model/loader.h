// Loader: how an architecture file reads a checkpoint. Numbers and tensors are asked for by two names, that of the
// released Hugging Face files and that of GGUF, with the range or shape they must have; whatever does not fit is a
// named error, and all_used() refuses tensors that nobody asked for.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "files/checkpoint.h"
#include "ops/ops.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace freehold {

// A configuration key: "hidden_size" of config.json, "embedding_length" of GGUF (the architecture's prefix is added; a
// key with a dot in front, ".general.name", is taken whole). Either may be empty: that source does not have it.
struct ConfigKey {
  std::string_view released, gguf;
};
// A tensor name in both worlds, without ".weight"; "{}" stands for the layer, a second one of a released name for the
// expert (GGUF stacks the experts of a layer in one tensor).
struct TensorName {
  std::string_view released, gguf;
};
std::string released_name(TensorName, int layer, std::string_view suffix, int expert = -1);

class Loader {
 public:
  // Numbers live in `numbers`; the checkpoint and the arena must outlive what was loaded.
  Loader(const Checkpoint& checkpoint, std::string_view gguf_prefix, Arena& numbers)
      : checkpoint_(checkpoint), prefix_(gguf_prefix), numbers_(numbers) {}

  bool is_gguf() const { return checkpoint_.source() == Checkpoint::Source::gguf; }
  const std::string& file() const { return checkpoint_.name(); }
  const Checkpoint& checkpoint() const { return checkpoint_; }

  const Json* value(ConfigKey) const;  // null when absent or JSON null
  Result<int64_t> integer(ConfigKey, int64_t least, int64_t most) const;
  Result<std::optional<int64_t>> integer_if_present(ConfigKey, int64_t least, int64_t most) const;
  Result<double> positive(ConfigKey) const;  // finite and above 0
  Result<double> positive_or(ConfigKey, double absent) const;
  Result<bool> flag(ConfigKey, bool absent) const;
  Result<std::string> text_or(ConfigKey, std::string_view absent) const;
  std::string spelled(ConfigKey) const;  // the key as this source spells it, for errors

  bool has(TensorName, int layer = -1, std::string_view suffix = ".weight") const;
  // Rows of the embedding table, which must be what the configuration says, if it does.
  Result<int64_t> vocabulary(TensorName table) const;
  // A matrix [rows, cols] in source layout; ids are given in order.
  Result<Linear> linear(TensorName, int layer, int64_t rows, int64_t cols);
  // One such matrix for each expert.
  Result<std::vector<Linear>> experts(TensorName, int layer, int count, int64_t rows, int64_t cols);
  // A GGUF tensor of `count` such matrices as one of count * rows rows.
  Result<Linear> stack(TensorName, int layer, int64_t count, int64_t rows, int64_t cols);
  Result<Tensor> vector(TensorName, int layer, int64_t size, std::string_view suffix = ".weight");
  // The same for numbers of any shape: tables that are trained as tensors, not multiplied as weights.
  Result<Tensor> numbers(TensorName, int layer, const Shape& shape, std::string_view suffix = ".weight");
  // A table of whole numbers (I64, I32), row by row; empty where only shapes are wanted. With or without ".weight".
  Result<std::vector<int64_t>> integers(TensorName, int layer, const Shape& shape);
  // Empty tensor when it is absent and not expected; an error when presence and expectation differ.
  Result<Tensor> bias(TensorName, int layer, int64_t size, bool expected);
  void ignore(std::string_view gguf_or_released_name) { used_.emplace(gguf_or_released_name); }
  void ignore_all(std::string_view prefix);  // whatever the file has under it

  // Files that spell released names otherwise: whatever is looked up goes through `spelling` first.
  void spell_by(std::function<std::string(std::string)> spelling) { spelling_ = std::move(spelling); }

  Result<Done> all_used() const;
  int linears() const { return next_id_; }

 private:
  std::string spelled(TensorName, int layer, std::string_view suffix, int expert = -1) const;
  Result<Linear> matrix(const std::string& stored, std::string name, int64_t rows, int64_t cols);
  void ignore_scales(const std::string& stored);  // they were attached to its weight
  Result<Done> check_numbers(const Weight&, const std::string& stored) const;
  // A configuration without tensors: what it describes is taken as given.
  bool assumes() const { return checkpoint_.is_shapes_only() && checkpoint_.tensors().empty(); }
  const Checkpoint& checkpoint_;
  std::string prefix_;
  Arena& numbers_;
  std::function<std::string(std::string)> spelling_;
  std::set<std::string, std::less<>> used_;
  int next_id_ = 0;
};

// Layers behind the last one, which predict further tokens (MTP, "nextn"): how many there are. The blocks that a GGUF
// states include them, so they are taken off `layers`; one that was converted without them has none.
Result<int> read_extra_layers(const Loader&, int& layers);

}  // namespace freehold
