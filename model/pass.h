// Pass: what one run of Model::forward carries. Without observers a point costs a few nanoseconds; without a tape ops
// only compute; without caches attention sees the batch alone.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/adapter.h"
#include "model/points.h"
#include "ops/context.h"
#include "ops/experts.h"
#include "ops/kv_pages.h"
#include "ops/ops.h"
#include "tensor/tensor.h"

namespace freehold {

class Pass;
class KvCache;
using Token = int32_t;

struct Row {
  int sequence, position;
};  // whose row it is: index of the sequence in the batch, absolute position

// A prompt is computed in whole blocks of so many positions, its rest and all that is written one by one: where a model
// has two ways for it (latent attention, model/mla.h), which one depends on the position alone.
inline constexpr int prompt_block = 256;

// The rows of a batch: consecutive rows of one sequence are consecutive positions of it.
struct Batch {
  struct Sequence {
    std::span<const Token> tokens;
    int start = 0;             // absolute position of the first token
    KvCache* cache = nullptr;  // null: this batch only (training)
    const Adapter* adapter = nullptr;
    int blocks = 0;  // positions before this one are those of whole blocks of a prompt; 0 with an adapter
    // Which rows get logits: the last one, all, or none.
    enum class Logits : uint8_t { last, all, none } logits = Logits::last;
    bool final_states = false;  // all rows: what the output head would read of them (Pass::final_states)
  };
  std::vector<Sequence> sequences;
};

// Where and what an observer is shown.
struct Site {
  Point point;
  int layer;
  std::span<const Row> rows;  // the first dimension of the value
  int expert = every_expert;  // whose output it is, at a point that is shown per expert
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual bool wants(Point, int layer) const = 0;  // constant during a pass
  // Assign to x to replace it; use ops with pass.context(), so that it stays differentiable. Never write into x. A
  // handle kept from here is good until the pass ends with a tape, until its layer ends without: copy what you keep.
  virtual void seen(Pass& pass, const Site&, Tensor& x) = 0;
};

class Pass {
 public:
  // The batch, context and observers must outlive the pass.
  Pass(Context& context, const Batch& batch, int layers, std::span<Observer* const> observers = {});

  // Every named activation goes through here, all rows of the batch.
  Tensor at(Point point, int layer, Tensor x) {
    if (__builtin_expect(!observed_, 1)) return x;
    return show(point, layer, std::move(x), rows_);
  }
  // Values shown per sequence (scores, patterns) or per expert.
  Tensor at(Point point, int layer, Tensor x, std::span<const Row> rows) {
    if (__builtin_expect(!observed_, 1)) return x;
    return show(point, layer, std::move(x), rows);
  }
  Tensor at_expert(Point point, int layer, int expert, Tensor x, std::span<const Row> rows) {
    return show(point, layer, std::move(x), rows, expert);
  }
  bool watched(Point point, int layer) const {  // ask before choosing a kernel that hides it
    return observed_ && watched_[index(point, layer)];
  }
  bool patterns_shown(int layer) const {
    return watched(Point::attn_scores, layer) || watched(Point::attn_probs, layer);
  }

