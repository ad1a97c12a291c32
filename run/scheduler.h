// Scheduler: the requests of many people over one engine. One thread calls run() and owns all sessions; any thread may
// submit, cancel and take events.
//
// A step is one pass: the next token of every answer that is being written, and a chunk of the prompts that wait for
// their first token. The chunk is as long as the time that a step may take; so a long prompt slows the others a little
// and never stops them. Within one numeric mode the tokens of an answer do not depend on the company (docs/
// architecture.md), so neither batch nor chunk nor a prefix found in memory shows in a seeded answer.
//
// Fair: each user has a count of the work done for them, and the next prompt is that of the user with the least (a user
// who comes back starts level with the least of those present).
//
// A few streams do not fill a pass: guesses of their next tokens (run/drafts.h) are computed along as far as that makes
// the sum of the answers faster, and not while a prompt is.
//
// A vector of a text (run/pooled.h) is a prompt that is computed whole, like the others and beside them, and nothing
// more. Encoders make nothing else, each text in one pass. Where log probabilities of a prompt are asked for
// (run/prompt_scores.h), it is computed whole as well, and the answer goes on from there.
//
// Sessions that have ended stay, least recently used out first, for the next request of the same user that begins as
// they do. Users never share: what one has asked must not show in the times of another. Where there is a PrefixStore,
// their whole pages go to disk as well, between steps, and come back for a prompt that memory knows less of.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "run/answer_text.h"
#include "run/constraint.h"
#include "run/generate.h"
#include "run/prefix_store.h"
#include "run/sampler.h"
#include "run/session.h"

namespace freehold {

struct Ask {  // what one request wants computed
  std::vector<Token> prompt;
  SamplerSettings sampling;  // answer i > 0 has a seed made of this one and i
  AnswerTextOptions text;
  ConstraintOptions constraint = {};
  int answers = 1;                      // they share the computing of the prompt
  std::optional<Pooling> pooling = {};  // no answer, but one vector of the prompt
  bool score_prompt = false;            // log probabilities of its tokens too, with sampling.top_logprobs beside each
  int max_tokens = -1;                  // below 0: to the end of the context
  std::string user;
  std::shared_ptr<const Changes> changes = {};  // of the model, for this request
  uint64_t changes_id() const { return changes ? changes->id : 0; }
  // What memory has of the prompt is of no use: something is made of every token.
  bool computes_all() const { return pooling || score_prompt; }
};

struct Event {
  enum class Kind : uint8_t {
    begun,     // computing starts; `reused` tokens of the prompt were found in memory or on disk
    progress,  // `computed` tokens of the prompt are done
    scored,    // `scores` of the prompt, where they were asked for: before its first token
    token,     // one more: choice, parts, thinking
    ended,     // one answer: stop, the rest of its parts, choice if a token ended it; or the vector
    done,      // all answers: the last event
    failed,    // error: the last event
  };
  Kind kind;
  int answer = 0;  // which, from 0
  Choice choice{};
  std::vector<Part> parts{};  // the text that became certain with it
  bool thinking = false;      // the token belongs to the thinking
  Stop stop = Stop::end;
  int reused = 0, computed = 0, thinking_tokens = 0;
  DraftCounts drafts{};          // ended
  std::string stopped_by{};      // ended: the text of `stops` that was found
  std::vector<float> vector{};   // ended: what was pooled, of length 1
  std::vector<Choice> scores{};  // scored: of all tokens of the prompt but the first
  Error error{};
};

// A request under way; shared by who asked and the engine.
class Request {
 public:
  std::vector<Event> take();            // what has come since the last call
  void cancel() { cancelled_ = true; }  // nothing more comes; its work ends within one step
  int prompt_tokens() const { return static_cast<int>(ask_.prompt.size()); }

