// The op set. Ops compute at once; each returns a new Tensor in the context's arena and never writes into its inputs.
// With a tape in the context an op also records its way back. One file per op: formula, shapes, forward, backward.
//
// Notation: R rows of the batch (tokens), H width, V vocabulary, h heads, g key heads, d head size.
#pragma once

#include <span>

#include "ops/context.h"
#include "ops/kv_pages.h"
#include "ops/selection.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace freehold::ops {

// Row i is the table's row ids[i]: [R] -> [R, cols]. Ids are checked by the caller (0 <= id < rows).
Tensor embed(Context&, const Linear& table, std::span<const int32_t> ids);

// y = x Wᵀ (+ bias): [R, in] -> [R, out]. bias: [out] or empty. The work is split by output rows.
Tensor linear(Context&, const Linear&, const Tensor& x, const Tensor& bias = {});
// Several weights over the same x in one region (q, k, v; gate, up): results in order, the same bits as one by one.
inline constexpr int most_linears = 4;
struct LinearPart {
  const Linear* linear;
  Tensor bias;
};
void linear_many(Context&, std::span<const LinearPart> parts, const Tensor& x, std::span<Tensor> results);

// linear in exact arithmetic whatever the mode: for a small matrix whose results decide something (a router).
Tensor linear_exact(Context&, const Linear&, const Tensor& x);

// linear for the head, whose errors reach the logits undamped: outputs within 6 of the largest of their row, and those
// that share a group of 16 with one, see activations rounded to 8 bits twice: x, and what rounding left of x. That is
// exact mode's precision to a few 1e-5.
Tensor linear_fine(Context&, const Linear&, const Tensor& x);

// y = x wᵀ with w a trainable tensor [out, in] (adapters): gradients reach both.
Tensor matmul(Context&, const Tensor& x, const Tensor& w);

// One small matrix for each head, all of them rows of one stored matrix [rows, in]: M_j is rows j*stride+first ..
// +rows. Straight: y[r,j] = M_j x[r,j], [R, heads, in] -> [R, heads, rows]. Turned: y[r,j] = M_jᵀ x[r,j], the other way
// round. Without a tape x may be [R, 1, ..]: the same for all heads.
struct HeadRows {
  int64_t heads, stride, first, rows;
};
enum class HeadUse : uint8_t { straight, turned };
Tensor head_linear(Context&, const Linear&, const HeadRows&, HeadUse, const Tensor& x);
Tensor head_matmul(Context&, const Tensor& w, const HeadRows&, HeadUse, const Tensor& x);  // w trainable, as in matmul

// w ⊙ x / sqrt(mean(x²) + eps) over the last `w.width` numbers: [.., n] with w [n]; applied to every run of n numbers
// in a row, so it serves whole rows (n = H) and heads (n = d).
Tensor rms_norm(Context&, const Tensor& x, const Tensor& w, float eps);
// The same without w, over runs of n numbers.
Tensor rms_scale(Context&, const Tensor& x, int64_t n, float eps);

// w ⊙ (x - mean) / sqrt(mean((x - mean)²) + eps) + b over runs of n = w.width numbers.
Tensor layer_norm(Context&, const Tensor& x, const Tensor& w, const Tensor& b, float eps);

// Rotary embedding. Pairs (i, i+D/2) in `half` layout, (2i, 2i+1) in `interleaved`, over the first D = 2*frequencies
// numbers of each head; (a,b) -> (a cos - b sin, b cos + a sin) with angle position * frequency, cos and sin times
// `scale`. x: [R, h, d], positions: [R]. Backward: rotation by the negative angle.
enum class RopeLayout : uint8_t { half, interleaved };
struct Rope {
  RopeLayout layout = RopeLayout::half;
  std::vector<float> frequencies;  // f_i after scaling (linear, llama3, yarn), D/2 of them
  float scale = 1;                 // yarn's factor on cos and sin
};
Tensor rope(Context&, const Tensor& x, const Rope&, std::span<const int32_t> positions);
// The same for heads that rotate their LAST numbers, interleaved. One table serves all layers of a pass; it lives in
// the arena. `back` turns by the negative angle. x: [R, h, d] or [R, d].
struct Rotation {
  int64_t pairs, rows;
  const float *cosines, *sines, *negative_sines;  // [rows, 2 * pairs]
};
Rotation rotation(Context&, const Rope&, std::span<const int32_t> positions);
enum class Turn : uint8_t { forward, back };
Tensor rotate_last(Context&, const Tensor& x, const Rotation&, Turn turn);

