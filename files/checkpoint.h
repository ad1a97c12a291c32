// Checkpoint: a model's files as one thing, whether a GGUF (with shards) or a Hugging Face folder (config.json,
// safetensors, index). Opening validates everything (docs: robustness 2), so that whoever reads it meets no lies. It
// translates nothing: names and keys are those of the files; model/ knows what they mean.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "files/stored_tensor.h"
#include "tensor/weight.h"

namespace freehold {

class Checkpoint {
 public:
  enum class Source { gguf, folder };

  // A .gguf file (its first shard, if sharded), or a folder with config.json. `links` is about the files inside.
  static Result<Checkpoint> open(const Path& path, Links links = Links::refuse);
  // GGUF only, tolerating a file cut off inside its tensor data: header, metadata and tokenizer can be read, the
  // tensors that are not whole are listed without bytes. For inspecting partial downloads.
  static Result<Checkpoint> open_header(const Path& path);
  // The configuration of a Hugging Face folder alone: a file in the form of config.json, no tensors. For planning.
  static Result<Checkpoint> open_config(const Path& path);

  Source source() const;
  const std::string& name() const;  // file or folder name, for errors
  const std::vector<StoredTensor>& tensors() const;
  const StoredTensor* find(std::string_view name) const;  // null when absent
  // A matrix as a Weight in source order; refuses one of other rank, and formats that are no weights. FP8 scales, in a
  // tensor `<name>_scale_inv` or `.scale` in place of `.weight`, are attached; without them FP8 is refused. I8 with
  // scales is FP4, two inputs a byte: MXFP4 with its scales apart (tensor/split_fp4.h).
  Result<Weight> weight(std::string_view name) const;
  // Matrices stacked in one tensor [E, out, in] (experts), as a Weight of E * out rows.
  Result<Weight> stacked_weight(std::string_view name) const;

  // Folder: config.json. GGUF: an object of all metadata that is neither a string array nor a number array over 4096
  // entries, keys as stored ("llama.block_count").
  const Json& config() const;
  // GGUF metadata arrays of strings, F32 and I32: the tokenizer's. Empty when absent or of another type. Short arrays
  // of numbers are in config() too. Strings are bytes as stored: not checked to be UTF-8.
  std::span<const std::string_view> strings(std::string_view key) const;
  std::span<const float> floats(std::string_view key) const;
  std::span<const int32_t> integers(std::string_view key) const;
  // Folder only: another small file beside the weights ("tokenizer.json"), or in a folder beside them
  // ("1_Pooling/config.json").
  Result<std::string> side_file(std::string_view name) const;
  bool has_side_file(std::string_view name) const;

  // The mapping(s); drop pages after packing. `check_intact` fails with Fault::io when a file has changed since it was
  // opened: ask after reading much, as packing does, because what was read may then be a mixture.
  Result<Done> check_intact() const;
  void drop(std::span<const std::byte> part) const;
  uint64_t file_bytes() const;
  // Which bytes these are, without reading them: a checksum of sizes and times of change, of the configuration and of
  // the table of tensors. What was made of the files is theirs while this stays the same.
  uint64_t identity() const;

  // The same files, of which only shapes are wanted: whoever reads weights from it gets none of their bytes, and may
  // assume those that a lone configuration describes.
  Checkpoint shapes_only() const;
  bool is_shapes_only() const { return shapes_only_; }

  struct Impl;
  explicit Checkpoint(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;  // views stay valid as long as one copy lives
  bool shapes_only_ = false;
};

}  // namespace freehold
