// Files of changes: adapters and steering vectors, read once for a loaded model, given to sessions at a strength.
//
// An adapter is a folder as PEFT writes it: adapter_config.json and adapter_model.safetensors with, for each weight
// that it changes, base_model.model.NAME.lora_A.weight [r, in] and .lora_B.weight [out, r]; y += s B(A x), s =
// lora_alpha / r, or / sqrt(r) with use_rslora (Hu et al. 2021; Kalajdzievski 2023). NAME is the released name of the
// weight, whatever file the model came from; where GGUF keeps rows of q and k as pairs, those of B are put in its
// order.
//
// Steering is a file of vectors [hidden] named direction.LAYER, as GGUF (llama.cpp's control vectors) or safetensors:
// what layer LAYER gives out becomes x + strength * vector.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "files/checkpoint.h"
#include "inspect/edit.h"
#include "run/changes.h"

namespace freehold {

struct ChangeFile {
  std::string name;  // as requests call it
  Path path;
  bool steers = false;                 // else it is an adapter
  Adapter adapter = {};                // at strength 1
  std::vector<Edit> edits = {};        // likewise
  uint64_t sum = 0;                    // of the content
  std::shared_ptr<Arena> memory = {};  // of the adapter's numbers
};
Result<ChangeFile> read_adapter(std::string name, const Path& folder, const Checkpoint& checkpoint, Model& model);
Result<ChangeFile> read_steering(std::string name, const Path& file, const Model& model);

struct Strength {
  const ChangeFile* file;  // must outlive what is made of it
  double factor;           // 0: as if it were not there
};
// All of them together; null where nothing changes. Refuses two adapters: they would have to be merged.
Result<std::shared_ptr<const Changes>> changes_of(std::span<const Strength> files);

}  // namespace freehold
