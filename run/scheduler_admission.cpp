// Who is computed next, and in which memory.
#include <algorithm>

#include "base/check.h"
#include "base/memory.h"
#include "run/scheduler_parts.h"

namespace freehold {
namespace {

constexpr int usual_context = 8192;
constexpr size_t most_charges = 1024;
constexpr int worth_copying = 16;  // positions; fewer are computed again

uint64_t seed_of_answer(uint64_t seed, int answer) {
  return answer == 0 ? seed : Random(seed ^ (0x9e3779b97f4a7c15ull * static_cast<uint64_t>(answer))).next();
}

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::make(Engine& engine, const Tokenizer& tokenizer,
                                                   SchedulerOptions options) {
  const ModelFacts& facts = engine.model().facts();
  if (options.running < 1 || options.waiting < 0)
    return usage_error("expected at least 1 answer at a time and 0 that wait, found {} and {}", options.running,
                       options.waiting);
  if (options.context == 0) options.context = std::min(facts.context, usual_context);
  if (options.context < 1 || options.context > facts.context)
    return usage_error("context: expected 1 to {} positions, found {}", facts.context, options.context);
  if (options.cache_positions == 0) {
    const uint64_t each = std::max<uint64_t>(facts.cache_bytes_per_position, 1);
    const uint64_t most = static_cast<uint64_t>(options.context) * static_cast<uint64_t>(options.running) * 2;
    options.cache_positions = static_cast<int64_t>(std::min(available_memory() / 2 / each, most));
  }
  if (options.cache_positions < options.context)
    return out_of_resources("cache: has room for {} positions, one answer may take {}; ask for fewer with --context",
                            options.cache_positions, options.context);
  return std::unique_ptr<Scheduler>(new Scheduler(engine, tokenizer, options));
}

int Scheduler::positions_of(const Ask& ask) const {
  if (ask.pooling) return static_cast<int>(ask.prompt.size());
  const int64_t asked = static_cast<int64_t>(ask.prompt.size()) + std::max(ask.max_tokens, 1);
  return ask.max_tokens < 0 ? options_.context : static_cast<int>(std::min<int64_t>(asked, options_.context));
}

Result<std::shared_ptr<Request>> Scheduler::submit(Ask ask, std::function<void()> wake) {
  const int vocabulary = engine_.model().facts().vocabulary;
  if (ask.prompt.empty()) return usage_error("prompt: has no tokens; expected at least one");
  for (const Token token : ask.prompt)
    if (token < 0 || token >= vocabulary)
      return usage_error("prompt: token {} is not in the vocabulary of {}", token, vocabulary);
  if (engine_.model().facts().encoder && !ask.pooling)
    return usage_error("prompt: an encoder makes vectors of texts and writes none");
  if (ask.prompt.size() + (ask.pooling ? 0 : 1) > static_cast<size_t>(options_.context))
    return usage_error("context is {} tokens, prompt is {}", options_.context, ask.prompt.size());
  if (ask.answers < 1 || ask.answers > options_.running)
    return usage_error("n: expected 1 to {}, found {}", options_.running, ask.answers);
  if (static_cast<int64_t>(positions_of(ask)) * ask.answers > options_.cache_positions)
    return usage_error("n: {} answers of {} tokens exceed the {} positions of the cache", ask.answers,
                       positions_of(ask), options_.cache_positions);
  CHECK(!ask.pooling || ask.answers == 1, "{} answers of a vector", ask.answers);
  TRY(check_settings(ask.sampling, vocabulary));
  const std::shared_ptr<Request> request(new Request(std::move(ask), std::move(wake)));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return failure(Fault::cancelled, "the server is ending");
    if (accepted_ >= options_.waiting + std::max(0, options_.running - counts_.running))
      return out_of_resources("{} requests wait already; try again later", accepted_);
    ++accepted_;
    inbox_.push_back(request);
  }
  arrived_.notify_one();
  return request;
}

void Scheduler::take_inbox() {
  std::vector<std::shared_ptr<Request>> fresh;
  {
    const std::lock_guard lock(mutex_);
    fresh.swap(inbox_);
  }
  for (auto& request : fresh) {
    const std::string& user = request->ask_.user;
    const bool present =
        std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& r) { return r->ask_.user == user; }) ||
        std::any_of(writing_.begin(), writing_.end(), [&](const auto& w) { return w->request->ask_.user == user; });
    if (!present) {  // idle time is no credit
      int64_t least = INT64_MAX;
      for (const auto& r : waiting_) least = std::min(least, charges_[r->ask_.user]);
      for (const auto& w : writing_) least = std::min(least, charges_[w->request->ask_.user]);
      if (least == INT64_MAX && charges_.size() > most_charges) charges_.clear();
      int64_t& own = charges_[user];
      own = least == INT64_MAX ? own : std::max(own, least);
    }
    waiting_.push_back(std::move(request));
  }
}