  // y = x Wᵀ + bias, plus each sequence's adapter.
  Tensor linear(const Linear&, const Tensor& x, const Tensor& bias = {});
  Tensor linear(const Linear&, const Tensor& x, std::span<const Row> owners);  // of x: not the rows of the batch
  // The same for the output head: at higher precision, x [rows that get logits, hidden].
  Tensor head(const Linear&, const Tensor& x);
  Tensor final_logits(const Linear& head, std::span<const int32_t> rows);  // of these of final_states()
  // Matrices of heads in one weight (ops::head_linear), plus each sequence's adapter of that weight.
  Tensor head_linear(const Linear& weight, const ops::HeadRows& heads, ops::HeadUse use, const Tensor& x) {
    return head_linear(weight, heads, use, x, rows_);
  }
  Tensor head_linear(const Linear&, const ops::HeadRows&, ops::HeadUse, const Tensor& x, std::span<const Row> owners);
  // Several weights over one x, in one region.
  void linear_many(std::span<const ops::LinearPart> parts, const Tensor& x, std::span<Tensor> results);
  Tensor linear_exact(const Linear&, const Tensor& x);  // in exact arithmetic whatever the mode, for routers
  // Matrices of experts over the rows that visit them (ops/experts.h): stacks over the batch's rows; one stack over
  // the plan's entries.
  void experts_linear_many(std::span<const std::span<const Linear>> stacks, const Tensor& x, const ops::ExpertPlan&,
                           std::span<Tensor> results);
  Tensor experts_linear(std::span<const Linear> stack, const Tensor& x, const ops::ExpertPlan&);
  // Writes k and v to the caches and mixes; shows attn_scores and attn_probs when watched, honours replaced patterns.
  // A selection (ops/selection.h) has been made over the spans of this layer.
  Tensor attention(int layer, const Tensor& q, const Tensor& k, const Tensor& v, float scale,
                   const ops::Selection& = {});
  // The same where a row sees all rows of its sequence, whole in this batch (encoders).
  Tensor attention_both_ways(int layer, const Tensor& q, const Tensor& k, const Tensor& v, float scale);
  // The same over pages that somebody has written: z of the spans' rows. `owners`: of the rows of q.
  void attend_kept(int layer, const Tensor& q, float scale, std::span<const ops::AttentionSpan>,
                   std::span<const Row> owners, Tensor& z);
  // The batch as spans over the pages of its caches in this layer; sequences without a cache get pages of the pass's
  // own, of this shape. Valid until the next layer's.
  std::span<const ops::AttentionSpan> spans(int layer, const KvShape& own);

  // The stream between two layers. Without a tape nothing needs what a layer computed on the way: the stream moves to
  // memory below it and the rest is given back, so a pass holds the activations of one layer, warm in cache.
  Tensor carry(Tensor x);

  // What Model::predict needs of each row, [rows, state_numbers]; kept where asked for.
  void keep_states() { keeps_states_ = true; }
  bool keeps_states() const { return keeps_states_; }
  void set_states(Tensor states) { states_ = std::move(states); }
  const Tensor& states() const { return states_; }

  // The stream after the final norm, [final_rows, hidden], of the sequences that ask for it; no point shows it.
  std::span<const int32_t> final_rows() const { return final_rows_; }  // ascending
  void set_final_states(Tensor states) { final_states_ = std::move(states); }
  const Tensor& final_states() const { return final_states_; }

  Context& context() { return context_; }
  const Batch& batch() const { return batch_; }
  std::span<const Row> rows() const { return rows_; }
  std::span<const Token> tokens() const { return tokens_; }
  std::span<const int32_t> positions() const { return positions_; }
  std::span<const int32_t> logit_rows() const { return logit_rows_; }  // rows that get logits, ascending
  std::span<const Row> logit_sites() const { return logit_sites_; }    // whose rows they are

 private:
  size_t index(Point point, int layer) const {
    return static_cast<size_t>(layer) * point_count + static_cast<size_t>(point);
  }
  void find_spans(int layer, const KvShape* own);
  void find_own_spans(int layer, const Tensor& k, const Tensor& v);
  Tensor attend(int layer, const Tensor& q, const Tensor& k, const Tensor& v, float scale, const ops::Selection&);
  Tensor with_patterns(int layer, const Tensor& q, const Tensor& k, const Tensor& v, Tensor z, float scale,
                       std::span<const ops::AttentionSpan>, std::span<const Row> owners, const ops::Selection&);
  Tensor show(Point, int layer, Tensor x, std::span<const Row> rows, int expert = every_expert);
  Tensor adapted(const Linear&, const Tensor& x, Tensor y, std::span<const Row> sites);
  template <class Change>
  Tensor changed(const Linear&, Tensor y, std::span<const Row> sites, Change change);
  enum class RowsOf : uint8_t { batch, entries };  // what a row of x belongs to
  Tensor adapted_experts(std::span<const Linear> stack, const Tensor& x, RowsOf, const ops::ExpertPlan&, Tensor y);

  Context& context_;
  const Batch& batch_;
  std::span<Observer* const> observers_;
  bool observed_ = false;
  std::vector<bool> watched_;
  // In the arena, below what layers give back.
  std::span<Row> rows_, logit_sites_;
  std::span<Token> tokens_;
  std::span<int32_t> positions_, logit_rows_, final_rows_;
  std::span<ops::AttentionSpan> spans_, span_room_;
  Tensor carried_, states_, final_states_;
  bool keeps_states_ = false;
  Arena::Mark layer_mark_{};
  std::vector<std::unique_ptr<KvPages>> own_pages_;  // of watched or selective attention without a cache
};

}  // namespace freehold
