// y[c] = Σ_s p_s[c] K_s[c], p = softmax over slots s of Z_s[c] + ape[place of s][c]; slots ascending by position.
// Back: dK_s += p_s dy,  dZ_s += p_s dy (K_s - y),  dape[place] += the same.
#include <cmath>

#include "ops/row_chunks.h"
#include "ops/tape.h"
#include "ops/window_attention.h"

namespace freehold::ops {
namespace {

struct Slot {  // one token's part in an entry
  const float *key, *gate, *bias;
  int64_t row, channel, place;  // of the batch (-1: of the past), first channel, place in its run
};

struct Entry {
  int span, index;
};

class Compress {
 public:
  Compress(const Tensor& keys, const Tensor& gates, const Tensor& ape, Compressor which,
           std::span<const WindowSpan> spans)
      : keys_(keys), gates_(gates), ape_(ape), which_(which), spans_(spans.begin(), spans.end()) {
    const WindowKvShape& shape = spans_.front().kv->shape();
    ratio_ = shape.ratio;
    overlapping_ = shape.overlapping;
    channels_ = ape.width() / shape.series();
    for (size_t s = 0; s < spans_.size(); ++s)
      for (int i = spans_[s].first_entry(); i < spans_[s].end_entry(); ++i)
        entries_.push_back({static_cast<int>(s), i});
  }

  int64_t count() const { return static_cast<int64_t>(entries_.size()); }
  int64_t channels() const { return channels_; }
  int64_t slots() const { return int64_t{ratio_} * (overlapping_ ? 2 : 1); }

  // The entry's tokens in ascending order.
  void slots_of(int64_t entry, std::vector<Slot>& slots) const {
    const Entry& e = entries_[static_cast<size_t>(entry)];
    slots.clear();
    if (overlapping_ && e.index > 0)
      for (int i = 0; i < ratio_; ++i) slots.push_back(slot(e.span, (e.index - 1) * ratio_ + i, 0));
    for (int i = 0; i < ratio_; ++i) slots.push_back(slot(e.span, e.index * ratio_ + i, overlapping_ ? channels_ : 0));
  }

  // p [slots, channels] and y [channels].
  void weigh(const RowKernels& kernels, const std::vector<Slot>& slots, float* p, float* y) const {
    const int64_t n = channels_;
    std::vector<float> most(static_cast<size_t>(n), -INFINITY), sum(static_cast<size_t>(n), 0.0f);
    for (size_t s = 0; s < slots.size(); ++s)
      for (int64_t c = 0; c < n; ++c) {
        float& z = p[static_cast<int64_t>(s) * n + c];
        z = slots[s].gate[c] + slots[s].bias[c];
        most[static_cast<size_t>(c)] = std::fmax(most[static_cast<size_t>(c)], z);
      }
    std::fill_n(y, n, 0.0f);
    for (size_t s = 0; s < slots.size(); ++s) {
      float* z = p + static_cast<int64_t>(s) * n;
      for (int64_t c = 0; c < n; ++c) z[c] -= most[static_cast<size_t>(c)];
      kernels.exp_sum(z, 0, n, z);
      for (int64_t c = 0; c < n; ++c) {
        sum[static_cast<size_t>(c)] += z[c];
        y[c] += z[c] * slots[s].key[c];
      }
    }
    for (int64_t c = 0; c < n; ++c) y[c] /= sum[static_cast<size_t>(c)];
    for (size_t s = 0; s < slots.size(); ++s)
      for (int64_t c = 0; c < n; ++c) p[static_cast<int64_t>(s) * n + c] /= sum[static_cast<size_t>(c)];
  }

  void remember() const {
    for (const WindowSpan& span : spans_) {
      PendingRows& pending = pending_of(span);
      for (int p = std::max(span.start, span.end() - pending.ring.rows()); p < span.end(); ++p) {
        const int64_t row = span.first_row + p - span.start;
        pending.write(p, keys_.row(row).data(), gates_.row(row).data());
      }
    }
  }

