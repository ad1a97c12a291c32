#include "run/scheduler.h"

#include <algorithm>
#include <climits>

#include "base/check.h"
#include "run/scheduler_parts.h"

namespace freehold {
namespace {

constexpr int least_chunk = 16, first_chunk = 64;
constexpr std::chrono::milliseconds between_savings{2};  // while nobody asks
constexpr int saved_beside_work = 2;                     // pages a step: copying them takes about a millisecond
constexpr int work_of_token = 2;                         // beside that of a token of a prompt: for fairness

}  // namespace

std::vector<Event> Request::take() {
  const std::lock_guard lock(mutex_);
  return std::move(events_);
}

void Request::put(std::vector<Event> events) {
  if (cancelled_) return;
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = events_.empty();
    events_.insert(events_.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
  }
  if (first && wake_) wake_();
}

Scheduler::Scheduler(Engine& engine, const Tokenizer& tokenizer, SchedulerOptions options)
    : engine_(engine), tokenizer_(tokenizer), options_(options) {
  update_counts();
}

Scheduler::~Scheduler() = default;

void Scheduler::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto work = [&] { return stopping_ || !inbox_.empty() || !waiting_.empty() || !writing_.empty(); };
      if (unsaved_)
        arrived_.wait_for(lock, between_savings, work);
      else
        arrived_.wait(lock, work);
      if (stopping_) break;
    }
    step();
  }
  take_inbox();
  for (const auto& request : waiting_) fail(request, {Fault::cancelled, "the server is ending"});
  waiting_.clear();
  for (auto& writing : writing_)
    if (writing->state != Writing::State::over) end(*writing, Stop::cancelled);
  retire();
  give_out();
  while (unsaved_) {  // now there is time to wait for the disk
    save_pages(INT_MAX);
    if (unsaved_) options_.prefixes->store().wait_until_written();
  }
}

void Scheduler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
}

bool Scheduler::step() {
  take_inbox();
  drop_lost();
  admit_waiting();
  take_from_disk();
  give_out();  // who begins is told before the pass: its time is that of computing, not of waiting
  choose_work();
  const bool any = !work_.empty();
  if (any) compute();
  choose_tokens();
  retire();
  give_out();
  save_pages(any ? saved_beside_work : INT_MAX);
  return any || !writing_.empty() || !waiting_.empty();
}

// The next token of each answer, with guesses of those behind it where that pays.
void Scheduler::choose_next_tokens(bool alone) {
  std::vector<std::span<const double>> chances;
  for (const auto& writing : writing_) {
    if (writing->state != Writing::State::writes) continue;
    worked_.push_back(writing.get());
    chances.push_back(writing->session.guess(writing->next));
  }
  std::vector<int> counts(chances.size());
  if (alone) choose_guesses(engine_.costs(), chances, counts);
  for (size_t i = 0; i < counts.size(); ++i) {
    Writing& writing = *worked_[i];
    work_.push_back(writing.session.next_work(counts[i]));
    charge(writing.request->ask_.user, work_of_token + counts[i]);
    if (counts[i] == 0) continue;
    writing.drafts.computed += counts[i];
    totals_.draft_tokens += static_cast<uint64_t>(counts[i]);
    ++totals_.drafts;
  }
}

// The next token of all that write; then prompts, as many rows as a step has time for.
void Scheduler::choose_work() {
  work_.clear();
  worked_.clear();
  std::vector<Writing*> prompts;
  for (const auto& writing : writing_)
    if (writing->state == Writing::State::prompt) prompts.push_back(writing.get());
  choose_next_tokens(prompts.empty());
  int budget = prefill_chunk;
  if (!work_.empty()) {
    const double seconds = std::chrono::duration<double>(options_.prompt_time).count();
    budget = prompt_rate_ == 0 ? first_chunk
                               : std::clamp(static_cast<int>(prompt_rate_ * seconds), least_chunk, prefill_chunk);
  }
  const bool whole = engine_.model().facts().encoder;
  while (budget > 0 && !prompts.empty()) {
    const auto next = std::min_element(prompts.begin(), prompts.end(), [&](const Writing* a, const Writing* b) {
      return charges_[a->request->ask_.user] < charges_[b->request->ask_.user];
    });
    Writing& writing = **next;
    prompts.erase(next);
    const std::vector<Token>& prompt = writing.request->ask_.prompt;
    const int done = writing.session.position(), left = static_cast<int>(prompt.size()) - done;
    if (whole && left > budget && !work_.empty()) continue;  // in the next step
    const int count = whole ? left : std::min(budget, left);
    work_.push_back({.session = &writing.session,
                     .tokens = std::span(prompt).subspan(static_cast<size_t>(done), static_cast<size_t>(count)),
                     .wants_logits = count == left && !writing.pooled,
                     .pooled = writing.pooled ? &*writing.pooled : nullptr,
                     .scores = writing.scores ? &*writing.scores : nullptr});
    worked_.push_back(&writing);
    charge(writing.request->ask_.user, count);
    budget -= count;
  }
}

