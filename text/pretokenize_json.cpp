// The `pre_tokenizer` of a tokenizer.json: a tree of Sequence nodes flattened to steps.
#include "base/limits.h"
#include "text/json_fields.h"
#include "text/pretokenize_loops.h"
#include "text/pretokenize_steps.h"

namespace freehold {
namespace {

constexpr int deepest = 8;  // sequences in sequences

struct Steps {
  std::vector<std::shared_ptr<const SplitStep>> steps;
  std::vector<Pattern> patterns;  // as long as all steps are loops
  bool all_loops = true;
  bool byte_level = false;

  void add(Pattern pattern) {
    steps.push_back(loop_step(pattern));
    patterns.push_back(pattern);
  }
  void add(std::shared_ptr<const SplitStep> step) {
    steps.push_back(std::move(step));
    all_loops = false;
  }
};

Result<Behavior> behavior_of(const Json& json, std::string_view otherwise, std::string_view where) {
  TRY_ASSIGN(const std::string name, json_text_or(json, "behavior", otherwise, where));
  if (name == "Isolated") return Behavior::isolated;
  if (name == "Removed") return Behavior::removed;
  if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
  if (name == "MergedWithNext") return Behavior::merged_with_next;
  if (name == "Contiguous") return Behavior::contiguous;
  return unsupported("{}: split behavior '{}' is not known", where, printable(name));
}

bool ascii_punctuation(char32_t c) { return c < 128 && (classes_of(c) & (punctuation | symbol)); }
bool punctuation_mark(char32_t c) { return ascii_punctuation(c) || (classes_of(c) & punctuation); }
bool white_space(char32_t c) { return (classes_of(c) & space) != 0; }

std::vector<std::shared_ptr<const SplitStep>> bert_steps() {
  return {class_step(white_space, Behavior::removed), class_step(punctuation_mark, Behavior::isolated)};
}

Result<Done> add_split(Steps& steps, const Json& json, const std::string& where) {
  TRY_ASSIGN(const Behavior behavior, behavior_of(json, "", where));
  TRY_ASSIGN(const bool invert, json_flag(json, "invert", false, where));
  const Json* pattern = json_member(json, "pattern");
  if (!pattern || !pattern->is_object()) return malformed("{}: 'pattern' is missing or no object", where);
  if (json_member(*pattern, "String")) {
    TRY_ASSIGN(const std::string text, json_text(*pattern, "String", where));
    TRY_ASSIGN(Regex regex, Regex::literal(text, where));
    steps.add(regex_step(std::move(regex), behavior, invert));
    return Done{};
  }
  TRY_ASSIGN(const std::string expression, json_text(*pattern, "Regex", where));
  const auto known = known_pattern(expression);
  // A loop's gaps and matches are both pieces; so are an inverted one's.
  if (known && behavior == Behavior::isolated) {
    steps.add(*known);
    return Done{};
  }
  TRY_ASSIGN(Regex regex, Regex::compile(expression, where));
  steps.add(regex_step(std::move(regex), behavior, invert));
  return Done{};
}

Result<Done> add_byte_level(Steps& steps, const Json& json, const std::string& where) {
  TRY_ASSIGN(const bool leading_space, json_flag(json, "add_prefix_space", true, where));
  TRY_ASSIGN(const bool use_regex, json_flag(json, "use_regex", true, where));
  if (leading_space) steps.add(leading_space_step());
  if (use_regex) steps.add(Pattern::gpt2);
  steps.byte_level = true;
  return Done{};
}

Result<Done> add_node(Steps& steps, const Json& json, const std::string& where, int depth) {
  if (steps.byte_level) return unsupported("{}: a pre-tokenizer behind ByteLevel", where);
  if (depth > deepest || steps.steps.size() >= limits::tokenizer_steps)
    return out_of_resources("{}: more than {} pre-tokenizers, or more than {} deep", where, limits::tokenizer_steps,
                            deepest);
  TRY_ASSIGN(const std::string type, json_type(json, where));
  if (type == "Sequence") {
    const Json* list = json_member(json, "pretokenizers");
    if (!list || !list->is_array()) return malformed("{}: Sequence: 'pretokenizers' is missing or no list", where);
    for (const Json& inner : *list) TRY(add_node(steps, inner, where, depth + 1));
    return Done{};
  }
  const std::string here = fmt::format("{}: {}", where, printable(type));
  if (type == "Split") return add_split(steps, json, here);
  if (type == "ByteLevel") return add_byte_level(steps, json, here);
  if (type == "Digits") {
    TRY_ASSIGN(const bool single, json_flag(json, "individual_digits", false, here));
    steps.add(single ? Pattern::number : Pattern::numbers);
  } else if (type == "Punctuation") {
    TRY_ASSIGN(const Behavior behavior, behavior_of(json, "Isolated", here));
    steps.add(class_step(punctuation_mark, behavior));
  } else if (type == "WhitespaceSplit") {
    steps.add(class_step(white_space, Behavior::removed));
  } else if (type == "Whitespace") {
    TRY_ASSIGN(Regex regex, Regex::compile(R"(\w+|[^\w\s]+)", here));
    steps.add(regex_step(std::move(regex), Behavior::removed, true));
  } else if (type == "BertPreTokenizer") {
    for (auto& step : bert_steps()) steps.add(std::move(step));
  } else {
    return unsupported("{}: pre-tokenizer '{}' is not known", where, printable(type));
  }
  return Done{};
}

}  // namespace

PreTokenizer PreTokenizer::bert() {
  PreTokenizer result;
  result.steps_ = bert_steps();
  result.name_ = "bert";
  return result;
}

Result<PreTokenizer> PreTokenizer::from_json(const Json& json, std::string_view file) {
  PreTokenizer result;
  if (json.is_null()) return result;
  Steps steps;
  TRY(add_node(steps, json, fmt::format("{}: pre_tokenizer", file), 0));
  result.steps_ = std::move(steps.steps);
  result.byte_level_ = steps.byte_level;
  result.name_ = steps.byte_level && steps.all_loops ? family_of(steps.patterns) : "custom";
  return result;
}

}  // namespace freehold
