// What a DeepSeek-V4 checkpoint says about itself, in either spelling of its configuration: that of the release
// (compress_ratios, num_hash_layers, rope_scaling) and that of transformers 5 (layer_types, compress_rates,
// mlp_layer_types, rope_parameters with `main` and `compress`), and as GGUF.
#pragma once

#include <vector>

#include "model/loader.h"
#include "model/moe.h"
#include "ops/window_kv.h"

namespace freehold {

struct DeepseekV4Config {
  int layers = 0, hidden = 0, vocabulary = 0, context = 0;
  float eps = 0;
  // attention
  int heads = 0, head_dim = 0, rotated = 0;  // the last `rotated` numbers of a head turn
  int q_rank = 0, out_groups = 0, out_rank = 0;
  int window = 0;
  std::vector<int> ratios;      // tokens of a compressed entry; 0: window alone
  std::vector<char> selective;  // whether entries overlap and an indexer chooses among them
  int index_heads = 0, index_dim = 0, index_most = 0;
  ops::Rope main_rope, compress_rope;
  // streams
  int streams = 0, sinkhorn_iterations = 0;
  float stream_eps = 0;
  // experts
  MoeConfig moe;
  std::vector<char> hashed;  // layers whose experts are chosen by a table of tokens
  // Blocks behind the layers that predict further tokens. Ratios and kinds above end with those of the first one.
  int extra_layers = 0;

  WindowKvShape kv_shape(int layer, KvType type) const {
    const auto i = static_cast<size_t>(layer);
    return {type, head_dim, window, ratios[i], selective[i] != 0, selective[i] ? index_dim : 0};
  }
};

Result<DeepseekV4Config> read_deepseek_v4_config(Loader&);

}  // namespace freehold
