#include "text/grammar/compiler.h"

#include <algorithm>

namespace freehold {
namespace {

constexpr uint64_t most_work = 50'000'000;  // looks at nodes, to find what may be empty

ByteSet one_byte(unsigned char byte) {
  ByteSet set;
  set.set(byte);
  return set;
}

ByteSet byte_range(unsigned first, unsigned last) {
  ByteSet set;
  for (unsigned byte = first; byte <= last; ++byte) set.set(byte);
  return set;
}

}  // namespace

Result<Program> Program::compile(const Grammar& grammar) { return Compiler(grammar).run(); }

Result<Program> Compiler::run() {
  if (grammar_.too_large())
    return out_of_resources("grammar: over {} rules or {} MiB", limits::grammar_rules, limits::grammar_bytes >> 20);
  for (const Grammar::Named& rule : grammar_.rules())
    if (rule.node < 0) return malformed("grammar: rule {} is not defined", printable(rule.name));
  TRY(find_empty_rules());
  add({});                                                                            // end_state
  for (size_t i = 0; i < grammar_.rules().size(); ++i) starts_.push_back(split({}));  // filled below: rules call ahead
  for (size_t i = 0; i < starts_.size(); ++i) set_ways(starts_[i], {build(grammar_.rules()[i].node, end_state)});
  if (!unfit_.empty()) return unsupported("grammar: {}", unfit_);
  if (too_large_) return out_of_resources("grammar: takes more than {} states", limits::grammar_states);
  program_.start_ = starts_[static_cast<size_t>(grammar_.root())];
  TRY(check());
  return std::move(program_);
}

Result<Done> Compiler::find_empty_rules() {
  empty_.resize(grammar_.rules().size());
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < empty_.size(); ++i)
      if (!empty_[i] && fits_empty(grammar_.rules()[i].node)) empty_[i] = changed = true;
    if (work_ > most_work) return out_of_resources("grammar: too many rules that may be empty");
  }
  return Done{};
}

bool Compiler::fits_empty(Node node) {
  ++work_;
  const Grammar::Part& part = grammar_.at(node);
  const auto fits = [&](Node inner) { return fits_empty(inner); };
  switch (part.kind) {
    case Grammar::Kind::sequence:
      return std::all_of(part.parts.begin(), part.parts.end(), fits);
    case Grammar::Kind::choice:
      return std::any_of(part.parts.begin(), part.parts.end(), fits);
    case Grammar::Kind::literals:
      return std::any_of(part.texts.begin(), part.texts.end(), [](const std::string& text) { return text.empty(); });
    case Grammar::Kind::chars:
      return false;
    case Grammar::Kind::repeat:
      return part.least == 0 || fits_empty(part.parts[0]);
    case Grammar::Kind::sized:
      return part.least == 0 && fits_empty(part.parts[0]);
    case Grammar::Kind::call:
      return empty_[static_cast<size_t>(part.rule)];
  }
  return false;
}

Compiler::State Compiler::add(Step step) {
  if (program_.steps_.size() >= limits::grammar_states) {
    too_large_ = true;
    return end_state;
  }
  program_.steps_.push_back(step);
  return static_cast<State>(program_.steps_.size() - 1);
}

Compiler::State Compiler::bytes(const ByteSet& set, State next) {
  const auto [id, fresh_set] = set_ids_.try_emplace(set, static_cast<int>(program_.sets_.size()));
  if (fresh_set) program_.sets_.push_back(set);
  const auto [state, fresh] = byte_states_.try_emplace({id->second, next}, -1);
  if (fresh) state->second = add({.kind = Kind::bytes, .a = id->second, .next = next});
  return state->second;
}

Compiler::State Compiler::text(std::string_view text, State next) {
  for (size_t i = text.size(); i-- > 0;) next = bytes(one_byte(static_cast<unsigned char>(text[i])), next);
  return next;
}

Compiler::State Compiler::split(const std::vector<State>& ways) {
  if (ways.size() == 1) return ways[0];
  const State state = add({.kind = Kind::split, .a = 0, .b = 0});
  set_ways(state, ways);
  return state;
}

void Compiler::set_ways(State state, const std::vector<State>& ways) {
  if (state == end_state) return;  // over the limit
  Step& step = program_.steps_[static_cast<size_t>(state)];
  step.a = static_cast<int32_t>(program_.nexts_.size());
  step.b = static_cast<int32_t>(ways.size());
  program_.nexts_.insert(program_.nexts_.end(), ways.begin(), ways.end());
}

Compiler::State Compiler::call(State rule, int least, int most, State next) {
  return add({.kind = Kind::call, .a = rule, .next = next, .least = least, .most = most});
}

