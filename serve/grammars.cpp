#include "serve/grammars.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/fields.h"
#include "text/grammar/dsml_arguments.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/json_grammar.h"
#include "text/grammar/json_schema.h"
#include "text/grammar/regex_grammar.h"

namespace freehold {
namespace {

using Node = Grammar::Node;
using Kind = GrammarAsk::Kind;

constexpr size_t longest_kept = 1 << 20;  // bytes of what was asked

struct Wrong {  // which field, and whether it is its schema
  std::string param;
  bool schema = false;
};

Result<Grammar> grammar_of(const GrammarAsk& ask) {
  const auto text = [&]() -> const std::string& { return ask.value.get_ref<const std::string&>(); };
  if (ask.kind == Kind::regex) return regex_grammar(text());
  if (ask.kind == Kind::gbnf) return gbnf_grammar(text());
  if (ask.kind == Kind::json_object) return json_object_grammar();
  if (ask.kind == Kind::json_schema) return json_schema_grammar(ask.value);
  Grammar grammar;
  grammar.make_root(grammar.literals(ask.value.get<std::vector<std::string>>()));
  return grammar;
}

// Adds the calls of tools to a grammar.
class CallGrammar {
 public:
  CallGrammar(Grammar& grammar, const ToolAsk& tools, Wrong& wrong)
      : g_(grammar), json_(grammar), tools_(tools), form_(*call_form_of(tools.syntax)), wrong_(wrong) {}

  // All calls of an answer, from behind `written`, which is a beginning of them.
  Result<Node> calls(std::string_view written, int most) {
    const bool led = !form_.lead.empty() && written.starts_with(form_.lead);
    std::vector<Node> all, first;
    for (size_t i = 0; i < tools_.list.size(); ++i) {
      const std::string name = tools_.list[i]["function"]["name"];
      if (!tools_.name.empty() && name != tools_.name) continue;
      TRY_ASSIGN(const Node arguments, arguments_of(i));
      const std::string head = name + form_.after_name;
      const Node rest = form_.spaced
                            ? g_.sequence({json_.space(), arguments, json_.space(), g_.literal(form_.after_arguments)})
                            : g_.sequence({arguments, g_.literal(form_.after_arguments)});
      all.push_back(g_.sequence({g_.literal(form_.before_name + head), rest}));
      const std::string begin = (led ? form_.lead : "") + form_.open + form_.before_name + head;
      if (begin.starts_with(written)) first.push_back(g_.sequence({g_.literal(begin.substr(written.size())), rest}));
    }
    const Node more = g_.sequence({g_.literal(form_.between), g_.choice(std::move(all))});
    const int times = form_.between.empty() ? 0 : most - 1;
    const Node lead = written.empty() && !form_.lead.empty() ? g_.optional(g_.literal(form_.lead)) : g_.nothing();
    return g_.sequence({lead, g_.choice(std::move(first)), g_.repeat(more, 0, times), g_.literal(form_.close)});
  }

 private:
  // What fits the parameters. Only a strict function is refused for a schema that is not supported.
  Result<Node> arguments_of(size_t tool) {
    Json schema = tools_.list[tool]["function"]["parameters"];
    if (!schema.contains("type") && !schema.contains("$ref")) schema["type"] = "object";
    const auto fault = [&]() -> std::optional<Error> {  // known only when it has been compiled
      const Result<Grammar> alone = form_.dsml ? dsml_arguments_grammar(schema) : json_schema_grammar(schema);
      if (!alone) return alone.error();
      const Result<Program> program = Program::compile(*alone);
      return program ? std::nullopt : std::optional(program.error());
    }();
    if (!fault) return form_.dsml ? read_dsml_arguments(g_, schema) : read_json_schema(g_, schema);
    if (!tools_.strict[tool]) return form_.dsml ? any_dsml_arguments(g_) : json_.object();
    wrong_ = {fmt::format("tools[{}].function.parameters", tool), true};
    return Failure(*fault);
  }

  Grammar& g_;
  JsonGrammar json_;
  const ToolAsk& tools_;
  const CallForm form_;
  Wrong& wrong_;
};

// Calls alone where the prompt ends in one, or where the grammar is for what follows their mark; else the answer that
// is asked for, or calls.
Result<Grammar> grammar_of(const GrammarAsk& ask, const ToolAsk& tools, const std::string& written, Wrong& wrong) {
  const bool calls_only = !tools.forced.empty() || ask.kind == Kind::none;
  Grammar grammar;
  if (!calls_only) {
    TRY_ASSIGN(grammar, grammar_of(ask));
  }
  TRY_ASSIGN(Node node, CallGrammar(grammar, tools, wrong).calls(written, tools.one_call ? 1 : limits::tool_calls));
  if (!calls_only) node = grammar.choice({grammar.call(grammar.root()), node});
  grammar.make_root(node);
  return grammar;
}

}  // namespace

tl::expected<ConstraintOptions, ApiError> Grammars::constraint(const std::string& user, const GrammarAsk& ask,
                                                               const ToolAsk& tools) {
  using Refused = tl::unexpected<ApiError>;
  const std::optional<CallForm> form = call_form_of(tools.syntax);
  const bool strict = std::find(tools.strict.begin(), tools.strict.end(), true) != tools.strict.end();
  const bool by_mark = form && !form->mark.empty() && strict && tools.forced.empty() && ask.kind == Kind::none;
  const bool with_calls = form && (!tools.forced.empty() || by_mark || ask.kind != Kind::none);
  if (!with_calls && ask.kind == Kind::none) return ConstraintOptions{};

  ConstraintOptions options{.may_think = ask.may_think && tools.forced.empty()};
  if (by_mark) options.mark = form->mark;
  std::string key = fmt::format("{}\n{} {}\n", user, static_cast<int>(ask.kind), ask.value.dump());
  if (with_calls) {
    key += fmt::format("{} {} {} {}\n", tools.forced, tools.one_call, by_mark, tools.list.dump());
    for (const bool one : tools.strict) key += one ? '1' : '0';
  }
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.key == key; });
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    options.grammar = found->grammar;
    return options;
  }
  Wrong wrong{ask.param, ask.kind == Kind::json_schema};
  Result<Grammar> grammar =
      with_calls ? grammar_of(ask, tools, by_mark ? form->mark : tools.forced, wrong) : grammar_of(ask);
  Result<std::shared_ptr<CompiledGrammar>> made =
      grammar ? CompiledGrammar::make(*grammar, tree(with_calls ? tools.syntax : ToolSyntax::none))
              : Result<std::shared_ptr<CompiledGrammar>>(Failure(grammar.error()));
  if (!made) {
    ApiError error = invalid(wrong.param.empty() ? "tools" : wrong.param, made.error().what);
    if (wrong.schema) error.code = "invalid_json_schema";
    return Refused(std::move(error));
  }
  options.grammar = *made;
  if (key.size() <= longest_kept) kept_.push_front({std::move(key), *made});
  if (kept_.size() > limits::grammars) kept_.pop_back();
  return options;
}

std::shared_ptr<const VocabularyTree> Grammars::tree(ToolSyntax tools) {
  std::shared_ptr<const VocabularyTree>& made = trees_[tools];
  if (!made) made = std::make_shared<const VocabularyTree>(tokenizer_, vocabulary_, tools);
  return made;
}

}  // namespace freehold