  void back(Tape& tape, const Tensor& y, const RowKernels& kernels) const {
    const float* dy = tape.grad(y).data();
    float *d_keys = tape.grad(keys_).data(), *d_gates = tape.grad(gates_).data(), *d_ape = tape.grad(ape_).data();
    const int64_t n = channels_, width = ape_.width();
    std::vector<Slot> slots;
    std::vector<float> p(static_cast<size_t>(this->slots() * n)), mixed(static_cast<size_t>(n));
    for (int64_t e = 0; e < count(); ++e) {
      slots_of(e, slots);
      weigh(kernels, slots, p.data(), mixed.data());
      for (size_t s = 0; s < slots.size(); ++s) {
        const Slot& slot = slots[s];
        for (int64_t c = 0; c < n; ++c) {
          const float share = p[static_cast<size_t>(static_cast<int64_t>(s) * n + c)] * dy[e * n + c];
          const float gate = share * (slot.key[c] - mixed[static_cast<size_t>(c)]);
          d_keys[slot.row * width + slot.channel + c] += share;
          d_gates[slot.row * width + slot.channel + c] += gate;
          d_ape[slot.place * width + slot.channel + c] += gate;
        }
      }
    }
  }

 private:
  PendingRows& pending_of(const WindowSpan& span) const {
    return which_ == Compressor::main ? span.kv->pending : span.kv->index_pending;
  }

  Slot slot(int of_span, int position, int64_t channel) const {
    const WindowSpan& span = spans_[static_cast<size_t>(of_span)];
    Slot s{nullptr, nullptr, nullptr, -1, channel, position % ratio_};
    if (position >= span.start) {
      s.row = span.first_row + position - span.start;
      s.key = keys_.row(s.row).data() + channel;
      s.gate = gates_.row(s.row).data() + channel;
    } else {
      s.key = pending_of(span).keys(position) + channel;
      s.gate = pending_of(span).gates(position) + channel;
    }
    s.bias = ape_.row(s.place).data() + channel;
    return s;
  }

  const Tensor keys_, gates_, ape_;
  const Compressor which_;
  const std::vector<WindowSpan> spans_;
  int ratio_ = 0;
  bool overlapping_ = false;
  int64_t channels_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace

Tensor compress(Context& context, const Tensor& keys, const Tensor& gates, const Tensor& ape, Compressor which,
                std::span<const WindowSpan> spans) {
  CHECK(!spans.empty() && keys.shape() == gates.shape() && keys.width() == ape.width() &&
            ape.rows() == spans.front().kv->shape().ratio,
        "keys {}, gates {}, ape {}", keys.shape().text(), gates.shape().text(), ape.shape().text());
  for (const WindowSpan& span : spans)
    CHECK(!context.tape || span.start == 0, "a gradient through a past of {} positions", span.start);
  const Compress work(keys, gates, ape, which, spans);
  Tensor y = Tensor::empty({work.count(), work.channels()}, context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, work.count(), 4 * work.slots() * work.channels(), [&](int64_t first, int64_t count) {
    std::vector<Slot> slots;
    std::vector<float> p(static_cast<size_t>(work.slots() * work.channels()));
    for (int64_t e = first; e < first + count; ++e) {
      work.slots_of(e, slots);
      work.weigh(context.kernels.rows, slots, p.data(), to + e * work.channels());
    }
  });
  work.remember();
  if (context.tape)
    context.tape->record(y, [work, y, &kernels = context.kernels.rows](Tape& tape) { work.back(tape, y, kernels); });
  return y;
}

void entry_positions(std::span<const WindowSpan> spans, std::vector<int32_t>& to) {
  to.clear();
  for (const WindowSpan& span : spans)
    for (int i = span.first_entry(); i < span.end_entry(); ++i) to.push_back(i * span.kv->shape().ratio);
}

void remember_entries(const Tensor& entries, Compressor which, std::span<const WindowSpan> spans) {
  int64_t row = 0;
  for (const WindowSpan& span : spans)
    for (int i = span.first_entry(); i < span.end_entry(); ++i, ++row) {
      if (which == Compressor::main)
        span.kv->write_entry(i, entries.row(row).data());
      else
        span.kv->write_index_entry(i, entries.row(row).data());
    }
  CHECK(row == entries.rows(), "{} entries of {}", row, entries.shape().text());
}

}  // namespace freehold::ops