Compiler::State Compiler::build(Node node, State next) {
  if (too_large_) return end_state;
  const Grammar::Part& part = grammar_.at(node);
  switch (part.kind) {
    case Grammar::Kind::sequence:
      for (size_t i = part.parts.size(); i-- > 0;) next = build(part.parts[i], next);
      return next;
    case Grammar::Kind::choice: {
      std::vector<State> ways;
      for (const Node way : part.parts) ways.push_back(build(way, next));
      return split(ways);
    }
    case Grammar::Kind::literals: {
      if (part.texts.size() == 1) return text(part.texts[0], next);
      std::vector<std::string> texts = part.texts;
      std::sort(texts.begin(), texts.end());
      texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
      return build_literals(texts, 0, texts.size(), 0, next);
    }
    case Grammar::Kind::chars:
      return build_chars(part.set, part.writing, next);
    case Grammar::Kind::repeat:
      return build_repeat(part, next);
    case Grammar::Kind::sized:
      return build_sized(part, next);
    case Grammar::Kind::call:
      return call(starts_[static_cast<size_t>(part.rule)], 1, 1, next);
  }
  return next;
}

// Texts first..last, sorted and apart, which are the same up to `from`: a tree, so that no two ways begin alike.
Compiler::State Compiler::build_literals(const std::vector<std::string>& texts, size_t first, size_t last, size_t from,
                                         State next) {
  if (first == last) return split({});
  const std::string &low = texts[first], &high = texts[last - 1];
  const auto begin = low.begin() + static_cast<std::ptrdiff_t>(from);
  const size_t same = static_cast<size_t>(
      std::mismatch(begin, low.end(), high.begin() + static_cast<std::ptrdiff_t>(from), high.end()).first - begin);
  const size_t at = from + same;
  std::vector<State> ways;
  size_t i = first;
  if (low.size() == at) {
    ways.push_back(next);
    ++i;
  }
  while (i < last) {
    size_t end = i + 1;
    while (end < last && texts[end][at] == texts[i][at]) ++end;
    const State inner = build_literals(texts, i, end, at + 1, next);
    ways.push_back(bytes(one_byte(static_cast<unsigned char>(texts[i][at])), inner));
    i = end;
  }
  return text(std::string_view(low).substr(from, same), split(ways));
}

// One state for each byte that may follow, and for each way a longer character goes on.
Compiler::State Compiler::build_chars(const CharSet& set, Grammar::Writing writing, State next) {
  std::map<State, ByteSet> firsts;  // by what follows the first byte
  CharSet raw = set;
  if (writing == Grammar::Writing::json) {
    CharSet escaped;
    escaped.add(0, 0x1f);
    escaped.add('"');
    escaped.add('\\');
    raw = set.without(escaped);
    ByteSet letters;
    std::vector<State> ways;
    for (const auto& [code, letter] :
         {std::pair{U'"', '"'}, {U'\\', '\\'}, {U'\b', 'b'}, {U'\f', 'f'}, {U'\n', 'n'}, {U'\r', 'r'}, {U'\t', 't'}})
      if (set.contains(code)) letters.set(static_cast<unsigned char>(letter));
    if (letters.any()) ways.push_back(bytes(letters, next));
    for (char32_t code = 0; code < 0x20; ++code) {
      const bool by_letter = (code >= '\b' && code <= '\r' && code != '\v');
      if (by_letter || !set.contains(code)) continue;
      ways.push_back(text(fmt::format("u00{:02x}", static_cast<unsigned>(code)), next));
    }
    if (!ways.empty()) firsts[split(ways)].set('\\');
  }
  for (const CharSet::Range& range : raw.ranges())
    for (const ByteSequence& sequence : utf8_of(range)) {
      State tail = next;
      for (int i = sequence.length - 1; i > 0; --i)
        tail =
            bytes(byte_range(sequence.bytes[static_cast<size_t>(i)].first, sequence.bytes[static_cast<size_t>(i)].last),
                  tail);
      firsts[tail] |= byte_range(sequence.bytes[0].first, sequence.bytes[0].last);
    }
  std::vector<State> ways;
  for (const auto& [tail, first] : firsts) ways.push_back(bytes(first, tail));
  return split(ways);
}

Compiler::State Compiler::build_repeat(const Grammar::Part& part, State next) {
  const Node what = part.parts[0];
  if (part.most == 0) return next;
  if (part.least == 0 && part.most == 1) return split({build(what, next), next});
  if (part.least == 1 && part.most == 1) return build(what, next);
  const bool may_be_empty = fits_empty(what);
  if (part.most < 0 && (part.least <= 1 || may_be_empty)) {
    const State loop = add({.kind = Kind::split, .a = 0, .b = 0});
    const State body = build(what, loop);
    set_ways(loop, {body, next});
    return part.least == 0 || may_be_empty ? loop : body;
  }
  if (may_be_empty) {  // what is empty adds nothing: 0 to `most` of the others
    State first = next;
    for (int i = 0; i < part.most && !too_large_; ++i) first = split({build(what, first), next});
    return first;
  }
  const auto [rule, fresh] = repeated_.try_emplace(what, -1);
  if (fresh) {
    const State body = build(what, end_state);
    repeated_[what] = body;
    return call(body, part.least, part.most, next);
  }
  return call(rule->second, part.least, part.most, next);
}

}  // namespace freehold