// Requests that nobody waits for any more, and those that have waited too long.
void Scheduler::drop_lost() {
  const auto now = Clock::now();
  int dropped = 0;
  for (auto i = waiting_.begin(); i != waiting_.end();) {
    const bool late = now - (*i)->arrived_ > options_.patience;
    if (!late && !(*i)->cancelled_) {
      ++i;
      continue;
    }
    if (late)
      fail(*i, out_of_resources("waited {} s for its turn; try again later", options_.patience.count() / 1000).value());
    i = waiting_.erase(i);
    ++dropped;
  }
  if (dropped > 0) {
    const std::lock_guard lock(mutex_);
    accepted_ -= dropped;
  }
  for (auto& writing : writing_)
    if (writing->request->cancelled_) writing->state = Writing::State::over;
  retire();
}

void Scheduler::admit_waiting() {
  while (!waiting_.empty()) {
    // The first of the user with the least work done for them. If there is no place for it, nobody overtakes it.
    const auto next = std::min_element(waiting_.begin(), waiting_.end(), [&](const auto& a, const auto& b) {
      return charges_[a->ask_.user] < charges_[b->ask_.user];
    });
    const std::shared_ptr<Request> request = *next;
    const Result<bool> admitted = admit(request);
    if (admitted && !*admitted) return;
    if (!admitted) fail(request, admitted.error());
    waiting_.erase(next);
    const std::lock_guard lock(mutex_);
    --accepted_;
  }
}

// False: not now.
Result<bool> Scheduler::admit(const std::shared_ptr<Request>& request) {
  const Ask& ask = request->ask_;
  if (static_cast<int>(writing_.size()) + ask.answers > options_.running) return false;
  const int positions = positions_of(ask);
  int64_t free = options_.cache_positions - used_positions_;
  for (const Kept& kept : kept_) free += kept.session.capacity();
  if (free < static_cast<int64_t>(positions) * ask.answers) return false;

  std::vector<Session> sessions;
  int reused = 0;
  for (int i = 0; i < ask.answers; ++i) {
    int unused = 0;
    Result<Session> session = session_for(ask, positions, i == 0 ? reused : unused);
    if (!session) {
      for (Session& made : sessions) keep(std::move(made), ask);
      if (!writing_.empty()) return false;  // memory that those who write will give back
      return Failure(session.error());
    }
    sessions.push_back(std::move(*session));
  }
  for (int i = 0; i < ask.answers; ++i) {
    SamplerSettings settings = ask.sampling;
    settings.seed = seed_of_answer(settings.seed, i);
    TRY_ASSIGN(Sampler sampler, Sampler::make(std::move(settings), engine_.model().facts().vocabulary));
    writing_.push_back(std::make_unique<Writing>(Writing{request, i, std::move(sessions[static_cast<size_t>(i)]),
                                                         std::move(sampler), AnswerText(tokenizer_, ask.text)}));
    if (i > 0) writing_.back()->state = Writing::State::follows;
    if (ask.pooling) writing_.back()->pooled.emplace(*ask.pooling);
    if (ask.score_prompt && i == 0) writing_.back()->scores.emplace(ask.prompt, ask.sampling.top_logprobs);
    if (ask.constraint.grammar) writing_.back()->constraint.emplace(tokenizer_, ask.constraint, ask.text.thinking_open);
  }
  request->open_ = ask.answers;
  totals_.asked_tokens += ask.prompt.size();
  look_on_disk(*writing_[writing_.size() - static_cast<size_t>(ask.answers)], reused);
  return true;
}

