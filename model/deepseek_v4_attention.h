// Attention of DeepSeek-V4: one vector per token is key and value, seen in a window; behind it compressed entries, all
// of them or those that an indexer chooses; a sink for each head; an output projection in groups of heads.
#pragma once

#include <functional>

#include "model/deepseek_v4_config.h"
#include "model/pass.h"

namespace freehold {

class KvCache;

struct V4Compressor {  // m tokens make an entry; u = 2 where entries overlap, else 1
  Linear kv, gate;     // [u d, hidden] twice
  Tensor ape;          // [m, u d], added to gates by place in the run
  Tensor norm;         // [d]
};

struct V4Attention {
  Linear q_a, q_b, kv;         // [q_rank, hidden] [heads*d, q_rank] [d, hidden]
  Tensor q_norm, kv_norm;      // [q_rank], [d]
  Linear out_a, out_b;         // [groups*out_rank, heads*d / groups], rows of a group after those of another;
                               // [hidden, groups*out_rank]
  Tensor sinks;                // [heads]
  V4Compressor compressor;     // where the layer has entries
  V4Compressor index;          // where an indexer chooses among them, as the next two
  Linear index_q, index_head;  // [index_heads*index_dim, q_rank] [index_heads, hidden]
  bool compresses = false, selects = false;
};

// Rotations of the rows of a pass: layers without entries turn by the main angles, the others by those made for long
// contexts.
struct V4Turns {
  ops::Rotation main, compress;
};

Result<V4Attention> read_v4_attention(Loader&, const DeepseekV4Config&, int layer);
void each_linear(V4Attention&, const std::function<void(Linear&)>& visit);
void each_tensor(V4Attention&, int layer, const std::function<void(std::string_view, Tensor&)>& visit);

// x [rows, hidden] -> [rows, hidden]. caches: one for each sequence of the batch.
Tensor v4_attention(Pass&, const DeepseekV4Config&, const V4Attention&, int layer, const Tensor& x, const V4Turns&,
                    std::span<KvCache* const> caches);

}  // namespace freehold
