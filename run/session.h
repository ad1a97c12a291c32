// Session: one timeline of tokens over a shared, immutable model. It owns its keys and values; the tokens whose keys
// are in the cache are `tokens()`, and `logits()` are those after the last of them. One owner, the engine's thread.
//
// run_pass() is the seam for a scheduler: it takes the next tokens of several sessions through one pass. What a session
// does alone is an pass of one; the bits are the same either way.
//
// With drafts (run/drafts.h) a pass computes guesses of the tokens to come behind the one that is known. They are no
// part of the timeline: a guess that comes true is taken over from what was computed, rows of the others are
// overwritten.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "run/changes.h"
#include "run/drafts.h"
#include "run/engine.h"
#include "run/pooled.h"
#include "run/prediction.h"
#include "run/prompt_scores.h"

namespace freehold {

inline constexpr int prefill_chunk = 512;  // tokens in a pass of a prompt; between two passes one may cancel

// Called before each pass of a prompt and at its end; false cancels.
using Progress = std::function<bool(int done, int total)>;

struct SessionOptions {
  int positions = 0;                      // room, at most the model's context; refused when the memory is not there
  std::vector<Observer*> observers = {};  // must outlive the session
  std::shared_ptr<const Changes> changes = {};
  // Guess tokens to come. Not where observers look on: they would see what never happens.
  bool drafts = false;
};

class Session {
 public:
  static Result<Session> make(Engine& engine, SessionOptions options);

  // Makes the session hold exactly `prefix`: keeps the longest common prefix, computes the rest in chunks. After an
  // error or a cancel it holds the part of the prefix that was reached.
  Result<Done> sync(std::span<const Token> prefix, const Progress& progress = {});
  // One more token; returns the logits after it, valid until the next call.
  Result<std::span<const float>> step(Token token);
  // Forgets all from `position` on. There are no logits until the next step or sync. Refused where the model's cache
  // does not reach back so far; sync then starts over.
  Result<Done> rewind(int position);

  // How many of the first tokens of a prompt are in place with the bits that computing it from nothing would give: as
  // many as it has in common with what is there and, where a model computes prompts in whole blocks (prompt_block), as
  // both compute in the same way.
  int shared(std::span<const Token> prompt) const;
  // A prompt of so many tokens is computed from here on, what is in place being a part of it (shared).
  void begin_prompt(size_t tokens) { blocks_ = blocks_of(tokens); }
  int blocks_of(size_t prompt) const;  // its positions that are computed in whole blocks
  int blocks() const { return std::min(blocks_, position()); }

  // Becomes the first `positions` of `other`, bit for bit what computing them would give; with its logits when that is
  // all of it. False, and as before, where a layer keeps something that cannot be copied so.
  bool copy_prefix(const Session& other, int positions);

  std::span<const Token> tokens() const { return tokens_; }
  std::span<const float> logits() const { return has_logits_ ? logits_ : std::span<const float>{}; }
  int position() const { return static_cast<int>(tokens_.size()); }
  int capacity() const { return options_.positions; }
  int room() const { return capacity() - position(); }
  uint64_t changes() const { return options_.changes ? options_.changes->id : 0; }
  int reused() const { return reused_; }  // tokens that the last sync found in place
  size_t cache_bytes() const { return cache_->bytes(); }

  // Saved state: tokens, keys and values, logits; checksummed, replaced atomically, bound to the engine's fingerprint,
  // the numeric mode and the edits. A restored session goes on with the same bits. Format: the head of
  // session_file.cpp.
  Result<Done> save(const Path& path) const;
  // Refuses files that are damaged or of another model, mode or edits, or longer than the room; then the session is
  // as it was.
  Result<Done> restore(const Path& path);

  // Pages of 64 positions by themselves (run/prefix_store.h): what all layers keep of one that is full; and the one
  // that comes next, with its tokens, at a position where a page begins. Guesses of a layer that predicts end with
  // that.
  Result<size_t> page_bytes() const;  // refused where a layer keeps something else
  std::string copy_of_page(int page) const;
  void append_page(std::span<const Token> tokens, std::string_view bytes);

  // The parts of step() for a scheduler: after which token come which guesses, with their chances; the work of
  // computing it with the first of them; and whether a pass has computed this token already, which is then taken.
  std::span<const double> guess(Token token);
  struct Work;
  Work next_work(int guesses);  // the token of the last guess()
  bool foresaw(Token token);
  const DraftCounts& draft_counts() const { return draft_counts_; }

  friend Result<Done> run_pass(Engine& engine, std::span<const Work> work);

 private:
  Session(Engine& engine, SessionOptions options);
  Result<Done> rewind_to(int position, bool same_follows);
  const Adapter* adapter() const {
    return options_.changes && !options_.changes->adapter.parts.empty() ? &options_.changes->adapter : nullptr;
  }
  void remember_ahead(const Work& work, std::span<const float> logits);
  Engine* engine_;
  SessionOptions options_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Token> tokens_;
  std::vector<float> logits_;
  bool has_logits_ = false;
  int reused_ = 0;
  int blocks_ = 0;  // positions before it are computed in whole blocks

  std::optional<Drafts> drafts_;
  std::optional<Prediction> prediction_;  // where the model predicts
  DraftCounts draft_counts_;
  std::vector<Token> ahead_;             // the next token and its guesses
  double chance_ = 0;                    // of the one guess that was predicted
  size_t computed_ = 0;                  // how many of them the last pass took
  size_t taken_ = 0;                     // and how many are in the timeline
  std::span<const float> ahead_logits_;  // [computed_, vocabulary], as long as no other pass has run
  uint64_t ahead_pass_ = 0;
};

// The next tokens of a session. Without `wants_logits` the head is not run (a chunk inside a prompt).
struct Session::Work {
  Session* session;
  std::span<const Token> tokens;
  bool wants_logits = true;
  int guesses = 0;                 // the last of the tokens are
  Pooled* pooled = nullptr;        // takes in the final states of the tokens; then no logits are wanted
  PromptScores* scores = nullptr;  // of the prompt that the tokens are a part of; not where observers look on
};
// One pass over all of it. Refuses, before computing, tokens outside the vocabulary and sessions without room. Sessions
// with observers go alone, as what they watch is the whole pass.
Result<Done> run_pass(Engine& engine, std::span<const Session::Work> work);

}  // namespace freehold
