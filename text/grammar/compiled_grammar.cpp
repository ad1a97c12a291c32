#include "text/grammar/compiled_grammar.h"

#include <algorithm>
#include <bit>

namespace freehold {
namespace {

constexpr int most_few = 512;         // tokens that are kept as a list
constexpr size_t most_together = 32;  // configurations that plain text may lead to

Failure too_hard() {
  return unsupported("grammar: fits in too many ways at once; more than {} places or {} steps", limits::grammar_places,
                     limits::grammar_steps);
}

}  // namespace

TokenMask::TokenMask(std::vector<uint64_t> bits, bool may_end, int32_t furthest)
    : bits_(std::move(bits)), may_end_(may_end), furthest_(furthest) {
  for (const uint64_t word : bits_) count_ += std::popcount(word);
  if (count_ > most_few) return;
  std::vector<Token> few;
  few.reserve(static_cast<size_t>(count_));
  each([&](Token token) { few.push_back(token); });
  few_ = std::move(few);
  bits_ = {};
}

bool TokenMask::allows(Token token) const {
  if (token < 0) return false;
  if (bits_.empty()) return std::binary_search(few_.begin(), few_.end(), token);
  const size_t word = static_cast<size_t>(token) / 64;
  return word < bits_.size() && ((bits_[word] >> (token % 64)) & 1) != 0;
}

TokenMask TokenMask::with(std::span<const Token> more) const {
  std::vector<uint64_t> bits = bits_;
  const auto allow = [&](Token token) {
    const size_t word = static_cast<size_t>(token) / 64;
    if (word >= bits.size()) bits.resize(word + 1);
    bits[word] |= uint64_t{1} << (token % 64);
  };
  for (const Token token : few_) allow(token);
  for (const Token token : more) allow(token);
  return {std::move(bits), may_end_, furthest_};
}

Result<std::shared_ptr<CompiledGrammar>> CompiledGrammar::make(const Grammar& grammar,
                                                               std::shared_ptr<const VocabularyTree> vocabulary) {
  TRY_ASSIGN(Program program, Program::compile(grammar));
  const std::shared_ptr<CompiledGrammar> made(new CompiledGrammar(std::move(program), std::move(vocabulary)));
  TRY(GrammarPlace(made).mask());
  return made;
}

CompiledGrammar::CompiledGrammar(Program program, std::shared_ptr<const VocabularyTree> vocabulary)
    : vocabulary_(std::move(vocabulary)), machine_(std::move(program)) {
  for (const CharSet::Range& range : VocabularyTree::plain_characters().ranges())
    for (const ByteSequence& sequence : utf8_of(range)) {
      plain_.emplace_back();
      for (int i = 0; i < sequence.length; ++i) {
        const auto [first, last] = sequence.bytes[static_cast<size_t>(i)];
        std::vector<uint8_t>& bytes = plain_.back().emplace_back();
        std::vector<bool> met(static_cast<size_t>(machine_.program().classes()));
        for (int byte = first; byte <= last; ++byte) {
          const uint8_t byte_class = machine_.program().class_of(static_cast<uint8_t>(byte));
          if (!met[byte_class]) bytes.push_back(static_cast<uint8_t>(byte));
          met[byte_class] = true;
        }
      }
    }
}

size_t CompiledGrammar::open() {
  const std::lock_guard lock(mutex_);
  machine_.begin_work();
  const Config start = machine_.start();
  if (unused_.empty()) {
    places_.push_back(start);
    return places_.size() - 1;
  }
  const size_t place = unused_.back();
  unused_.pop_back();
  places_[place] = start;
  return place;
}

void CompiledGrammar::close(size_t place) {
  const std::lock_guard lock(mutex_);
  places_[place] = ByteMachine::nowhere;
  unused_.push_back(place);
}

bool CompiledGrammar::accept(size_t place, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  machine_.begin_work();
  Config at = places_[place];
  for (const char byte : bytes) at = machine_.step(at, static_cast<uint8_t>(byte));
  places_[place] = at;
  return at != ByteMachine::nowhere;
}

bool CompiledGrammar::may_end(size_t place) {
  const std::lock_guard lock(mutex_);
  return machine_.may_end(places_[place]);
}

bool CompiledGrammar::finished(size_t place) {
  const std::lock_guard lock(mutex_);
  return machine_.may_end(places_[place]) && !machine_.may_go_on(places_[place]);
}

void CompiledGrammar::free_memory() {
  if (machine_.bytes() + mask_bytes_ + to_end_.size() * (sizeof(Tokens) + 32) <= limits::grammar_memory) return;
  masks_.clear();
  to_end_.clear();
  mask_bytes_ = 0;
  machine_.keep(places_);
}

Result<std::shared_ptr<const TokenMask>> CompiledGrammar::mask(size_t place, int left) {
  const std::lock_guard lock(mutex_);
  if (!masks_.contains(places_[place])) free_memory();
  TRY_ASSIGN(std::shared_ptr<const TokenMask> mask, whole_mask(places_[place]));
  if (mask->furthest() < left) return mask;  // no more tokens than bytes are needed
  free_memory();
  const std::shared_ptr<const TokenMask> hurried = hurried_mask(places_[place], left);
  return hurried ? hurried : mask;
}

Result<std::shared_ptr<const TokenMask>> CompiledGrammar::whole_mask(Config from) {
  if (const auto found = masks_.find(from); found != masks_.end()) return found->second;
  machine_.begin_work();
  int32_t furthest = 0;
  std::vector<uint64_t> bits((static_cast<size_t>(vocabulary_->size()) + 63) / 64);
  const auto allow = [&](Token token) { bits[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64); };
  for (const VocabularyTree::Tree& tree : vocabulary_->trees()) {
    if (tree.plain_characters > 0 && takes_plain_text(from, tree.plain_characters, furthest))
      std::for_each(tree.tokens.begin(), tree.tokens.end(), allow);
    else
      walk(tree, from, bits, furthest, [](Config) { return true; });
  }
  if (machine_.failed() || from == ByteMachine::nowhere) return too_hard();
  const bool may_end = machine_.may_end(from);
  if (may_end)
    for (const Token token : vocabulary_->ends()) allow(token);
  const auto mask = std::make_shared<const TokenMask>(std::move(bits), may_end, furthest);
  if (mask->count() == 0) return unsupported("grammar: asks for a byte that no token of this model has");
  mask_bytes_ += mask->bytes() + 64;
  masks_.emplace(from, mask);
  return mask;
}

// Null: there is no way to an end with so few tokens, or none was found with the work that is allowed.
std::shared_ptr<const TokenMask> CompiledGrammar::hurried_mask(Config from, int left) {
  machine_.begin_work();
  if (!fits_in(from, left)) return nullptr;
  std::vector<uint64_t> bits((static_cast<size_t>(vocabulary_->size()) + 63) / 64);
  const auto allow = [&](Token token) { bits[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64); };
  int32_t furthest = 0;
  for (const VocabularyTree::Tree& tree : vocabulary_->trees()) {
    int32_t of_text = 0;
    if (tree.plain_characters > 0 && takes_plain_text(from, tree.plain_characters, of_text) && of_text < left)
      std::for_each(tree.tokens.begin(), tree.tokens.end(), allow);
    else
      walk(tree, from, bits, furthest, [&](Config to) { return fits_in(to, left - 1); });
  }
  const bool may_end = machine_.may_end(from);
  if (may_end) std::for_each(vocabulary_->ends().begin(), vocabulary_->ends().end(), allow);
  const auto mask = std::make_shared<const TokenMask>(std::move(bits), may_end, furthest);
  return machine_.failed() || mask->count() == 0 ? nullptr : mask;
}

// Whether `left` tokens are surely enough from here. Fewer bytes always are; the others are looked at where tokens have
// no more bytes than is usual.
bool CompiledGrammar::fits_in(Config from, int left) {
  constexpr int64_t bytes_of_token = 16;
  const int32_t distance = machine_.distance(from);
  return distance <= left || (distance <= bytes_of_token * left && tokens_to_end(from, left) <= left);
}

// How many tokens the shortest way to an end takes where each is as long as it can be; more than `most`: some number
// above it.
int CompiledGrammar::tokens_to_end(Config from, int most) {
  std::vector<Config> way;
  Tokens rest{0, true};
  for (Config at = from; machine_.distance(at) > 0;) {
    const int steps = static_cast<int>(way.size());
    const auto known = to_end_.find(at);
    if (known != to_end_.end() && (known->second.exact || steps + known->second.count > most)) {
      rest = known->second;
      break;
    }
    if (steps == most) {
      rest = {1, false};
      break;
    }
    const Config next = after_longest_token(at);
    if (next == ByteMachine::nowhere) {
      rest = {Program::far, true};
      break;
    }
    way.push_back(std::exchange(at, next));
  }
  for (; !way.empty(); way.pop_back()) {
    rest.count = std::min(rest.count + 1, Program::far);
    to_end_.insert_or_assign(way.back(), rest);
  }
  return rest.count;
}

// On the shortest way to an end; `nowhere` where no token is a beginning of it.
CompiledGrammar::Config CompiledGrammar::after_longest_token(Config from) {
  constexpr size_t longest_looked_at = 64;
  way_.assign(1, from);
  std::string text;
  while (text.size() < longest_looked_at && machine_.distance(way_.back()) > 0) {
    const uint8_t byte = machine_.nearest_byte(way_.back());
    const Config next = machine_.step(way_.back(), byte);
    if (next == ByteMachine::nowhere) return next;
    text += static_cast<char>(byte);
    way_.push_back(next);
  }
  const size_t length = vocabulary_->longest_token(text);
  return length == 0 ? ByteMachine::nowhere : way_[length];
}

// Whether each text of up to so many plain characters fits here; `furthest` learns how far from an end it may lead.
bool CompiledGrammar::takes_plain_text(Config from, int characters, int32_t& furthest) {
  int32_t most = furthest;
  std::vector<Config> now{from}, next, inner, deeper;
  const auto settle = [](std::vector<Config>& configs) {
    std::sort(configs.begin(), configs.end());
    configs.erase(std::unique(configs.begin(), configs.end()), configs.end());
    return configs.size() <= most_together;
  };
  for (int i = 0; i < characters; ++i) {
    next.clear();
    for (const auto& sequence : plain_) {
      inner = now;
      for (const std::vector<uint8_t>& bytes : sequence) {
        deeper.clear();
        for (const Config config : inner)
          for (const uint8_t byte : bytes) {
            const Config to = machine_.step(config, byte);
            if (to == ByteMachine::nowhere) return false;
            deeper.push_back(to);
          }
        inner.swap(deeper);
        if (!settle(inner)) return false;
      }
      next.insert(next.end(), inner.begin(), inner.end());
    }
    if (!settle(next)) return false;
    if (next == now) break;
    for (const Config to : next) most = std::max(most, machine_.distance(to));
    now.swap(next);
  }
  for (const Config to : now) most = std::max(most, machine_.distance(to));
  furthest = most;
  return true;
}

template <class Fits>
void CompiledGrammar::walk(const VocabularyTree::Tree& tree, Config from, std::vector<uint64_t>& bits,
                           int32_t& furthest, Fits fits) {
  path_.resize(static_cast<size_t>(tree.depth) + 1);
  path_[0] = from;
  const int32_t end = static_cast<int32_t>(tree.nodes.size()) - 1;
  for (int32_t i = 0; i < end;) {
    const VocabularyTree::Node& node = tree.nodes[static_cast<size_t>(i)];
    const Config to = machine_.step(path_[node.depth - 1u], node.byte);
    if (to == ByteMachine::nowhere) {
      i = node.skip;
      continue;
    }
    path_[node.depth] = to;
    const int32_t last = tree.nodes[static_cast<size_t>(++i)].tokens;
    if (node.tokens == last || !fits(to)) continue;
    furthest = std::max(furthest, machine_.distance(to));
    for (int32_t k = node.tokens; k < last; ++k) {
      const Token token = tree.tokens[static_cast<size_t>(k)];
      bits[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
    }
  }
}

}  // namespace freehold
