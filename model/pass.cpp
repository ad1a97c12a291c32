// The batch laid out as rows, observers, adapters, and attention over each sequence's cache.
#include "model/pass.h"

#include <algorithm>
#include <numeric>

#include "model/model.h"

namespace freehold {

Pass::Pass(Context& context, const Batch& batch, int layers, std::span<Observer* const> observers)
    : context_(context), batch_(batch), observers_(observers) {
  size_t all = 0, wanted = 0, finals = 0;
  for (const Batch::Sequence& sequence : batch.sequences) {
    all += sequence.tokens.size();
    if (sequence.final_states) finals += sequence.tokens.size();
  }
  const auto room = [&]<class T>(std::span<T>& of, size_t count) { of = {context.arena.array<T>(count), count}; };
  room(rows_, all), room(tokens_, all), room(positions_, all), room(logit_rows_, all), room(logit_sites_, all);
  room(final_rows_, finals), room(span_room_, batch.sequences.size());
  finals = 0;
  size_t row = 0;
  for (size_t s = 0; s < batch.sequences.size(); ++s) {
    const Batch::Sequence& sequence = batch.sequences[s];
    const auto count = static_cast<int>(sequence.tokens.size());
    for (int i = 0; i < count; ++i, ++row) {
      tokens_[row] = sequence.tokens[static_cast<size_t>(i)];
      positions_[row] = sequence.start + i;
      rows_[row] = {static_cast<int>(s), sequence.start + i};
      if (sequence.logits == Batch::Sequence::Logits::all ||
          (sequence.logits == Batch::Sequence::Logits::last && i + 1 == count)) {
        logit_rows_[wanted] = static_cast<int32_t>(row);
        logit_sites_[wanted++] = rows_[row];
      }
      if (sequence.final_states) final_rows_[finals++] = static_cast<int32_t>(row);
    }
  }
  logit_rows_ = logit_rows_.first(wanted);
  logit_sites_ = logit_sites_.first(wanted);
  if (observers.empty()) return;
  watched_.assign(static_cast<size_t>(std::max(layers, 1)) * point_count, false);
  for (int layer = 0; layer < std::max(layers, 1); ++layer)
    for (int p = 0; p < point_count; ++p)
      for (const Observer* observer : observers)
        if (observer->wants(static_cast<Point>(p), layer)) {
          watched_[index(static_cast<Point>(p), layer)] = true;
          observed_ = true;
        }
}

Tensor Pass::show(Point point, int layer, Tensor x, std::span<const Row> rows, int expert) {
  if (!watched(point, layer)) return x;
  const Site site{point, layer, rows, expert};
  for (Observer* observer : observers_)
    if (observer->wants(point, layer)) {
      const Shape before = x.shape();
      observer->seen(*this, site, x);
      CHECK(x.shape() == before, "{}: replaced {} by {}", text_of({point, layer, expert}), before.text(),
            x.shape().text());
    }
  return x;
}

Tensor Pass::linear(const Linear& weight, const Tensor& x, const Tensor& bias) {
  return adapted(weight, x, ops::linear(context_, weight, x, bias), rows_);
}

Tensor Pass::linear(const Linear& weight, const Tensor& x, std::span<const Row> owners) {
  return adapted(weight, x, ops::linear(context_, weight, x), owners);
}

Tensor Pass::head(const Linear& weight, const Tensor& x) {
  return adapted(weight, x, ops::linear_fine(context_, weight, x), logit_sites_);
}

Tensor Pass::final_logits(const Linear& head, std::span<const int32_t> rows) {
  const std::span<Row> sites(context_.arena.array<Row>(rows.size()), rows.size());
  std::ranges::transform(rows, sites.begin(), [&](int32_t row) {
    return rows_[static_cast<size_t>(final_rows_[static_cast<size_t>(row)])];
  });
  const Tensor x = ops::pick_rows(context_, final_states_, rows);       // [n, hidden]
  return adapted(head, x, ops::linear_fine(context_, head, x), sites);  // [n, vocabulary]
}

void Pass::linear_many(std::span<const ops::LinearPart> parts, const Tensor& x, std::span<Tensor> results) {
  ops::linear_many(context_, parts, x, results);
  for (size_t i = 0; i < parts.size(); ++i) results[i] = adapted(*parts[i].linear, x, results[i], rows_);
}

Tensor Pass::linear_exact(const Linear& weight, const Tensor& x) {
  return adapted(weight, x, ops::linear_exact(context_, weight, x), rows_);
}

void Pass::experts_linear_many(std::span<const std::span<const Linear>> stacks, const Tensor& x,
                               const ops::ExpertPlan& plan, std::span<Tensor> results) {
  ops::experts_linear_many(context_, stacks, x, plan, results);
  for (size_t i = 0; i < stacks.size(); ++i)
    results[i] = adapted_experts(stacks[i], x, RowsOf::batch, plan, results[i]);
}

Tensor Pass::experts_linear(std::span<const Linear> stack, const Tensor& x, const ops::ExpertPlan& plan) {
  return adapted_experts(stack, x, RowsOf::entries, plan, ops::experts_linear(context_, stack, x, plan));
}

// The same change for experts: entries of an expert that are rows of a sequence whose adapter changes this expert.
Tensor Pass::adapted_experts(std::span<const Linear> stack, const Tensor& x, RowsOf rows, const ops::ExpertPlan& plan,
                             Tensor y) {
  std::vector<Tensor> sums;
  std::vector<int32_t> changed;
  int first = 0;
  for (const Batch::Sequence& sequence : batch_.sequences) {
    const auto count = static_cast<int>(sequence.tokens.size());
    for (int e = 0; sequence.adapter && count > 0 && e < plan.experts; ++e) {
      const LowRank* part = sequence.adapter->find(stack[static_cast<size_t>(e)].id);
      if (!part) continue;
      const auto visitors = plan.row.subspan(static_cast<size_t>(plan.first[static_cast<size_t>(e)]),
                                             static_cast<size_t>(plan.count(e)));  // ascending
      const auto from = std::lower_bound(visitors.begin(), visitors.end(), first);
      const auto to = std::lower_bound(from, visitors.end(), first + count);
      const int64_t n = to - from, entry = from - plan.row.begin();
      if (n == 0) continue;
      const Tensor in = rows == RowsOf::entries
                            ? x.rows(entry, n)
                            : ops::pick_rows(context_, x, std::span(&*from, static_cast<size_t>(n)));
      const Tensor inner = ops::matmul(context_, in, part->a);                                          // [n, r]
      const Tensor change = ops::scale(context_, ops::matmul(context_, inner, part->b), part->factor);  // [n, out]
      sums.push_back(ops::add(context_, y.rows(entry, n), change));                                     // [n, out]
      for (int64_t i = 0; i < n; ++i) changed.push_back(static_cast<int32_t>(entry + i));
    }
    first += count;
  }
  return sums.empty() ? y : ops::replace_rows(context_, y, changed, ops::join_rows(context_, sums));
}

// y + change(part, first row, rows) on the rows of each sequence that brings an adapter for this weight; other rows
// keep their bits. `sites` are the rows' owners.
template <class Change>
Tensor Pass::changed(const Linear& weight, Tensor y, std::span<const Row> sites, Change change) {
  int count = 0;
  for (int first = 0; first < static_cast<int>(sites.size()); first += count) {
    const int sequence = sites[static_cast<size_t>(first)].sequence;
    const auto other = std::ranges::find_if(sites.subspan(static_cast<size_t>(first)),
                                            [&](const Row& row) { return row.sequence != sequence; });
    count = static_cast<int>(other - sites.begin()) - first;
    const Adapter* adapter = batch_.sequences[static_cast<size_t>(sequence)].adapter;
    const LowRank* part = adapter ? adapter->find(weight.id) : nullptr;
    if (!part) continue;
    const Tensor by = ops::scale(context_, change(*part, first, count), part->factor);  // [n, ..]
    const Tensor sum = ops::add(context_, y.rows(first, count), by);                    // [n, ..]
    std::vector<int32_t> rows(static_cast<size_t>(count));
    std::iota(rows.begin(), rows.end(), first);
    y = count == y.rows() ? sum : ops::replace_rows(context_, y, rows, sum);
  }
  return y;
}

// The change is B(A x).
Tensor Pass::adapted(const Linear& weight, const Tensor& x, Tensor y, std::span<const Row> sites) {
  return changed(weight, std::move(y), sites, [&](const LowRank& part, int first, int count) {
    const Tensor inner = ops::matmul(context_, x.rows(first, count), part.a);  // [n, r]
    return ops::matmul(context_, inner, part.b);                               // [n, out]
  });
}

// The weight's change is B A, that of a head's matrix B_j A: used straight B_j (A x_j), turned Aᵀ (B_jᵀ x_j).
Tensor Pass::head_linear(const Linear& weight, const ops::HeadRows& heads, ops::HeadUse use, const Tensor& x,
                         std::span<const Row> owners) {
  Tensor y = ops::head_linear(context_, weight, heads, use, x);
  return changed(weight, std::move(y), owners, [&](const LowRank& part, int first, int count) {
    const Tensor in = x.rows(first, count);  // [n, h, in]
    const int64_t n = count * heads.heads, r = part.a.rows();
    if (use == ops::HeadUse::straight) {
      const Tensor inner = ops::matmul(context_, in.reshaped({n, in.shape()[2]}), part.a);  // [n h, r]
      return ops::head_matmul(context_, part.b, heads, use, inner.reshaped({count, heads.heads, r}));
    }
    const Tensor inner = ops::head_matmul(context_, part.b, heads, use, in);  // [n, h, r]
    const Tensor out = ops::head_matmul(context_, part.a, {1, 0, 0, r}, use, inner.reshaped({n, 1, r}));
    return out.reshaped({count, heads.heads, part.a.width()});
  });
}

void Pass::find_spans(int layer, const KvShape* own) {
  size_t found = 0;
  int first = 0;
  for (const Batch::Sequence& sequence : batch_.sequences) {
    const auto count = static_cast<int>(sequence.tokens.size());
    KvPages* pages = sequence.cache ? sequence.cache->pages(layer) : nullptr;
    if (!pages && own && count > 0)
      pages = own_pages_.emplace_back(std::make_unique<KvPages>(*own, sequence.start + count)).get();
    if (count > 0) span_room_[found++] = {first, count, sequence.start, pages};
    first += count;
  }
  spans_ = span_room_.first(found);
}

std::span<const ops::AttentionSpan> Pass::spans(int layer, const KvShape& own) {
  find_spans(layer, &own);
  return spans_;
}

void Pass::find_own_spans(int layer, const Tensor& k, const Tensor& v) {
  const KvShape own{KvType::f32, static_cast<int>(k.shape()[1]), static_cast<int>(k.shape()[2]),
                    static_cast<int>(v.shape()[2])};
  find_spans(layer, patterns_shown(layer) ? &own : nullptr);  // a watched pattern needs pages to be computed from
}

Tensor Pass::attention(int layer, const Tensor& q, const Tensor& k, const Tensor& v, float scale,
                       const ops::Selection& selection) {
  if (!selection.begins) find_own_spans(layer, k, v);
  return attend(layer, q, k, v, scale, selection);
}

Tensor Pass::attention_both_ways(int layer, const Tensor& q, const Tensor& k, const Tensor& v, float scale) {
  find_own_spans(layer, k, v);
  for (ops::AttentionSpan& span : span_room_.first(spans_.size())) {
    CHECK(span.start == 0, "a text that begins at position {} of itself", span.start);
    span.mask = ops::Mask::none;
  }
  return attend(layer, q, k, v, scale, {});
}

Tensor Pass::attend(int layer, const Tensor& q, const Tensor& k, const Tensor& v, float scale,
                    const ops::Selection& selection) {
  Tensor z = ops::attention(context_, q, k, v, scale, spans_, selection);  // [rows, heads, value_dim]
  return with_patterns(layer, q, k, v, std::move(z), scale, spans_, rows_, selection);
}

void Pass::attend_kept(int layer, const Tensor& q, float scale, std::span<const ops::AttentionSpan> spans,
                       std::span<const Row> owners, Tensor& z) {
  ops::attend_kept(context_, q, scale, spans, z);
  z = with_patterns(layer, q, {}, {}, std::move(z), scale, spans, owners, {});
}

// Shows the patterns of attention where they are watched; z is mixed again where they were replaced.
Tensor Pass::with_patterns(int layer, const Tensor& q, const Tensor& k, const Tensor& v, Tensor z, float scale,
                           std::span<const ops::AttentionSpan> spans, std::span<const Row> owners,
                           const ops::Selection& selection) {
  if (!patterns_shown(layer)) return z;
  for (const ops::AttentionSpan& span : spans) {
    const auto rows = owners.subspan(static_cast<size_t>(span.first_row), static_cast<size_t>(span.rows));
    const Tensor scores =
        ops::attention_scores(context_, q, k, *span.pages, scale, span, selection);  // [n, heads, positions]
    const Tensor new_scores = at(Point::attn_scores, layer, scores, rows);
    const Tensor probs = ops::attention_probs(context_, new_scores);  // [n, heads, positions]
    const Tensor new_probs = at(Point::attn_probs, layer, probs, rows);
    if (new_scores.storage() == scores.storage() && new_probs.storage() == probs.storage()) continue;
    const Tensor mixed = ops::attention_mix(context_, new_probs, v, *span.pages, span);  // [n, heads, value_dim]
    std::vector<int32_t> replaced(static_cast<size_t>(span.rows));
    std::iota(replaced.begin(), replaced.end(), span.first_row);
    z = ops::replace_rows(context_, z, replaced, mixed);
  }
  return z;
}

Tensor Pass::carry(Tensor x) {
  if (context_.tape) return x;
  if (!carried_) {  // after the first layer: its own memory stays, with what later layers share (rotary tables)
    carried_ = Tensor::empty(x.shape(), context_.arena);
    layer_mark_ = context_.arena.mark();
    return x;
  }
  std::copy_n(x.data(), x.shape().elements(), carried_.mutable_data());
  for (const QuantRows*& quant : carried_.storage()->quant) quant = nullptr;  // of the numbers before
  context_.arena.rewind(layer_mark_);
  return carried_;
}

}  // namespace freehold
