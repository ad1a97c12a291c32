// Attention over a window of recent tokens and compressed entries behind it (DeepSeek-V4), with what it needs: the
// compressor, the indexer's selection, and the patterns that the fused op hides.
//
// R rows, h heads, d head size, m tokens of an entry, u = 2 where entries overlap, else 1. Every op takes the rows of a
// pass as spans, one for each sequence, in order; with a tape all spans start at 0.
#pragma once

#include <span>

#include "ops/selection.h"
#include "ops/window_kv.h"
#include "tensor/tensor.h"

namespace freehold::ops {

struct WindowSpan {
  int first_row = 0, rows = 0;
  int start = 0;           // absolute position of the first row
  WindowKv* kv = nullptr;  // the past; what these rows leave is written there

  int end() const { return start + rows; }
  int first_entry() const { return kv->shape().entries_before(start); }
  int end_entry() const { return kv->shape().entries_before(end()); }  // entries complete by the last row
};

// The entries that become complete in this pass, sequences in order: [n, d]. An entry is, per channel, a softmax over
// its tokens of (gate + ape[place in the run]) weighing their keys. Overlapping: keys and gates have 2d channels; entry
// j mixes the first halves of run j-1 and the second halves of run j, run 0 its own alone.
// keys, gates [R, u d], ape [m, u d]. Remembers keys and gates of the last rows in the spans' `pending` (main) or
// `index_pending` (index).
enum class Compressor : uint8_t { main, index };
Tensor compress(Context&, const Tensor& keys, const Tensor& gates, const Tensor& ape, Compressor,
                std::span<const WindowSpan>);
// Positions of these entries: that of the first token of each run.
void entry_positions(std::span<const WindowSpan>, std::vector<int32_t>& to);
// Finished entries (normed, rotated) [n, d] of this pass into the spans' memory.
void remember_entries(const Tensor& entries, Compressor, std::span<const WindowSpan>);

// All that are complete at the row's position.
Selection all_entries(Context&, std::span<const WindowSpan>);
// The `most` best of those by the indexer's scores (ops/selection.h). No gradient.
// q [R, heads, index_dim], weights [R, heads].
Selection select_entries(Context&, const Tensor& q, const Tensor& weights, int most, std::span<const WindowSpan>);

// q [R, h, d], kv [R, d], sinks [h] -> z [R, h, d]: softmax of q·k scale over the window's rows, the selected entries
// and one more logit, the head's sink, whose share goes nowhere; values are keys. `entries`: of this pass, for the
// gradient (their numbers are read from the spans' memory). Then remembers kv of the last rows.
Tensor window_attention(Context&, const Tensor& q, const Tensor& kv, const Tensor& entries, const Tensor& sinks,
                        float scale, const Selection&, std::span<const WindowSpan>);

// What the fused op hides, of one span: [rows, h, positions + entries]. Keys must be asked for before window_attention,
// which forgets old ones; their numbers live in the arena, so that they outlive the span's memory (for gradients).
struct WindowKeys {
  WindowSpan span;
  int entries;              // of the span, complete by its last row
  int64_t first_entry_row;  // of the span, in this pass's entries
  int first;                // positions before it are forgotten
  const float *recent, *compressed;
  int end() const { return span.end(); }
  int columns() const { return span.end() + entries; }
  const float* key(int column, int64_t d) const {  // of `first` or later
    return column < end() ? recent + (column - first) * d : compressed + (column - end()) * d;
  }
};
WindowKeys window_keys(Context&, const Tensor& kv, const WindowSpan&, int64_t first_entry_row);
Tensor window_scores(Context&, const Tensor& q, const Tensor& kv, const Tensor& entries, float scale, const Selection&,
                     const WindowKeys&);  // -inf where masked
Tensor sink_shares(Context&, const Tensor& scores, const Tensor& sinks);
// z from a pattern that an observer replaced: [rows, h, d].
Tensor window_mix(Context&, const Tensor& shares, const Tensor& kv, const Tensor& entries, const WindowKeys&);

}  // namespace freehold::ops
