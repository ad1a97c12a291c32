// The architectures that can be loaded: one line each in architectures.cpp, one file each in this folder.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "files/checkpoint.h"
#include "model/model.h"

namespace freehold {

struct Architecture {
  std::string_view released;  // model_type of config.json
  std::string_view gguf;      // general.architecture
  Result<std::unique_ptr<Model>> (*load)(const Checkpoint&, const Architecture&, const LoadOptions&, Pool&);
};

std::span<const Architecture> architectures();

// Loaders, one for each family file.
Result<std::unique_ptr<Model>> load_bert(const Checkpoint&, const Architecture&, const LoadOptions&, Pool&);
Result<std::unique_ptr<Model>> load_deepseek2(const Checkpoint&, const Architecture&, const LoadOptions&, Pool&);
Result<std::unique_ptr<Model>> load_llama(const Checkpoint&, const Architecture&, const LoadOptions&, Pool&);
Result<std::unique_ptr<Model>> load_deepseek(const Checkpoint&, const Architecture&, const LoadOptions&, Pool&);

Result<std::unique_ptr<Model>> load_deepseek_v4(const Checkpoint&, const Architecture&, const LoadOptions&, Pool&);

}  // namespace freehold
