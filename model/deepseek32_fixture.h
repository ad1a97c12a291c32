// For tests: a small DeepSeek-V3.2 with the layer that predicts: the golden DeepSeek-V3 that has one, with an indexer
// of random weights in every layer.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/random.h"
#include "files/checkpoint.h"
#include "files/safetensors_fixture.h"

namespace freehold {

// Written into `folder`. A row reads `most` positions.
inline Result<Checkpoint> deepseek32_that_predicts(const Path& folder, int most) {
  const Path golden = "tests/golden/models/deepseek_v3_mtp";
  std::filesystem::create_directories(folder);
  std::ifstream in(golden / "config.json");
  Json config = Json::parse(in);
  config.update({{"model_type", "deepseek_v32"}, {"index_n_heads", 4}, {"index_head_dim", 16}, {"index_topk", most}});
  std::ofstream(folder / "config.json") << config.dump();

  StoredTensors tensors = StoredTensors::read(golden / "model.safetensors");
  Random random(32);
  const auto add = [&](const std::string& name, std::vector<int64_t> shape, float mean, float deviation) {
    std::vector<float> numbers(static_cast<size_t>(shape[0] * (shape.size() > 1 ? shape[1] : 1)));
    for (float& number : numbers) number = mean + deviation * random.normal();
    tensors.add(name, shape, numbers);
  };
  const int layers = config["num_hidden_layers"].get<int>() + config["num_nextn_predict_layers"].get<int>();
  const int64_t hidden = config["hidden_size"], rank = config["q_lora_rank"];
  for (int i = 0; i < layers; ++i) {
    const std::string indexer = fmt::format("model.layers.{}.self_attn.indexer.", i);
    add(indexer + "wq_b.weight", {4 * 16, rank}, 0, 0.2f);
    add(indexer + "wk.weight", {16, hidden}, 0, 0.2f);
    add(indexer + "k_norm.weight", {16}, 1, 0.2f);
    add(indexer + "k_norm.bias", {16}, 0, 0.1f);
    add(indexer + "weights_proj.weight", {4, hidden}, 0, 0.2f);
  }
  tensors.write(folder / "model.safetensors");
  return Checkpoint::open(folder);
}

}  // namespace freehold
