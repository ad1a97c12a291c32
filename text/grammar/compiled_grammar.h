// CompiledGrammar: a grammar over one vocabulary. Answers that follow it share what it has worked out: where bytes
// lead, and which tokens fit in which place. Any number of threads may use one.
//
// GrammarPlace: how far one answer has come.
#pragma once

#include <limits>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "text/grammar/byte_machine.h"
#include "text/grammar/vocabulary_tree.h"

namespace freehold {

// Tokens that may come next; where the answer may end, those that end it are among them.
class TokenMask {
 public:
  TokenMask(std::vector<uint64_t> bits, bool may_end, int32_t furthest = 0);

  int count() const { return count_; }
  // How many bytes may be needed to come to an end after one of them.
  int32_t furthest() const { return furthest_; }
  bool may_end() const { return may_end_; }
  bool allows(Token token) const;
  TokenMask with(std::span<const Token> more) const;  // these too
  // In ascending order.
  template <class F>
  void each(F&& tell) const {
    for (const Token token : few_) tell(token);
    for (size_t i = 0; i < bits_.size(); ++i)
      for (uint64_t word = bits_[i]; word != 0; word &= word - 1)
        tell(static_cast<Token>(64 * i) + static_cast<Token>(__builtin_ctzll(word)));
  }
  size_t bytes() const { return sizeof *this + few_.size() * sizeof(Token) + bits_.size() * sizeof(uint64_t); }

 private:
  std::vector<Token> few_;  // all of them where they are few
  std::vector<uint64_t> bits_;
  int count_ = 0;
  bool may_end_;
  int32_t furthest_;
};

inline constexpr int any_number_left = std::numeric_limits<int>::max();

class CompiledGrammar : public std::enable_shared_from_this<CompiledGrammar> {
 public:
  // The first mask is worked out too, so that a grammar that asks for too much is refused here.
  static Result<std::shared_ptr<CompiledGrammar>> make(const Grammar& grammar,
                                                       std::shared_ptr<const VocabularyTree> vocabulary);
  const VocabularyTree& vocabulary() const { return *vocabulary_; }

 private:
  friend class GrammarPlace;
  using Config = ByteMachine::Config;
  CompiledGrammar(Program program, std::shared_ptr<const VocabularyTree> vocabulary);
  size_t open();
  void close(size_t place);
  Result<std::shared_ptr<const TokenMask>> mask(size_t place, int left);
  Result<std::shared_ptr<const TokenMask>> whole_mask(Config from);
  std::shared_ptr<const TokenMask> hurried_mask(Config from, int left);
  bool fits_in(Config from, int left);
  int tokens_to_end(Config from, int most);
  Config after_longest_token(Config from);
  bool accept(size_t place, std::string_view bytes);
  bool finished(size_t place);
  bool may_end(size_t place);
  void free_memory();
  bool takes_plain_text(Config from, int characters, int32_t& furthest);
  template <class Fits>
  void walk(const VocabularyTree::Tree& tree, Config from, std::vector<uint64_t>& bits, int32_t& furthest, Fits fits);

  const std::shared_ptr<const VocabularyTree> vocabulary_;
  // Plain characters: of each way they look in UTF-8, one byte of each class for each place.
  std::vector<std::vector<std::vector<uint8_t>>> plain_;
  std::mutex mutex_;  // of all below
  ByteMachine machine_;
  std::vector<Config> places_;  // of answers
  std::vector<size_t> unused_;  // of places_
  std::unordered_map<Config, std::shared_ptr<const TokenMask>> masks_;
  size_t mask_bytes_ = 0;
  std::vector<Config> path_, way_;
  struct Tokens {
    int count;
    bool exact;  // else there are as many, or more
  };
  std::unordered_map<Config, Tokens> to_end_;  // of tokens_to_end
};

class GrammarPlace {
 public:
  explicit GrammarPlace(std::shared_ptr<CompiledGrammar> grammar)
      : grammar_(std::move(grammar)), place_(grammar_->open()) {}
  GrammarPlace(GrammarPlace&& other) noexcept : grammar_(std::move(other.grammar_)), place_(other.place_) {}
  GrammarPlace& operator=(GrammarPlace&& other) noexcept {
    std::swap(grammar_, other.grammar_);
    std::swap(place_, other.place_);
    return *this;
  }
  ~GrammarPlace() {
    if (grammar_) grammar_->close(place_);
  }

  // What fits next. An error where the grammar asks for more work than it may, or no token fits. Where `left` tokens
  // may still come, only those after which the answer can become whole with the others; all, where there are none.
  Result<std::shared_ptr<const TokenMask>> mask(int left = any_number_left) { return grammar_->mask(place_, left); }
  // Goes on with this text; false, and the place is lost, where it does not fit.
  bool accept(std::string_view bytes) { return grammar_->accept(place_, bytes); }
  bool may_end() { return grammar_->may_end(place_); }
  bool finished() { return grammar_->finished(place_); }  // nothing can follow
  const CompiledGrammar& grammar() const { return *grammar_; }

 private:
  std::shared_ptr<CompiledGrammar> grammar_;
  size_t place_;
};

}  // namespace freehold
