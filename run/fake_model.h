// A model for tests: no weights; every logit, and every number of a final state, is a hash of all tokens so far, which
// it reads back from its cache. So a wrong position, a stale page or a missing token changes every number. With a short
// memory only the last tokens count, and what it writes repeats itself. Where facts_.blocks says so, positions in whole
// blocks of a prompt count otherwise.
#pragma once

#include <chrono>
#include <climits>
#include <vector>

#include "model/model.h"

namespace freehold {

class FakeCache : public KvCache {
 public:
  FakeCache(int layers, KvShape shape, int positions) {
    for (int i = 0; i < layers; ++i) pages_.push_back(std::make_unique<KvPages>(shape, positions));
  }
  int capacity() const override { return pages_[0]->capacity(); }
  KvPages* pages(int layer) override { return pages_[static_cast<size_t>(layer)].get(); }
  size_t bytes() const override { return 1; }

 private:
  std::vector<std::unique_ptr<KvPages>> pages_;
};

class FakeModel : public Model {
 public:
  static constexpr int vocabulary = 64, hidden = 8, heads = 2, head_dim = 16;
  explicit FakeModel(KvType kv = KvType::f16, int context = 4096) {
    facts_.architecture = "fake";
    facts_.layers = 2, facts_.vocabulary = vocabulary, facts_.context = context;
    facts_.kv_heads = heads, facts_.head_dim = head_dim;
    facts_.cache_bytes_per_position = 2 * 2 * heads * head_dim * 4;
    mode_.kv = kv;
  }
  Tensor forward(Pass& pass) const override {
    ++passes;
    const auto end = std::chrono::steady_clock::now() + pass_time;
    while (std::chrono::steady_clock::now() < end) {
    }
    size_t at = 0;
    std::vector<Tensor> all;
    Tensor logits =
        Tensor::empty({static_cast<int64_t>(pass.logit_rows().size()), facts_.vocabulary}, pass.context().arena);
    int64_t row = 0;
    for (const Batch::Sequence& sequence : pass.batch().sequences) {
      for (size_t i = 0; i < sequence.tokens.size(); ++i, ++at) {
        const int position = sequence.start + static_cast<int>(i);
        std::vector<float> k(heads * head_dim, static_cast<float>(sequence.tokens[i])),
            v(k.size(), static_cast<float>(position % 997 + (position < sequence.blocks ? 1000 : 0)));
        for (int layer = 0; layer < 2; ++layer) sequence.cache->pages(layer)->write(position, k.data(), v.data());
      }
      computed += static_cast<int>(sequence.tokens.size());
    }
    for (const Row& site : pass.logit_sites()) fill(pass, site, logits.mutable_row(row++));
    if (!pass.final_rows().empty()) {
      Tensor states = Tensor::empty({static_cast<int64_t>(pass.final_rows().size()), hidden}, pass.context().arena);
      for (size_t i = 0; i < pass.final_rows().size(); ++i)
        fill(pass, pass.rows()[static_cast<size_t>(pass.final_rows()[i])], states.mutable_row(static_cast<int64_t>(i)));
      pass.set_final_states(states);
    }
    return row > 0 ? pass.at(Point::lm_head, 0, logits) : logits;
  }
  Tensor final_logits(Pass& pass, std::span<const int32_t> rows) const override {
    most_final_rows = std::max(most_final_rows, static_cast<int>(rows.size()));
    Tensor logits = Tensor::empty({static_cast<int64_t>(rows.size()), facts_.vocabulary}, pass.context().arena);
    for (size_t i = 0; i < rows.size(); ++i) {
      const int32_t row = pass.final_rows()[static_cast<size_t>(rows[i])];
      fill(pass, pass.rows()[static_cast<size_t>(row)], logits.mutable_row(static_cast<int64_t>(i)));
    }
    return logits;
  }
  void each_linear(const std::function<void(std::string_view, Linear&)>&) override {}
  void each_tensor(const std::function<void(std::string_view, Tensor&)>&) override {}
  std::unique_ptr<KvCache> make_cache(int positions) const override {
    return std::make_unique<FakeCache>(2, KvShape{mode_.kv, heads, head_dim, head_dim}, positions);
  }
  const ModelFacts& facts() const override { return facts_; }
  const NumericMode& mode() const override { return mode_; }
  ModelFacts facts_;
  int memory = INT_MAX;                    // tokens that count
  std::chrono::microseconds pass_time{0};  // that a pass takes at least

  mutable int passes = 0, computed = 0, most_final_rows = 0;  // what tests ask

 private:
  // Numbers made of all tokens of the row's sequence up to it.
  void fill(const Pass& pass, const Row& site, std::span<float> numbers) const {
    const Batch::Sequence& sequence = pass.batch().sequences[static_cast<size_t>(site.sequence)];
    uint64_t hash = 1;
    for (int position = std::max(0, site.position + 1 - memory); position <= site.position; ++position)
      for (int layer = 0; layer < 2; ++layer) {
        std::vector<float> k(heads * head_dim), v(k.size());
        sequence.cache->pages(layer)->read(position, k.data(), v.data());
        const float at_place = memory == INT_MAX ? v[7] : 0;
        hash = (hash ^ static_cast<uint64_t>(k[5] * 1000 + at_place)) * 0x9e3779b97f4a7c15ull;
      }
    for (float& number : numbers) {
      hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9ull;
      number = static_cast<float>(hash >> 40) * 0x1p-20f;
    }
  }
  NumericMode mode_;
};

}  // namespace freehold
