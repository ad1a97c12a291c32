#include "run/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "base/check.h"
#include "base/checked.h"
#include "base/memory.h"

namespace freehold {

Result<Session> Session::make(Engine& engine, SessionOptions options) {
  const ModelFacts& facts = engine.model().facts();
  if (options.positions < 1) return usage_error("context: expected at least 1 position, found {}", options.positions);
  if (options.positions > facts.context)
    return usage_error("context: {} positions asked for, the model was made for {}", options.positions, facts.context);
  const auto cache = checked_mul(static_cast<uint64_t>(options.positions), facts.cache_bytes_per_position);
  const uint64_t in_pass =
      static_cast<uint64_t>(std::min(options.positions, facts.blocks)) * facts.block_bytes_per_position;
  const auto need = cache ? checked_add(*cache, in_pass) : cache;
  const uint64_t have = available_memory();
  if (!need || *need > have)
    return out_of_resources("context: {} positions need {} MiB, {} MiB are available; ask for fewer with --context",
                            options.positions, need.value_or(UINT64_MAX) >> 20, have >> 20);
  return Session(engine, std::move(options));
}

Session::Session(Engine& engine, SessionOptions options)
    : engine_(&engine),
      options_(std::move(options)),
      cache_(engine.model().make_cache(options_.positions)),
      logits_(static_cast<size_t>(engine.model().facts().vocabulary)) {
  tokens_.reserve(static_cast<size_t>(options_.positions));
  if (!options_.drafts || !options_.observers.empty()) return;
  drafts_.emplace(options_.positions);
  if (engine.model().state_numbers() > 0) prediction_.emplace(engine, *cache_, adapter());
}

Result<Done> run_pass(Engine& engine, std::span<const Session::Work> work) {
  const ModelFacts& facts = engine.model().facts();
  Batch& batch = engine.batch();
  batch.sequences.clear();
  std::vector<Observer*> observers;
  std::vector<OfSequence> edits;
  size_t most_edits = 0;
  for (const Session::Work& w : work)
    if (const Changes* changes = w.session->options_.changes.get()) most_edits += changes->edits.size();
  edits.reserve(most_edits);  // observers are pointers to them
  for (const Session::Work& w : work) {
    const Session& s = *w.session;
    CHECK(!w.tokens.empty());
    CHECK(!w.pooled || (!w.wants_logits && w.guesses == 0));
    CHECK(!w.scores || (s.options_.observers.empty() && w.guesses == 0));
    CHECK(s.options_.observers.empty() || work.size() == 1, "{} sessions in a pass that is watched", work.size());
    for (const Token token : w.tokens)
      if (token < 0 || token >= facts.vocabulary)
        return usage_error("tokens: {} is not in the vocabulary of {}", token, facts.vocabulary);
    const size_t room = static_cast<size_t>(s.room());
    if (w.tokens.size() > room)
      return out_of_resources("context: full, {} of {} positions are taken and {} more are asked for", s.position(),
                              s.options_.positions, w.tokens.size());
    using Logits = Batch::Sequence::Logits;
    batch.sequences.push_back({.tokens = w.tokens,
                               .start = s.position(),
                               .cache = s.cache_.get(),
                               .adapter = s.adapter(),
                               .blocks = s.blocks_,
                               .logits = w.guesses > 0    ? Logits::all
                                         : w.wants_logits ? Logits::last
                                                          : Logits::none,
                               .final_states = w.pooled || w.scores});
    if (s.options_.changes)
      for (const auto& edit : s.options_.changes->edits)
        observers.push_back(&edits.emplace_back(*edit, static_cast<int>(batch.sequences.size()) - 1));
    observers.insert(observers.end(), s.options_.observers.begin(), s.options_.observers.end());
  }
  engine.arena().reset();
  Context context{engine.kernels(), engine.pool(), engine.arena(), engine.model().mode().arithmetic, nullptr};
  Pass pass(context, batch, facts.layers, observers);
  for (const Session::Work& w : work)
    if (w.session->prediction_) pass.keep_states();
  const Tensor logits = engine.model().forward(pass);  // [rows that want logits, vocabulary]
  if (WeightStore* store = engine.model().store()) TRY(store->check());

  int64_t row = 0, first = 0, final_row = 0;
  std::vector<ScoredRow> scored;
  for (const Session::Work& w : work) {
    Session& s = *w.session;
    const int start = s.position();
    const auto count = static_cast<int64_t>(w.tokens.size());
    s.tokens_.insert(s.tokens_.end(), w.tokens.begin(), w.tokens.end() - w.guesses);
    s.has_logits_ = w.wants_logits;
    s.computed_ = s.taken_ = 0;
    if (s.prediction_) s.prediction_->computed(start, pass.states().rows(first, count), s.tokens_);
    first += count;
    if (w.pooled)
      for (int64_t i = 0; i < count; ++i) w.pooled->add(pass.final_states().row(final_row + i));
    if (w.scores)  // the last token of the prompt has none behind it
      for (int i = 0; i < static_cast<int>(count) && start + i < w.scores->count(); ++i)
        scored.push_back({w.scores, start + i, static_cast<int32_t>(final_row) + i});
    if (w.pooled || w.scores) final_row += count;
    if (!w.wants_logits) continue;
    const std::span<const float> from = logits.row(row);
    CHECK(from.size() == s.logits_.size(), "{} logits", from.size());
    std::copy(from.begin(), from.end(), s.logits_.begin());
    if (w.guesses > 0) s.remember_ahead(w, logits.rows(row, w.guesses + 1).all());
    row += w.guesses + 1;
  }
  score_rows(engine, pass, scored);
  return Done{};
}

int Session::blocks_of(size_t prompt) const {
  const int blocks = adapter() ? 0 : engine_->model().facts().blocks;
  return std::min(static_cast<int>(prompt / prompt_block) * prompt_block, blocks);
}

int Session::shared(std::span<const Token> prompt) const {
  const auto common = static_cast<int>(
      std::mismatch(tokens_.begin(), tokens_.end(), prompt.begin(), prompt.end()).first - tokens_.begin());
  const int here = std::min(blocks_, common), there = std::min(blocks_of(prompt.size()), common);
  return here == there ? common : std::min(here, there);
}

Result<Done> Session::sync(std::span<const Token> prefix, const Progress& progress) {
  const auto common = static_cast<size_t>(shared(prefix));
  if (common == prefix.size() && common == tokens_.size() && (has_logits_ || prefix.empty())) {
    reused_ = static_cast<int>(common);
    return Done{};
  }
  if (prefix.size() > static_cast<size_t>(options_.positions))
    return out_of_resources("context: {} tokens do not fit into {} positions; shorten the prompt or raise --context",
                            prefix.size(), options_.positions);
  // The last token is computed in any case: its logits are asked for, and only those of the timeline's end are kept.
  const size_t wanted = common == prefix.size() && common > 0 ? common - 1 : common;
  size_t keep = cache_->can_continue(static_cast<int>(wanted)) ? wanted : 0;
  // The layer that predicts needs the state of the last token that stays.
  if (prediction_ && keep == common && keep > 0 && !prediction_->can_go_on(static_cast<int>(keep)) &&
      cache_->can_continue(static_cast<int>(keep) - 1))
    --keep;
  TRY(rewind_to(static_cast<int>(keep), keep < common));
  begin_prompt(prefix.size());
  reused_ = static_cast<int>(keep);
  const int total = static_cast<int>(prefix.size() - keep);
  for (int done = 0; done < total;) {
    if (progress && !progress(done, total))
      return failure(Fault::cancelled, fmt::format("prompt: cancelled after {} of {} tokens", done, total));
    const int count = std::min(prefill_chunk, total - done);
    const Work work{this, prefix.subspan(keep + static_cast<size_t>(done), static_cast<size_t>(count)),
                    done + count == total};
    TRY(run_pass(*engine_, {&work, 1}));
    done += count;
  }
  if (progress && total > 0) progress(total, total);
  return Done{};
}

Result<std::span<const float>> Session::step(Token token) {
  if (foresaw(token)) return logits();
  const std::span<const double> chances = guess(token);
  int guesses = 0;
  choose_guesses(engine_->costs(), {&chances, 1}, {&guesses, 1});
  const Work work = next_work(guesses);
  const auto start = std::chrono::steady_clock::now();
  TRY(run_pass(*engine_, {&work, 1}));
  engine_->costs().record(guesses + 1, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return logits();
}

std::span<const double> Session::guess(Token token) {
  computed_ = 0;
  ahead_.assign(1, token);
  if (!drafts_) return {};
  drafts_->learn(token, position());
  if (prediction_) prediction_->learn(token, position());
  // The timeline with the token, which is not yet in it.
  tokens_.push_back(token);
  drafts_->look(tokens_, room());
  std::optional<Token> predicted;
  if (prediction_ && room() > 0) predicted = prediction_->guess(tokens_);
  tokens_.pop_back();
  const std::span<const double> chances = drafts_->chances();
  if (predicted && prediction_->chance() >= std::accumulate(chances.begin(), chances.end(), 0.0)) {
    ahead_.push_back(*predicted);
    chance_ = prediction_->chance();
    return {&chance_, 1};
  }
  ahead_.insert(ahead_.end(), drafts_->guesses().begin(), drafts_->guesses().end());
  return chances;
}

Session::Work Session::next_work(int guesses) {
  CHECK(guesses >= 0 && static_cast<size_t>(guesses) < ahead_.size(), "{} of {} guesses", guesses, ahead_.size() - 1);
  return {this, std::span(ahead_).first(static_cast<size_t>(guesses) + 1), true, guesses};
}

void Session::remember_ahead(const Work& work, std::span<const float> logits) {
  computed_ = work.tokens.size();
  taken_ = 1;
  ahead_logits_ = logits;
  ahead_pass_ = engine_->arena().resets();
  draft_counts_.computed += work.guesses;
}

bool Session::foresaw(Token token) {
  if (taken_ >= computed_ || ahead_[taken_] != token || ahead_pass_ != engine_->arena().resets()) return false;
  drafts_->learn(token, position());
  if (prediction_) prediction_->learn(token, position());
  tokens_.push_back(token);
  const std::span<const float> row = ahead_logits_.subspan(taken_ * logits_.size(), logits_.size());
  std::copy(row.begin(), row.end(), logits_.begin());
  ++taken_;
  ++draft_counts_.right;
  return true;
}

Result<Done> Session::rewind(int position) { return rewind_to(position, false); }

Result<Done> Session::rewind_to(int position, bool same_follows) {
  CHECK(position >= 0 && position <= this->position(), "rewind to {} of {}", position, this->position());
  if (position == this->position()) return Done{};
  if (!cache_->can_continue(position))
    return unsupported("rewind: this model's cache no longer reaches back from position {} to {}", this->position(),
                       position);
  if (drafts_) drafts_->shrink(tokens_, position);
  if (prediction_) prediction_->rewind(position, same_follows);
  computed_ = taken_ = 0;
  blocks_ = std::min(blocks_, position);
  tokens_.resize(static_cast<size_t>(position));
  has_logits_ = false;
  return Done{};
}

bool Session::copy_prefix(const Session& other, int positions) {
  CHECK(positions >= 0 && positions <= other.position() && positions <= capacity(), "{} positions", positions);
  CHECK(other.engine_ == engine_ && other.changes() == changes(), "sessions of different models");
  const int layers = engine_->model().facts().layers + (prediction_ && other.prediction_ ? 1 : 0);
  for (int layer = 0; layer < layers; ++layer)
    if (!cache_->pages(layer) || !other.cache_->pages(layer)) return false;
  const int pages = (positions + kv_page_positions - 1) / kv_page_positions;
  for (int layer = 0; layer < layers; ++layer) {
    const KvView &to = cache_->pages(layer)->view(), &from = other.cache_->pages(layer)->view();
    for (int page = 0; page < pages; ++page) std::memcpy(to.page(page), from.page(page), to.shape.page_bytes());
  }
  if (drafts_) drafts_->shrink(tokens_, 0);
  if (prediction_ && other.prediction_) prediction_->copy(*other.prediction_, positions);
  computed_ = taken_ = 0;
  blocks_ = std::min(other.blocks_, positions);
  tokens_.assign(other.tokens_.begin(), other.tokens_.begin() + positions);
  has_logits_ = other.has_logits_ && positions == other.position();
  if (has_logits_) logits_ = other.logits_;
  return true;
}

}  // namespace freehold
