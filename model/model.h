// Model: an architecture with its weights. Immutable and shared; sessions and passes belong to others. forward() is the
// only copy of its mathematics: running, watching, editing, differentiating and serving all call it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "files/checkpoint.h"
#include "files/packed_file.h"
#include "model/pass.h"
#include "ops/window_kv.h"
#include "tensor/weight_store.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"

namespace freehold {

// How latent attention is computed (model/mla.h); other attention does not ask.
enum class MlaForm : uint8_t { absorbed, expanded };

// What is fixed when a model is loaded and decides the bits of its answers; a part of every fingerprint.
struct NumericMode {
  Arithmetic arithmetic = Arithmetic::int8;
  KvType kv = KvType::f16;
  MlaForm mla = MlaForm::absorbed;
  static NumericMode exact() { return {Arithmetic::exact, KvType::f32, MlaForm::absorbed}; }
  bool operator==(const NumericMode&) const = default;
};
std::string text_of(const NumericMode&);  // "int8 activations, f16 cache"

// Keys and values of one sequence, all layers.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual int capacity() const = 0;       // positions
  virtual KvPages* pages(int layer) = 0;  // null where a layer keeps something else
  virtual WindowKv* window(int) { return nullptr; }
  // Whether a pass may continue from this position, at most that of the last row. Pages keep everything; what keeps
  // less may only have to start over, at 0.
  virtual bool can_continue(int) const { return true; }
  virtual size_t bytes() const = 0;  // when all positions are written
};

struct ModelFacts {          // what others need to know without knowing the architecture
  std::string architecture;  // "llama"
  int layers = 0, hidden = 0, vocabulary = 0, context = 0;
  int heads = 0, kv_heads = 0, head_dim = 0, ffn = 0;
  int experts = 0, experts_used = 0;  // routed experts of a layer, and those that a token visits; 0: dense
  bool tied = false;
  bool encoder = false;  // reads texts both ways, each whole in one pass; has no output head, so it writes none
  uint64_t parameters = 0;
  uint64_t active_parameters = 0;  // that one token passes through: of the experts those it is sent to
  uint64_t weight_bytes = 0;       // as held in memory
  uint64_t cache_bytes_per_position = 0;
  int blocks = 0;  // positions of prompts up to here are computed in whole blocks (prompt_block); 0: no difference
  uint64_t block_bytes_per_position = 0;  // that a pass takes for those of a prompt and lets go again
  // Where an indexer chooses what is read: of so many positions at most, beside its keys of all; 0: there is none.
  int positions_read = 0;
  uint64_t index_bytes_per_position = 0;  // a part of cache_bytes_per_position
  // Bytes of weights that one decoded token reads (all linears and norms; one row of an untied embedding).
  uint64_t bytes_per_token = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  // Logits of pass.logit_rows(): [n, vocabulary].
  virtual Tensor forward(Pass&) const = 0;
  // Logits of these rows of pass.final_states(), after forward(): [n, vocabulary], for who needs those of many rows but
  // never all at once. No point shows them.
  virtual Tensor final_logits(Pass&, std::span<const int32_t> rows) const = 0;
  // Prediction of the token after next (MTP, "nextn"), where loading asked for it: a layer behind the others, with keys
  // and values of its own in the cache. A row of it is made of the state of a token, as a pass keeps it, and of the
  // token that came next: tokens of the pass are those next ones, positions those of the states. Logits as of
  // forward().
  virtual int64_t state_numbers() const { return 0; }  // of a row; 0: the model does not predict
  virtual Tensor predict(Pass&, const Tensor&) const { CHECK(false, "a model that does not predict"); }
  virtual void each_linear(const std::function<void(std::string_view name, Linear&)>&) = 0;  // released names
  virtual void each_tensor(const std::function<void(std::string_view name, Tensor&)>&) = 0;  // norms, biases
  virtual std::unique_ptr<KvCache> make_cache(int positions) const = 0;
  virtual const ModelFacts& facts() const = 0;
  // Whether passes show the point in this layer. Here: the points of attention with grouped keys and a dense MLP.
  virtual bool shows(Point, int layer) const;
  // Numbers of a row at a point that it shows; nothing where they follow from the pass (patterns, selections).
  virtual std::optional<int64_t> width(Point) const;
  virtual const NumericMode& mode() const = 0;
  // What brings weights that do not stay in memory, if some do not. After a pass its check() says whether all could be
  // read.
  virtual WeightStore* store() const { return nullptr; }
};

// Whether passes of this model show the point; if not, why, and what to ask for instead. For whoever is to watch or
// edit.
Result<Done> check_point(const Model&, PointId);

struct LoadOptions {
  NumericMode mode;
  std::function<void(double fraction)> progress;  // may be empty
  bool predict = false;                           // load the layer that predicts the token after next; refused without
  // Weights packed before, of this checkpoint: they are mapped instead of packed, after their checksums were compared.
  std::shared_ptr<const PackedFile> packed = {};
  uint64_t memory = 0;  // bytes for weights; if they are more, experts stay in `packed` and are read as needed; 0: all
  // For pack_to_file: what happens to the weights, which stay as they are. Such a model is of no other use.
  std::function<Result<Done>(std::span<Linear* const>)> instead_of_packing = {};
};
// Picks the architecture from the checkpoint (model/architectures.cpp), validates its numbers and shapes, packs
// weights.
Result<std::unique_ptr<Model>> load_model(const Checkpoint&, const LoadOptions&, Pool&);

// Packs the weights that such a load would pack into a file of their own. progress: the fraction; false cancels.
Result<Done> pack_to_file(const Checkpoint&, const Path& path, bool predict, std::function<bool(double)> progress,
                          Pool&);

// What such a model would be, from a configuration alone or from the header of its files; no weight is read.
Result<ModelFacts> plan_model(const Checkpoint&, const NumericMode&);

// The text side of a checkpoint: GGUF metadata or the files beside the weights.
Result<Tokenizer> load_tokenizer(const Checkpoint&);
Result<std::string> chat_template_source(const Checkpoint&);  // empty when it has none
// Its chat template, or our own format of its family; nothing when there is neither.
Result<std::optional<PromptFormat>> prompt_format_for(const Checkpoint&, const Tokenizer&);

}  // namespace freehold