// A session with room for `positions` that holds as much of the prompt as is found in memory; its last token is always
// computed, for the logits after it. For a vector or log probabilities all of it is: states of tokens are not kept.
Result<Session> Scheduler::session_for(const Ask& ask, int positions, int& reused) {
  const int most = ask.computes_all() ? 0 : static_cast<int>(ask.prompt.size()) - 1;
  const auto shared = [&](const Session& session) { return std::min(session.shared(ask.prompt), most); };
  const auto fits = [&](const Session& session, const std::string& user) {
    return user == ask.user && session.changes() == ask.changes_id() && shared(session) > reused;
  };
  const Session* source = nullptr;
  auto kept = kept_.end();
  for (auto i = kept_.begin(); i != kept_.end(); ++i)
    if (fits(i->session, i->user)) reused = shared(i->session), source = &i->session, kept = i;
  for (const auto& writing : writing_)
    if (fits(writing->session, writing->request->ask_.user))
      reused = shared(writing->session), source = &writing->session, kept = kept_.end();

  const bool room = used_positions_ + positions <= options_.cache_positions;
  if (kept != kept_.end() && source->capacity() >= positions && (!room || 2 * reused >= source->position())) {
    Session session = std::move(kept->session);
    kept_.erase(kept);
    if (!session.rewind(reused)) {  // what such a cache keeps does not reach back so far
      reused = 0;
      TRY(session.rewind(0));
    }
    session.begin_prompt(ask.prompt.size());
    return session;
  }
  if (reused < worth_copying) source = nullptr;
  if (!make_room(positions, source)) {
    source = nullptr;
    CHECK(make_room(positions, nullptr), "{} of {} positions used", used_positions_, options_.cache_positions);
  }
  const SessionOptions how{.positions = positions, .changes = ask.changes, .drafts = options_.drafts && !ask.pooling};
  Result<Session> session = Session::make(engine_, how);
  while (!session && make_room_by_one(source)) session = Session::make(engine_, how);
  if (!session) return session;
  used_positions_ += positions;
  if (!source || !session->copy_prefix(*source, reused)) reused = 0;
  session->begin_prompt(ask.prompt.size());
  return session;
}

// Lets go of sessions that have ended until so many positions fit.
bool Scheduler::make_room(int64_t positions, const Session* spared) {
  for (auto i = kept_.begin(); i != kept_.end() && used_positions_ + positions > options_.cache_positions;) {
    if (&i->session == spared) {
      ++i;
      continue;
    }
    used_positions_ -= i->session.capacity();
    i = kept_.erase(i);
  }
  return used_positions_ + positions <= options_.cache_positions;
}

// When the machine has less memory than it had: the least recently used one is let go.
bool Scheduler::make_room_by_one(const Session* spared) {
  for (auto i = kept_.begin(); i != kept_.end(); ++i) {
    if (&i->session == spared) continue;
    used_positions_ -= i->session.capacity();
    kept_.erase(i);
    return true;
  }
  return false;
}

// What a vector was made of is let go: there is no room in it for an answer.
void Scheduler::keep(Session session, const Ask& ask) {
  if (session.position() == 0 || ask.pooling) {
    used_positions_ -= session.capacity();
    return;
  }
  kept_.push_back({std::move(session), ask.user});
  if (!options_.prefixes) return;
  Kept& kept = kept_.back();
  kept.names =
      options_.prefixes->names_of(kept.user, kept.session.tokens(), kept.session.blocks(), kept.session.changes());
  const int pages = static_cast<int>(kept.names.size());
  if (pages > 0) kept.last_used = options_.prefixes->store().times(pages) + pages - 1, unsaved_ = true;
}

}  // namespace freehold