void Scheduler::compute() {
  const auto start = Clock::now();
  if (const auto passed = run_pass(engine_, work_); !passed) {
    for (Writing* writing : worked_)
      if (writing->state != Writing::State::over) fail(writing->request, passed.error());
    return;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  ++totals_.steps;
  int rows = 0, decoded = 0;
  for (size_t i = 0; i < work_.size(); ++i) {
    Writing& writing = *worked_[i];
    if (writing.state != Writing::State::prompt) {
      decoded += static_cast<int>(work_[i].tokens.size());
      choosing_.push_back(&writing);
      continue;
    }
    rows += static_cast<int>(work_[i].tokens.size());
    Event event{.kind = Event::Kind::progress};
    event.computed = writing.session.position();
    say(writing.request, std::move(event));
    if (writing.session.position() == writing.request->prompt_tokens()) prompt_done(writing);
  }
  if (rows == 0) engine_.costs().record(decoded, seconds);
  totals_.prompt_tokens += static_cast<uint64_t>(rows);
  if (rows >= least_chunk && seconds > 0)
    prompt_rate_ = prompt_rate_ == 0 ? rows / seconds : 0.75 * prompt_rate_ + 0.25 * rows / seconds;
}

// The answers that follow take the prompt over, or compute it themselves where it cannot be copied.
void Scheduler::prompt_done(Writing& writing) {
  if (writing.pooled) return give_vector(writing);
  if (writing.scores && !give_scores(writing)) return;
  const Ask& ask = writing.request->ask_;
  const auto begin = [&](Writing& one) {
    one.state = Writing::State::writes;
    one.sampler.begin(ask.prompt);
    if (ask.max_tokens == 0)
      end(one, Stop::length);
    else
      choosing_.push_back(&one);
  };
  begin(writing);
  for (const auto& other : writing_) {
    if (other->request != writing.request || other->state != Writing::State::follows) continue;
    if (other->session.copy_prefix(writing.session, writing.session.position()))
      begin(*other);
    else
      other->state = Writing::State::prompt;
  }
}

// Chooses from all logits there are; where a choice was foreseen there are some again.
void Scheduler::choose_tokens() {
  while (!choosing_.empty()) {
    choose_once();
    std::erase_if(choosing_, [](Writing* writing) {
      return writing->state != Writing::State::writes || !writing->session.foresaw(writing->next);
    });
    for (Writing* writing : choosing_) ++writing->drafts.right;
    totals_.draft_tokens_right += choosing_.size();
  }
}

// The next token. What a grammar learns from it is part of the choice, as it may take some time.
Result<Choice> Scheduler::Writing::choose() {
  if (!constraint) return sampler.pick(session.logits());
  const int most = request->ask_.max_tokens, room = session.room() + 1;  // the last token need not be computed
  const int left = most < 0 ? room : std::min(most - made, room);
  TRY_ASSIGN(const std::shared_ptr<const TokenMask> allowed, constraint->mask(left));
  TRY_ASSIGN(Choice picked, sampler.pick(session.logits(), allowed.get()));
  if (!text.ends(picked.token)) TRY(constraint->take(picked.token));
  return picked;
}

void Scheduler::give_vector(Writing& writing) {
  Result<std::vector<float>> vector = writing.pooled->vector();
  if (!vector) return fail(writing.request, std::move(vector.error()));
  Event event{.kind = Event::Kind::ended};
  event.vector = std::move(*vector);
  end(writing, Stop::end, std::move(event));
}

// False: the request has failed.
bool Scheduler::give_scores(Writing& writing) {
  Result<std::vector<Choice>> scores = writing.scores->take();
  if (!scores) return fail(writing.request, std::move(scores.error())), false;
  writing.scores.reset();
  Event event{.kind = Event::Kind::scored};
  event.scores = std::move(*scores);
  say(writing.request, std::move(event));
  return true;
}

void Scheduler::choose_once() {
  engine_.pool().run(static_cast<int>(choosing_.size()), [&](int i, int) {
    Writing& writing = *choosing_[static_cast<size_t>(i)];
    Result<Choice> choice = writing.choose();
    if (choice)
      writing.choice = std::move(*choice);
    else
      writing.error = std::move(choice.error());
  });
  for (Writing* writing : choosing_) {
    if (writing->state == Writing::State::over) continue;  // another answer of its request has failed
    if (writing->error)
      fail(writing->request, std::move(*writing->error));
    else
      take_token(*writing, std::move(*writing->choice));
    writing->choice.reset();
  }
}

void Scheduler::take_token(Writing& writing, Choice choice) {
  if (writing.text.ends(choice.token)) {
    Event event{.kind = Event::Kind::ended};
    event.choice = std::move(choice);
    return end(writing, Stop::end, std::move(event));
  }
  ++writing.made;
  ++totals_.answer_tokens;
  writing.next = choice.token;
  Event event{.kind = Event::Kind::token};
  event.answer = writing.answer;
  event.parts = writing.text.push(choice.token);
  event.thinking = writing.text.thinking();
  event.choice = std::move(choice);
  say(writing.request, std::move(event));
  if (writing.text.stopped() || (writing.constraint && writing.constraint->finished())) return end(writing, Stop::end);
  const bool whole = writing.constraint && writing.constraint->whole();
  if (writing.made == writing.request->ask_.max_tokens) return end(writing, whole ? Stop::end : Stop::length);
  if (writing.session.room() == 0) return end(writing, whole ? Stop::end : Stop::context);
}

void Scheduler::end(Writing& writing, Stop stop, Event event) {
  event.answer = writing.answer;
  event.parts = writing.text.finish();
  event.stop = stop;
  event.drafts = writing.drafts;
  event.thinking_tokens = writing.text.thinking_tokens();
  event.stopped_by = writing.text.stopped_by();
  say(writing.request, std::move(event));
  writing.state = Writing::State::over;
  if (--writing.request->open_ == 0) say(writing.request, Event{.kind = Event::Kind::done});
}

void Scheduler::fail(const std::shared_ptr<Request>& request, Error error) {
  Event event{.kind = Event::Kind::failed};
  event.error = std::move(error);
  say(request, std::move(event));
  for (auto& writing : writing_)
    if (writing->request == request) writing->state = Writing::State::over;
}

// Who reads the end of an answer and then asks for the counts finds it counted.
void Scheduler::give_out() {
  update_counts();
  for (auto& [request, events] : outgoing_) request->put(std::move(events));
  outgoing_.clear();
}

void Scheduler::retire() {
  for (auto& writing : writing_)
    if (writing->state == Writing::State::over) keep(std::move(writing->session), writing->request->ask_);
  std::erase_if(writing_, [](const auto& writing) { return writing->state == Writing::State::over; });
}

void Scheduler::update_counts() {
  totals_.running = static_cast<int>(writing_.size());
  totals_.cache_positions = options_.cache_positions;
  totals_.cache_used = 0;
  for (const auto& writing : writing_) totals_.cache_used += writing->session.capacity();
  const std::lock_guard lock(mutex_);
  counts_ = totals_;
}

SchedulerCounts Scheduler::counts() const {
  const std::lock_guard lock(mutex_);
  SchedulerCounts counts = counts_;
  counts.waiting = accepted_;
  if (const WeightStore* store = engine_.model().store()) counts.experts = store->counts();
  if (options_.prefixes) counts.disk = options_.prefixes->store().counts();
  return counts;
}

}  // namespace freehold