 private:
  friend class Scheduler;
  Request(Ask ask, std::function<void()> wake) : ask_(std::move(ask)), wake_(std::move(wake)) {}
  void put(std::vector<Event> events);
  Ask ask_;
  std::function<void()> wake_;
  std::atomic<bool> cancelled_ = false;
  std::chrono::steady_clock::time_point arrived_ = std::chrono::steady_clock::now();
  int open_ = 0;  // answers that have not ended; of the engine's thread
  std::mutex mutex_;
  std::vector<Event> events_;
};

struct SchedulerOptions {
  int context = 0;              // most positions of one answer with its prompt; 0: 8192, or the model's if fewer
  int64_t cache_positions = 0;  // of all sessions together; 0: half of the memory that is available
  int running = 64;             // answers written at the same time
  int waiting = 128;            // requests that wait, more are refused
  std::chrono::milliseconds patience{60'000};  // how long one waits at most
  std::chrono::milliseconds prompt_time{60};   // of a step, for prompts, while others write
  bool drafts = true;
  PrefixStore* prefixes = nullptr;  // none: sessions that end stay in memory only; must outlive the scheduler
};

struct SchedulerCounts {  // of now, and since the start
  int running = 0, waiting = 0;
  int64_t cache_positions = 0, cache_used = 0;
  uint64_t steps = 0, prompt_tokens = 0, answer_tokens = 0, reused_tokens = 0, asked_tokens = 0;
  uint64_t disk_tokens = 0;  // of those reused: that came from disk
  uint64_t drafts = 0, draft_tokens = 0, draft_tokens_right = 0;
  std::optional<WeightStoreCounts> experts;  // where they do not all stay in memory
  std::optional<SealedStoreCounts> disk;     // where prefixes are kept there
};

class Scheduler {
 public:
  // Engine and tokenizer must outlive it.
  ~Scheduler();
  static Result<std::unique_ptr<Scheduler>> make(Engine& engine, const Tokenizer& tokenizer, SchedulerOptions options);

  // `wake` is called on the engine's thread when events lie in an empty queue; it must not block nor call back. Refuses
  // what could never run (Fault::usage) and what has no place at the moment (Fault::resources).
  Result<std::shared_ptr<Request>> submit(Ask ask, std::function<void()> wake);

  void run();   // until stop(); then all that is under way ends as cancelled
  void stop();  // from any thread
  bool step();  // for tests without a thread: false when there is nothing to do

  SchedulerCounts counts() const;
  int context() const { return options_.context; }
  const SchedulerOptions& options() const { return options_; }

 private:
  struct Writing;  // one answer
  struct Kept;     // a session that has ended
  using Clock = std::chrono::steady_clock;
  Scheduler(Engine& engine, const Tokenizer& tokenizer, SchedulerOptions options);
  int positions_of(const Ask& ask) const;
  // Admission: scheduler_admission.cpp.
  void take_inbox();
  void drop_lost();
  void admit_waiting();
  Result<bool> admit(const std::shared_ptr<Request>& request);
  Result<Session> session_for(const Ask& ask, int positions, int& reused);
  bool make_room(int64_t positions, const Session* spared);
  bool make_room_by_one(const Session* spared);
  void keep(Session session, const Ask& ask);
  // Prefixes on disk: scheduler_disk.cpp.
  void look_on_disk(Writing& writing, int reused);
  void take_from_disk();
  void say_begun(Writing& writing, int reused, int from_disk);
  void save_pages(int most);
  void charge(const std::string& user, int64_t work) { charges_[user] += work; }
  // A step: scheduler.cpp.
  void choose_work();
  void choose_next_tokens(bool alone);
  void compute();
  void prompt_done(Writing& writing);
  void give_vector(Writing& writing);
  bool give_scores(Writing& writing);
  void choose_tokens();
  void choose_once();
  void take_token(Writing& writing, Choice choice);
  void end(Writing& writing, Stop stop, Event event = {.kind = Event::Kind::ended});
  void fail(const std::shared_ptr<Request>& request, Error error);
  void retire();
  void give_out();
  void update_counts();
  void say(const std::shared_ptr<Request>& request, Event event) { outgoing_[request].push_back(std::move(event)); }

  Engine& engine_;
  const Tokenizer& tokenizer_;
  SchedulerOptions options_;

  mutable std::mutex mutex_;  // of what stands up to the next blank line
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<Request>> inbox_;
  bool stopping_ = false;
  int accepted_ = 0;  // requests in inbox_ and waiting_
  SchedulerCounts counts_;

  // Of the engine's thread.
  std::list<std::shared_ptr<Request>> waiting_;
  std::vector<std::unique_ptr<Writing>> writing_;
  std::list<Kept> kept_;  // least recently used first
  bool unsaved_ = false;  // some of them have pages that are not yet handed over
  int64_t used_positions_ = 0;
  std::map<std::string, int64_t> charges_;
  std::map<std::shared_ptr<Request>, std::vector<Event>> outgoing_;
  std::vector<Session::Work> work_;
  std::vector<Writing*> worked_;    // whose work it is
  std::vector<Writing*> choosing_;  // those with logits to choose from
  double prompt_rate_ = 0;          // rows of prompts a second, of late
  SchedulerCounts totals_;
};

}  // namespace freehold