// Attention with grouped keys: query head j reads key head j / (h/g).
enum class Mask : uint8_t {
  causal,  // a row sees the positions up to its own
  none,    // a row sees all rows of its span, those behind it too, and the past
};
// A span of the batch: rows first..first+count are positions start..start+count of one sequence.
struct AttentionSpan {
  int first_row = 0, rows = 0;
  int start = 0;             // absolute position of the first row
  KvPages* pages = nullptr;  // past and present; k and v of these rows are written here first. Null: this batch only
  Mask mask = Mask::causal;
  int last_seen(int row) const {
    return start + (mask == Mask::causal ? row : rows - 1);
  }  // position, by row of the span
};
// q [R, h, d], k [R, g, d], v [R, g, dv] -> z [R, h, dv]; softmax(q·k * scale) over the positions that the mask leaves,
// or over those that are selected, at least one for a row (causal only). Spans cover the rows in order. With a tape,
// every span must start at 0.
Tensor attention(Context&, const Tensor& q, const Tensor& k, const Tensor& v, float scale,
                 std::span<const AttentionSpan>, const Selection& = {});
// Attention in steps, for who keeps something else than what rows read (latents, model/mla.h): k and v of the spans'
// rows into their pages; the keys [count, g, d] of positions first.. as kept; and z of the spans' rows, each over all
// it sees in its pages. Other rows of z stay as they are. Not differentiable.
void keep_positions(Context&, const Tensor& k, const Tensor& v, std::span<const AttentionSpan>);
Tensor kept_keys(Context&, const KvPages&, int first, int count);
void attend_kept(Context&, const Tensor& q, float scale, std::span<const AttentionSpan>, Tensor& z);
// The positions an indexer selects for each row (ops/selection.h), its own among those it may see. Writes the index
// keys k [R, dim] of these rows into the spans' pages first. q [R, heads, dim], weights [R, heads].
Selection select_positions(Context&, const Tensor& q, const Tensor& weights, const Tensor& k, int most,
                           std::span<const AttentionSpan>);
// What the fused op hides, for watched points: [rows, h, start + rows] for one span, masked scores are -inf.
Tensor attention_scores(Context&, const Tensor& q, const Tensor& k, const KvPages& pages, float scale,
                        const AttentionSpan&, const Selection& = {});  // k: of the batch, for the gradient only
Tensor attention_probs(Context&, const Tensor& scores);
// z of one span from a pattern that an observer replaced: probs [rows, h, n] over the pages' values.
Tensor attention_mix(Context&, const Tensor& probs, const Tensor& v, const KvPages& pages, const AttentionSpan&);

// x Φ(x), Φ of the normal distribution (GELU, the form with erf).
Tensor gelu(Context&, const Tensor& x);

// silu(gate) ⊙ up: [R, I] twice -> [R, I].
Tensor silu_mul(Context&, const Tensor& gate, const Tensor& up);

// min(max(x, least), most); gradient only where x is between them.
Tensor clamp(Context&, const Tensor& x, float least, float most);

Tensor add(Context&, const Tensor& a, const Tensor& b);
Tensor scale(Context&, const Tensor& x, float factor);
// Rows `rows[i]` of x: [n, ...]. Used to send only the last row of each sequence through the head.
Tensor pick_rows(Context&, const Tensor& x, std::span<const int32_t> rows);
// x with row rows[i] taken from values row i: [R, ...]. Gradients go to x for the other rows, to values for these.
Tensor replace_rows(Context&, const Tensor& x, std::span<const int32_t> rows, const Tensor& values);

// Numbers first..first+count of each run of the last dimension: [.., n] -> [.., count].
Tensor part(Context&, const Tensor& x, int64_t first, int64_t count);
// Side by side: [.., a] and [.., b] -> [.., a + b].
Tensor join(Context&, const Tensor& a, const Tensor& b);
// One head for all: [R, 1, n] -> [R, heads, n].
Tensor spread_heads(Context&, const Tensor& x, int64_t heads);

// The rows of all parts, one part after another: [Σ rows, ...].
Tensor join_rows(Context&, std::span<const Tensor> parts);

// Edits along directions, for observers. r is a unit vector and like `vector` [width of a row]; rows may have inner
// dimensions.
Tensor add_row(Context&, const Tensor& x, const Tensor& vector, float factor);     // x + factor * vector, every row
Tensor project_out(Context&, const Tensor& x, const Tensor& r, float factor = 1);  // x - factor * (x·r) r
Tensor clamp_along(Context&, const Tensor& x, const Tensor& r, float value);       // x + (value - x·r) r

// Mean over rows of -log softmax(logits)[target]; rows with target < 0 are left out. [R, V] -> [1]. nll, when asked
// for, gets the loss of each row (0 where left out).
Tensor cross_entropy(Context&, const Tensor& logits, std::span<const int32_t> targets, std::span<float> nll = {});

}  // namespace freehold::ops
