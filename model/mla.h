// Multi-head latent attention (DeepSeek-V2 report, 2.1). A position is kept as one latent of c numbers and one rotated
// key of r, shared by all heads; each head has n numbers of key and v of value made from the latent by kv_b:
//   q = q_b norm(q_a x), or q_proj x;  per head (qn [n], qr [r]), qr rotated
//   (latent [c], kr [r]) = kv_a x;     latent normed, kr rotated
//   expanded  (kn, val)[head] = kv_b latent;  score = (qn·kn + qr·kr) scale;  z = Σ p val
//   absorbed  score = (qnᵀWk · latent + qr·kr) scale;  z = Wv (Σ p latent);   Wk [n, c], Wv [v, c] rows of kv_b
//   scale = (n + r)^-1/2 times yarn's factor for the softmax;  the norms have eps 1e-6 whatever the model's is
// The two are the same function with other roundings, so the form is a numeric mode (model/model.h). The cache is the
// same in both: one key head of [latent, kr] whose value is the latent.
//
// Absorbed reads little, which is what writing an answer takes; expanded multiplies less where many rows meet the same
// past, that is in prompts. So the mode `expanded` is: rows of a prompt's whole blocks (prompt_block) are expanded, all
// others absorbed. Keys and values of the past are made from the latents as they were kept, again in each pass, so that
// the cut of a prompt into passes changes no bit; they are let go with the layer. Where they would take more than
// most_expanded bytes, from some position on, and with an indexer, which reads little of the past, rows are absorbed.
// Without a cache (training, goldens) all rows are of the mode's form.
//
// kv_b is used as it is stored, whole (released files, older GGUF) or split into k_b, already turned per head, and v_b
// (GGUF): a product with a head's matrix or with its transpose is the same op (ops::head_linear), so no weight is
// converted, gradients belong to the stored matrix, and an adapter of it means the same in both forms.
#pragma once

#include <functional>

#include "model/deepseek32.h"
#include "model/loader.h"
#include "model/model.h"
#include "model/pass.h"

namespace freehold {

struct MlaConfig {
  int hidden = 0, heads = 0;
  int query_rank = 0;  // 0: queries come from x by one matrix
  int latent = 0;      // c
  int plain_key = 0;   // n, of a head
  int rotated = 0;     // r
  int value = 0;       // v, of a head
  bool split = false;  // kv_b is stored as k_b and v_b
  float scale = 0;
  ops::Rope rope;
  MlaForm form = MlaForm::absorbed;
  IndexerConfig indexer;  // of V3.2: rows read what it selects

  int key() const { return plain_key + rotated; }
  KvShape cache_shape(KvType) const;
  KvShape own_shape() const;             // of what is kept of a pass without a cache
  KvShape expanded_shape(KvType) const;  // of what is made for a pass over a cache
  int blocks(KvType) const;              // positions of prompts that may be expanded; 0: none
};
// Reads and checks sizes and rotation, in released and both GGUF spellings.
Result<MlaConfig> read_mla_config(Loader&, int hidden, MlaForm);

struct MlaLayer {
  Linear q;         // [h(n+r), hidden], where queries have no latent; else
  Linear q_a, q_b;  // [query_rank, hidden], [h(n+r), query_rank]
  Tensor q_norm;    // [query_rank]
  Linear kv_a;      // [c+r, hidden]
  Tensor kv_norm;   // [c]
  Linear kv_b;      // [h(n+v), c], per head n rows of keys, then v of values; or
  Linear k_b, v_b;  // [h c, n], [h v, c]
  Linear out;       // [hidden, h v]
  Indexer indexer;  // where the configuration has one
};
Result<MlaLayer> read_mla_layer(Loader&, const MlaConfig&, int layer);

// [rows, hidden] -> [rows, hidden]. Shows q_latent, kv_latent, index_selected, attn_scores, attn_probs, z.
Tensor mla_attention(Pass&, const MlaConfig&, const MlaLayer&, int layer, const Tensor& x);

void each_linear(const MlaConfig&, MlaLayer&, const std::function<void(std::string_view, Linear&)>&);
void each_tensor(MlaLayer&, int layer, const std::function<void(std::string_view, Tensor&)>&);

}  // namespace freehold
