#include "text/jinja/parser.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "text/jinja/filters.h"
#include "text/jinja/lexer.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {
namespace {

using Kind = Expression::Kind;
constexpr int expression_depth = 250;  // chains of filters and attributes, each a level

bool is_constant_name(std::string_view name) {
  return name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None";
}

class Parser {
 public:
  explicit Parser(std::string_view source) : tree_(std::make_shared<Template>()) {
    tree_->source = normalized_source(source);
    lexer_.emplace(tree_->source);
  }

  Result<std::shared_ptr<const Template>> parse() {
    TRY(advance());
    TRY(advance());
    TRY_ASSIGN(tree_->body, parse_block({}));
    if (!unknown_.empty()) return unknown_failure();
    return std::shared_ptr<const Template>(tree_);
  }
  int line() const { return unknown_.empty() ? token_.line : unknown_.front().line; }

 private:
  // --- tokens ---------------------------------------------------------------------------------------------------
  Result<Done> advance() {
    token_ = std::move(ahead_);
    auto next = lexer_->next();
    if (!next) {
      token_.line = lexer_->line();
      return Failure(std::move(next.error()));
    }
    ahead_ = std::move(*next);
    return Done{};
  }
  static bool is_symbol(const Token& token, std::string_view symbol) {
    return token.kind == Token::Kind::symbol && token.text == symbol;
  }
  bool at_symbol(std::string_view symbol) const { return is_symbol(token_, symbol); }
  bool at_word(std::string_view word) const { return token_.kind == Token::Kind::name && token_.text == word; }
  Result<bool> skip_symbol(std::string_view symbol) {
    if (!at_symbol(symbol)) return false;
    TRY(advance());
    return true;
  }
  Result<bool> skip_word(std::string_view word) {
    if (!at_word(word)) return false;
    TRY(advance());
    return true;
  }
  std::string found() const {
    switch (token_.kind) {
      case Token::Kind::end:
        return "the end of the template";
      case Token::Kind::block_end:
        return "the end of the tag";
      case Token::Kind::variable_end:
        return "the end of the tag";
      case Token::Kind::string:
        return "a string";
      default:
        return fmt::format("'{}'", printable(token_.text, 40));
    }
  }
  Failure expected(std::string_view what) const { return syntax_error("expected {}, found {}", what, found()); }
  Result<Done> expect_symbol(std::string_view symbol) {
    if (!at_symbol(symbol)) return expected(fmt::format("'{}'", symbol));
    return advance();
  }
  Result<Done> expect_word(std::string_view word) {
    if (!at_word(word)) return expected(fmt::format("'{}'", word));
    return advance();
  }
  Result<Done> expect_block_end() {
    if (token_.kind != Token::Kind::block_end) return expected("the end of the tag");
    return advance();
  }
  Result<std::string_view> expect_name() {
    if (token_.kind != Token::Kind::name) return expected("a name");
    if (is_digit(character_at(token_.text, 0))) return expected("a name");
    const std::string_view name = token_.text;
    TRY(advance());
    return name;
  }

  // --- depth ----------------------------------------------------------------------------------------------------
  struct Level {
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    int& depth_;
  };
  Result<Done> check_nesting() const {
    if (nesting_ <= limits::template_nesting) return Done{};
    return over_limit("tags and brackets inside each other more than {} deep", limits::template_nesting);
  }

  // --- names, filters and tests ---------------------------------------------------------------------------------
  Name name_id(std::string_view name) {
    const auto [entry, is_new] = ids_.try_emplace(std::string(name), static_cast<Name>(tree_->names.size()));
    if (is_new) tree_->names.emplace_back(name);
    return entry->second;
  }
  void note_use(std::string_view name) {
    for (Macro* macro : macros_) {
      macro->uses_varargs |= name == "varargs";
      macro->uses_kwargs |= name == "kwargs";
      macro->uses_caller |= name == "caller";
    }
    if (name == "loop")
      for (Statement* loop : loops_) loop->uses_loop = true;
  }
  Failure unknown_failure() const { return syntax_error("no {}", unknown_.front().what); }
  // Filters and tests that do not exist are an error of their own scope, but not within a condition.
  struct Unknown {
    int line;
    std::string what;
  };

  Text source_text(std::string_view bytes) const { return Text(std::string(bytes), Author::the_template); }

  Result<ExpressionPtr> node(Kind kind, int line, std::vector<ExpressionPtr> operands = {}) {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->line = line;
    made->operands = std::move(operands);
    TRY(measure(*made));
    return made;
  }
  Result<Done> measure(Expression& made) const {
    const auto count = [&](const ExpressionPtr& child) {
      if (child) made.depth = std::max(made.depth, child->depth + 1);
    };
    for (const auto& operand : made.operands) count(operand);
    for (const auto& argument : made.arguments.positional) count(argument);
    for (const auto& argument : made.arguments.named) count(argument.second);
    count(made.arguments.star);
    count(made.arguments.double_star);
    if (made.depth > expression_depth) return over_limit("an expression more than {} levels deep", expression_depth);
    return Done{};
  }
  static std::vector<ExpressionPtr> one(ExpressionPtr a) {
    std::vector<ExpressionPtr> list;
    list.push_back(std::move(a));
    return list;
  }

  Result<Block> parse_block(std::initializer_list<std::string_view> ends);
  Result<Block> parse_body(std::initializer_list<std::string_view> ends);
  Result<std::unique_ptr<Statement>> parse_statement();
  Result<Done> parse_for(Statement&);
  Result<Done> parse_if(Statement&);
  Result<Done> parse_set(Statement&);
  Result<Done> parse_macro(Statement&);
  Result<Done> parse_call(Statement&);
  Result<Done> parse_signature(Macro&);
  Result<Block> parse_macro_body(Macro&, std::string_view end);
  Result<Done> parse_with(Statement&);
  Result<Done> skip_load(Statement&);
  template <class F>
  Result<Done> own_scope(F&& parse);  // unknown filters in it are errors even within an if

  Result<Target> parse_target(bool with_namespace, std::string_view end_word = {});
  Result<Target> parse_one_target(bool with_namespace);

  bool at_tuple_end(std::string_view end_word) const {
    return token_.kind == Token::Kind::block_end || token_.kind == Token::Kind::variable_end || at_symbol(")") ||
           (!end_word.empty() && at_word(end_word));
  }
  enum class Conditional { allowed, not_allowed };
  Result<ExpressionPtr> parse_tuple(Conditional, std::string_view end_word = {}, bool in_parentheses = false);
  Result<ExpressionPtr> parse_expression(Conditional conditional = Conditional::allowed);
  Result<ExpressionPtr> parse_conditional();
  Result<ExpressionPtr> parse_or();
  Result<ExpressionPtr> parse_and();
  Result<ExpressionPtr> parse_not();
  Result<ExpressionPtr> parse_comparison();
  Result<ExpressionPtr> parse_sum();
  Result<ExpressionPtr> parse_concatenation();
  Result<ExpressionPtr> parse_product();
  Result<ExpressionPtr> parse_power();
  Result<ExpressionPtr> parse_unary(bool with_filters = true);
  Result<ExpressionPtr> parse_primary();
  Result<ExpressionPtr> parse_list();
  Result<ExpressionPtr> parse_map();
  Result<ExpressionPtr> parse_postfix(ExpressionPtr);
  Result<ExpressionPtr> parse_subscript(ExpressionPtr);
  Result<ExpressionPtr> parse_call_of(ExpressionPtr);
  Result<ExpressionPtr> parse_filters_and_tests(ExpressionPtr);
  Result<ExpressionPtr> parse_filter(ExpressionPtr);
  Result<ExpressionPtr> parse_filter_chain(bool needs_pipe);
  Result<ExpressionPtr> parse_test(ExpressionPtr);
  Result<Done> parse_arguments(ArgumentList&);
  Result<std::string> parse_dotted_name();

  std::shared_ptr<Template> tree_;
  std::optional<Lexer> lexer_;
  Token token_, ahead_;
  std::unordered_map<std::string, Name> ids_;
  std::vector<Macro*> macros_;     // whose bodies we are in
  std::vector<Statement*> loops_;  // whose bodies we are in
  int breakable_ = 0;              // loops around us within this macro
  int nesting_ = 0;
  std::vector<Unknown> unknown_;
};

// --- statements -------------------------------------------------------------------------------------------------

Result<Block> Parser::parse_block(std::initializer_list<std::string_view> ends) {
  Level level(nesting_);
  TRY(check_nesting());
  Block block;
  for (;;) {
    auto statement = std::make_unique<Statement>();
    statement->line = token_.line;
    switch (token_.kind) {
      case Token::Kind::data:
        statement->kind = Statement::Kind::data;
        statement->text = source_text(token_.text);
        TRY(advance());
        break;
      case Token::Kind::variable_begin: {
        TRY(advance());
        statement->kind = Statement::Kind::output;
        TRY_ASSIGN(auto expression, parse_tuple(Conditional::allowed));
        statement->expressions = one(std::move(expression));
        if (token_.kind != Token::Kind::variable_end) return expected("'}}'");
        TRY(advance());
        break;
      }
      case Token::Kind::block_begin: {
        TRY(advance());
        if (std::find_if(ends.begin(), ends.end(), [this](auto end) { return at_word(end); }) != ends.end())
          return block;
        TRY_ASSIGN(statement, parse_statement());
        TRY(expect_block_end());
        break;
      }
      default:
        if (ends.size() == 0) return block;
        return syntax_error("the template ends before '{}'", *(ends.end() - 1));
    }
    block.push_back(std::move(statement));
  }
}

// The statements after a tag, up to one of `ends`, at which the parser stands then.
Result<Block> Parser::parse_body(std::initializer_list<std::string_view> ends) {
  TRY(skip_symbol(":"));
  TRY(expect_block_end());
  return parse_block(ends);
}

template <class F>
Result<Done> Parser::own_scope(F&& parse) {
  const size_t before = unknown_.size();
  TRY(parse());
  if (unknown_.size() > before) {
    unknown_.erase(unknown_.begin(), unknown_.begin() + static_cast<ptrdiff_t>(before));
    return unknown_failure();
  }
  return Done{};
}

Result<std::unique_ptr<Statement>> Parser::parse_statement() {
  auto made = std::make_unique<Statement>();
  Statement& statement = *made;
  statement.line = token_.line;
  if (token_.kind != Token::Kind::name) return expected("the name of a tag");
  const std::string_view tag = token_.text;
  if (tag == "for") {
    TRY(parse_for(statement));
  } else if (tag == "if") {
    TRY(parse_if(statement));
  } else if (tag == "set") {
    TRY(parse_set(statement));
  } else if (tag == "macro") {
    TRY(parse_macro(statement));
  } else if (tag == "call") {
    TRY(parse_call(statement));
  } else if (tag == "filter") {
    TRY(advance());
    statement.kind = Statement::Kind::filter;
    const auto inside = own_scope([&]() -> Result<Done> {
      TRY_ASSIGN(auto chain, parse_filter_chain(false));
      statement.expressions = one(std::move(chain));
      TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endfilter"}));
      return advance();
    });
    TRY(inside);
  } else if (tag == "with") {
    TRY(own_scope([&] { return parse_with(statement); }));
  } else if (tag == "generation") {
    TRY(advance());
    statement.kind = Statement::Kind::scope;
    const int outside = std::exchange(breakable_, 0);
    const auto inside = own_scope([&]() -> Result<Done> {
      TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endgeneration"}));
      return advance();
    });
    TRY(inside);
    breakable_ = outside;
  } else if (tag == "block") {
    TRY(advance());
    statement.kind = Statement::Kind::scope;
    TRY_ASSIGN(const auto name, expect_name());
    while (at_word("scoped") || at_word("required")) TRY(advance());
    const int outside = std::exchange(breakable_, 0);
    const auto inside = own_scope([&]() -> Result<Done> {
      TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endblock"}));
      TRY(advance());
      return at_word(name) ? advance() : Result<Done>(Done{});
    });
    TRY(inside);
    breakable_ = outside;
  } else if (tag == "break" || tag == "continue") {
    if (breakable_ == 0) return syntax_error("'{}' outside of a loop", tag);
    statement.kind = tag == "break" ? Statement::Kind::break_loop : Statement::Kind::continue_loop;
    TRY(advance());
  } else if (tag == "print") {
    TRY(advance());
    statement.kind = Statement::Kind::output;
    while (token_.kind != Token::Kind::block_end) {
      if (!statement.expressions.empty()) TRY(expect_symbol(","));
      TRY_ASSIGN(statement.expressions.emplace_back(), parse_expression());
    }
  } else if (tag == "include" || tag == "import" || tag == "extends" || tag == "from") {
    TRY(skip_load(statement));
  } else if (tag == "autoescape") {
    return not_done("the tag '{}'", tag);
  } else {
    return syntax_error("unknown tag '{}'", tag);
  }
  return made;
}

Result<Done> Parser::parse_for(Statement& statement) {
  TRY(advance());
  statement.kind = Statement::Kind::loop;
  TRY_ASSIGN(statement.target, parse_target(false, "in"));
  TRY(expect_word("in"));
  TRY_ASSIGN(statement.expressions.emplace_back(), parse_tuple(Conditional::not_allowed, "recursive"));
  statement.expressions.emplace_back();
  return own_scope([&]() -> Result<Done> {
    TRY_ASSIGN(const bool has_filter, skip_word("if"));
    if (has_filter) {
      TRY_ASSIGN(statement.expressions[1], parse_expression());
    }
    TRY_ASSIGN(statement.is_recursive, skip_word("recursive"));
    statement.uses_loop = statement.is_recursive;
    loops_.push_back(&statement);
    ++breakable_;
    TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"else", "endfor"}));
    loops_.pop_back();
    --breakable_;
    TRY_ASSIGN(const bool has_else, skip_word("else"));
    if (has_else) {
      TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endfor"}));
    }
    return advance();
  });
}

Result<Done> Parser::parse_if(Statement& statement) {
  const size_t outside = unknown_.size();
  statement.kind = Statement::Kind::branch;
  do {
    TRY(advance());
    TRY_ASSIGN(statement.expressions.emplace_back(), parse_tuple(Conditional::not_allowed));
    TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"elif", "else", "endif"}));
  } while (at_word("elif"));
  TRY_ASSIGN(const bool has_else, skip_word("else"));
  if (has_else) {
    TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endif"}));
  }
  unknown_.resize(outside);
  return advance();
}

Result<Done> Parser::parse_set(Statement& statement) {
  TRY(advance());
  TRY_ASSIGN(statement.target, parse_target(true));
  TRY_ASSIGN(const bool has_value, skip_symbol("="));
  if (has_value) {
    statement.kind = Statement::Kind::assign;
    TRY_ASSIGN(statement.expressions.emplace_back(), parse_tuple(Conditional::allowed));
    return Done{};
  }
  statement.kind = Statement::Kind::capture;
  return own_scope([&]() -> Result<Done> {
    TRY_ASSIGN(statement.expressions.emplace_back(), parse_filter_chain(true));
    TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endset"}));
    return advance();
  });
}

Result<Done> Parser::parse_signature(Macro& macro) {
  TRY(expect_symbol("("));
  while (!at_symbol(")")) {
    if (!macro.parameters.empty()) TRY(expect_symbol(","));
    TRY_ASSIGN(const auto name, expect_name());
    if (is_constant_name(name)) return syntax_error("'{}' cannot be a parameter", name);
    const Name id = name_id(name);
    if (std::find(macro.parameters.begin(), macro.parameters.end(), id) != macro.parameters.end())
      return syntax_error("two parameters '{}'", name);
    TRY_ASSIGN(const bool has_default, skip_symbol("="));
    if (has_default) {
      TRY_ASSIGN(macro.defaults.emplace_back(), parse_expression());
    } else if (!macro.defaults.empty()) {
      return syntax_error("the parameter '{}' without a default after one with a default", name);
    }
    macro.parameters.push_back(id);
    macro.parameter_names.push_back(source_text(name));
    macro.has_caller_parameter |= name == "caller";
  }
  return expect_symbol(")");
}

Result<Block> Parser::parse_macro_body(Macro& macro, std::string_view end) {
  macros_.push_back(&macro);
  const int outside = std::exchange(breakable_, 0);
  Block body;
  const auto inside = own_scope([&]() -> Result<Done> {
    TRY_ASSIGN(body, parse_body({end}));
    return advance();
  });
  TRY(inside);
  breakable_ = outside;
  macros_.pop_back();
  return body;
}

Result<Done> Parser::parse_macro(Statement& statement) {
  TRY(advance());
  statement.kind = Statement::Kind::macro;
  statement.macro = std::make_unique<Macro>();
  TRY_ASSIGN(const auto name, expect_name());
  if (is_constant_name(name)) return syntax_error("a macro cannot be called '{}'", name);
  statement.target.name = name_id(name);
  statement.macro->name = source_text(name);
  TRY(parse_signature(*statement.macro));
  TRY_ASSIGN(statement.macro->body, parse_macro_body(*statement.macro, "endmacro"));
  return Done{};
}

Result<Done> Parser::parse_call(Statement& statement) {
  TRY(advance());
  statement.kind = Statement::Kind::call;
  statement.macro = std::make_unique<Macro>();
  if (at_symbol("(")) TRY(parse_signature(*statement.macro));
  TRY_ASSIGN(auto call, parse_expression());
  if (call->kind != Kind::call) return expected("a call");
  statement.expressions = one(std::move(call));
  TRY_ASSIGN(statement.macro->body, parse_macro_body(*statement.macro, "endcall"));
  return Done{};
}

Result<Done> Parser::parse_with(Statement& statement) {
  TRY(advance());
  statement.kind = Statement::Kind::scope;
  while (token_.kind != Token::Kind::block_end) {
    if (!statement.with_targets.empty()) TRY(expect_symbol(","));
    TRY_ASSIGN(statement.with_targets.emplace_back(), parse_target(false));
    TRY(expect_symbol("="));
    TRY_ASSIGN(statement.expressions.emplace_back(), parse_expression());
  }
  TRY_ASSIGN(statement.blocks.emplace_back(), parse_body({"endwith"}));
  return advance();
}

// There is nothing to load from, so what a template wants to load does not matter; reaching the tag fails.
Result<Done> Parser::skip_load(Statement& statement) {
  statement.kind = Statement::Kind::load;
  statement.text = source_text(token_.text);
  TRY(advance());
  if (token_.kind == Token::Kind::block_end) return expected("the name of a template");
  while (token_.kind != Token::Kind::block_end && token_.kind != Token::Kind::end) TRY(advance());
  return Done{};
}

Result<Target> Parser::parse_one_target(bool with_namespace) {
  Level level(nesting_);
  TRY(check_nesting());
  Target target;
  if (at_symbol("(")) {
    TRY(advance());
    TRY_ASSIGN(target, parse_target(with_namespace));
    TRY(expect_symbol(")"));
    return target;
  }
  TRY_ASSIGN(const auto name, expect_name());
  if (is_constant_name(name)) return syntax_error("cannot assign to '{}'", name);
  target.name = name_id(name);
  TRY_ASSIGN(const bool has_attribute, skip_symbol("."));
  if (!has_attribute) return target;
  if (!with_namespace) return syntax_error("cannot assign to an attribute here");
  TRY_ASSIGN(const auto attribute, expect_name());
  target.attribute = source_text(attribute);
  return target;
}

Result<Target> Parser::parse_target(bool with_namespace, std::string_view end_word) {
  Target tuple;
  tuple.is_tuple = true;
  for (;;) {
    if (!tuple.parts.empty()) TRY(expect_symbol(","));
    if (at_tuple_end(end_word) && !tuple.parts.empty()) return tuple;
    TRY_ASSIGN(auto part, parse_one_target(with_namespace));
    if (!at_symbol(",") && tuple.parts.empty()) return part;
    tuple.parts.push_back(std::move(part));
    if (!at_symbol(",")) return tuple;
  }
}

// --- expressions ------------------------------------------------------------------------------------------------

Result<ExpressionPtr> Parser::parse_tuple(Conditional conditional, std::string_view end_word, bool in_parentheses) {
  const int line = token_.line;
  std::vector<ExpressionPtr> parts;
  bool is_tuple = false;
  for (;;) {
    if (!parts.empty()) TRY(expect_symbol(","));
    if (at_tuple_end(end_word)) break;
    TRY_ASSIGN(parts.emplace_back(), parse_expression(conditional));
    if (!at_symbol(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !parts.empty()) return std::move(parts.front());
  if (!is_tuple && !in_parentheses) return expected("an expression");
  return node(Kind::tuple, line, std::move(parts));
}

Result<ExpressionPtr> Parser::parse_expression(Conditional conditional) {
  Level level(nesting_);
  TRY(check_nesting());
  return conditional == Conditional::allowed ? parse_conditional() : parse_or();
}

Result<ExpressionPtr> Parser::parse_conditional() {
  const size_t outside = unknown_.size();
  TRY_ASSIGN(auto value, parse_or());
  while (at_word("if")) {
    const int line = token_.line;
    TRY(advance());
    std::vector<ExpressionPtr> parts = one(std::move(value));
    TRY_ASSIGN(parts.emplace_back(), parse_or());
    parts.emplace_back();
    TRY_ASSIGN(const bool has_else, skip_word("else"));
    if (has_else) {
      TRY_ASSIGN(parts[2], parse_expression());
    }
    TRY_ASSIGN(value, node(Kind::conditional, line, std::move(parts)));
    unknown_.resize(outside);
  }
  return value;
}

Result<ExpressionPtr> Parser::parse_or() {
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_and());
  if (!at_word("or")) return first;
  auto operands = one(std::move(first));
  while (at_word("or")) {
    TRY(advance());
    TRY_ASSIGN(operands.emplace_back(), parse_and());
  }
  return node(Kind::logical_or, line, std::move(operands));
}

Result<ExpressionPtr> Parser::parse_and() {
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_not());
  if (!at_word("and")) return first;
  auto operands = one(std::move(first));
  while (at_word("and")) {
    TRY(advance());
    TRY_ASSIGN(operands.emplace_back(), parse_not());
  }
  return node(Kind::logical_and, line, std::move(operands));
}

Result<ExpressionPtr> Parser::parse_not() {
  if (!at_word("not")) return parse_comparison();
  Level level(nesting_);
  TRY(check_nesting());
  const int line = token_.line;
  TRY(advance());
  TRY_ASSIGN(auto operand, parse_not());
  return node(Kind::logical_not, line, one(std::move(operand)));
}

Result<ExpressionPtr> Parser::parse_comparison() {
  const auto operator_here = [this]() -> std::optional<Operator> {
    if (at_symbol("==")) return Operator::equal;
    if (at_symbol("!=")) return Operator::unequal;
    if (at_symbol("<")) return Operator::less;
    if (at_symbol("<=")) return Operator::less_equal;
    if (at_symbol(">")) return Operator::greater;
    if (at_symbol(">=")) return Operator::greater_equal;
    if (at_word("in")) return Operator::in;
    if (at_word("not") && ahead_.kind == Token::Kind::name && ahead_.text == "in") return Operator::not_in;
    return std::nullopt;
  };
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_sum());
  if (!operator_here()) return first;
  auto operands = one(std::move(first));
  std::vector<Operator> operators;
  while (const auto op = operator_here()) {
    TRY(advance());
    if (*op == Operator::not_in) TRY(advance());
    operators.push_back(*op);
    TRY_ASSIGN(operands.emplace_back(), parse_sum());
  }
  TRY_ASSIGN(auto made, node(Kind::comparison, line, std::move(operands)));
  made->operators = std::move(operators);
  return made;
}

Result<ExpressionPtr> Parser::parse_sum() {
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_concatenation());
  if (!at_symbol("+") && !at_symbol("-")) return first;
  auto operands = one(std::move(first));
  std::vector<Operator> operators;
  while (at_symbol("+") || at_symbol("-")) {
    operators.push_back(at_symbol("+") ? Operator::add : Operator::subtract);
    TRY(advance());
    TRY_ASSIGN(operands.emplace_back(), parse_concatenation());
  }
  TRY_ASSIGN(auto made, node(Kind::arithmetic, line, std::move(operands)));
  made->operators = std::move(operators);
  return made;
}

Result<ExpressionPtr> Parser::parse_concatenation() {
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_product());
  if (!at_symbol("~")) return first;
  auto operands = one(std::move(first));
  while (at_symbol("~")) {
    TRY(advance());
    TRY_ASSIGN(operands.emplace_back(), parse_product());
  }
  return node(Kind::concatenation, line, std::move(operands));
}

Result<ExpressionPtr> Parser::parse_product() {
  const auto operator_here = [this]() -> std::optional<Operator> {
    if (at_symbol("*")) return Operator::multiply;
    if (at_symbol("/")) return Operator::divide;
    if (at_symbol("//")) return Operator::floor_divide;
    if (at_symbol("%")) return Operator::modulo;
    return std::nullopt;
  };
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_power());
  if (!operator_here()) return first;
  auto operands = one(std::move(first));
  std::vector<Operator> operators;
  while (const auto op = operator_here()) {
    TRY(advance());
    operators.push_back(*op);
    TRY_ASSIGN(operands.emplace_back(), parse_power());
  }
  TRY_ASSIGN(auto made, node(Kind::arithmetic, line, std::move(operands)));
  made->operators = std::move(operators);
  return made;
}

Result<ExpressionPtr> Parser::parse_power() {  // groups to the left in Jinja
  const int line = token_.line;
  TRY_ASSIGN(auto first, parse_unary());
  if (!at_symbol("**")) return first;
  auto operands = one(std::move(first));
  std::vector<Operator> operators;
  while (at_symbol("**")) {
    TRY(advance());
    operators.push_back(Operator::power);
    TRY_ASSIGN(operands.emplace_back(), parse_unary());
  }
  TRY_ASSIGN(auto made, node(Kind::arithmetic, line, std::move(operands)));
  made->operators = std::move(operators);
  return made;
}

Result<ExpressionPtr> Parser::parse_unary(bool with_filters) {
  const int line = token_.line;
  ExpressionPtr value;
  if (at_symbol("-") || at_symbol("+")) {
    Level level(nesting_);
    TRY(check_nesting());
    const Kind kind = at_symbol("-") ? Kind::negative : Kind::positive;
    TRY(advance());
    TRY_ASSIGN(auto operand, parse_unary(false));
    TRY_ASSIGN(value, node(kind, line, one(std::move(operand))));
  } else {
    TRY_ASSIGN(value, parse_primary());
  }
  TRY_ASSIGN(value, parse_postfix(std::move(value)));
  if (!with_filters) return value;
  return parse_filters_and_tests(std::move(value));
}

Result<ExpressionPtr> Parser::parse_primary() {
  TRY_ASSIGN(auto made, node(Kind::constant, token_.line));
  switch (token_.kind) {
    case Token::Kind::name: {
      TRY_ASSIGN(const auto name, expect_name());
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        made->value = Value(name == "true" || name == "True");
      } else if (!is_constant_name(name)) {
        made->kind = Kind::name;
        made->name = name_id(name);
        note_use(name);
      }
      return made;
    }
    case Token::Kind::string: {
      std::string joined;
      for (; token_.kind == Token::Kind::string;) {
        joined += token_.string;
        TRY(advance());
      }
      made->value = Value(Text(std::move(joined), Author::the_template));
      return made;
    }
    case Token::Kind::integer:
      made->value = Value(token_.integer);
      TRY(advance());
      return made;
    case Token::Kind::real:
      made->value = Value(token_.real);
      TRY(advance());
      return made;
    default:
      break;
  }
  if (at_symbol("(")) {
    TRY(advance());
    TRY_ASSIGN(auto inside, parse_tuple(Conditional::allowed, {}, true));
    TRY(expect_symbol(")"));
    return inside;
  }
  if (at_symbol("[")) return parse_list();
  if (at_symbol("{")) return parse_map();
  return expected("an expression");
}

Result<ExpressionPtr> Parser::parse_list() {
  const int line = token_.line;
  TRY(advance());
  std::vector<ExpressionPtr> items;
  while (!at_symbol("]")) {
    if (!items.empty()) TRY(expect_symbol(","));
    if (at_symbol("]")) break;
    TRY_ASSIGN(items.emplace_back(), parse_expression());
  }
  TRY(advance());
  return node(Kind::list, line, std::move(items));
}

Result<ExpressionPtr> Parser::parse_map() {
  const int line = token_.line;
  TRY(advance());
  std::vector<ExpressionPtr> items;
  while (!at_symbol("}")) {
    if (!items.empty()) TRY(expect_symbol(","));
    if (at_symbol("}")) break;
    TRY_ASSIGN(items.emplace_back(), parse_expression());
    TRY(expect_symbol(":"));
    TRY_ASSIGN(items.emplace_back(), parse_expression());
  }
  TRY(advance());
  return node(Kind::map, line, std::move(items));
}

Result<ExpressionPtr> Parser::parse_postfix(ExpressionPtr value) {
  for (;;) {
    if (at_symbol(".") || at_symbol("[")) {
      TRY_ASSIGN(value, parse_subscript(std::move(value)));
    } else if (at_symbol("(")) {
      TRY_ASSIGN(value, parse_call_of(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExpressionPtr> Parser::parse_subscript(ExpressionPtr value) {
  const int line = token_.line;
  if (at_symbol(".")) {
    TRY(advance());
    if (token_.kind == Token::Kind::integer) {
      auto operands = one(std::move(value));
      TRY_ASSIGN(operands.emplace_back(), node(Kind::constant, line));
      operands.back()->value = Value(token_.integer);
      TRY(advance());
      return node(Kind::item, line, std::move(operands));
    }
    TRY_ASSIGN(const auto name, expect_name());
    TRY_ASSIGN(auto made, node(Kind::attribute, line, one(std::move(value))));
    made->text = source_text(name);
    return made;
  }
  TRY(advance());
  auto operands = one(std::move(value));
  bool is_slice = false;
  if (!at_symbol(":")) {
    TRY_ASSIGN(operands.emplace_back(), parse_expression());
  }
  if (at_symbol(":")) {
    is_slice = true;
    operands.resize(4);
    TRY(advance());
    if (!at_symbol(":") && !at_symbol("]")) {
      TRY_ASSIGN(operands[2], parse_expression());
    }
    TRY_ASSIGN(const bool has_step, skip_symbol(":"));
    if (has_step && !at_symbol("]")) {
      TRY_ASSIGN(operands[3], parse_expression());
    }
  } else if (at_symbol(",")) {  // a tuple as the key
    auto parts = one(std::move(operands[1]));
    while (at_symbol(",")) {
      TRY(advance());
      if (at_symbol("]")) break;
      TRY_ASSIGN(parts.emplace_back(), parse_expression());
    }
    TRY_ASSIGN(operands[1], node(Kind::tuple, line, std::move(parts)));
  }
  TRY(expect_symbol("]"));
  return node(is_slice ? Kind::slice : Kind::item, line, std::move(operands));
}

Result<Done> Parser::parse_arguments(ArgumentList& arguments) {
  TRY(expect_symbol("("));
  bool first = true;
  while (!at_symbol(")")) {
    if (!first) {
      TRY(expect_symbol(","));
      if (at_symbol(")")) break;
    }
    first = false;
    if (at_symbol("*")) {
      if (arguments.star || arguments.double_star) return syntax_error("an argument '*' in the wrong place");
      TRY(advance());
      TRY_ASSIGN(arguments.star, parse_expression());
    } else if (at_symbol("**")) {
      if (arguments.double_star) return syntax_error("two arguments '**'");
      TRY(advance());
      TRY_ASSIGN(arguments.double_star, parse_expression());
    } else if (token_.kind == Token::Kind::name && is_symbol(ahead_, "=")) {
      if (arguments.double_star) return syntax_error("an argument after '**'");
      TRY_ASSIGN(const auto name, expect_name());
      TRY(advance());
      for (const auto& other : arguments.named)
        if (other.first.bytes() == name) return syntax_error("two arguments '{}'", name);
      TRY_ASSIGN(auto value, parse_expression());
      arguments.named.emplace_back(source_text(name), std::move(value));
    } else {
      if (arguments.star || arguments.double_star || !arguments.named.empty())
        return syntax_error("an argument without a name after those with one");
      TRY_ASSIGN(arguments.positional.emplace_back(), parse_expression());
    }
  }
  return expect_symbol(")");
}

Result<ExpressionPtr> Parser::parse_call_of(ExpressionPtr callee) {
  TRY_ASSIGN(auto made, node(Kind::call, token_.line, one(std::move(callee))));
  TRY(parse_arguments(made->arguments));
  TRY(measure(*made));
  return made;
}

Result<ExpressionPtr> Parser::parse_filters_and_tests(ExpressionPtr value) {
  for (;;) {
    if (at_symbol("|")) {
      TRY(advance());
      TRY_ASSIGN(value, parse_filter(std::move(value)));
    } else if (at_word("is")) {
      TRY_ASSIGN(value, parse_test(std::move(value)));
    } else if (at_symbol("(")) {
      TRY_ASSIGN(value, parse_call_of(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<std::string> Parser::parse_dotted_name() {
  TRY_ASSIGN(const auto first, expect_name());
  std::string name(first);
  while (at_symbol(".")) {
    TRY(advance());
    TRY_ASSIGN(const auto part, expect_name());
    name += '.';
    name += part;
  }
  return name;
}

// One filter, behind its bar. `value` is null for the first filter of a block.
Result<ExpressionPtr> Parser::parse_filter(ExpressionPtr value) {
  TRY_ASSIGN(auto made, node(Kind::filter, token_.line, one(std::move(value))));
  TRY_ASSIGN(const std::string name, parse_dotted_name());
  made->text = source_text(name);
  made->filter = find_filter(name);
  if (!made->filter) unknown_.push_back({made->line, fmt::format("filter '{}'", printable(name, 40))});
  if (at_symbol("(")) TRY(parse_arguments(made->arguments));
  TRY(measure(*made));
  return made;
}

// The filters of a block. `needs_pipe`: there may be none, and each has its bar.
Result<ExpressionPtr> Parser::parse_filter_chain(bool needs_pipe) {
  ExpressionPtr chain;
  if (!needs_pipe) {
    TRY_ASSIGN(chain, parse_filter(nullptr));
  }
  while (at_symbol("|")) {
    TRY(advance());
    TRY_ASSIGN(chain, parse_filter(std::move(chain)));
  }
  return chain;
}

Result<ExpressionPtr> Parser::parse_test(ExpressionPtr value) {
  const int line = token_.line;
  TRY(advance());
  TRY_ASSIGN(const bool is_negated, skip_word("not"));
  TRY_ASSIGN(auto made, node(Kind::test, line, one(std::move(value))));
  TRY_ASSIGN(const std::string name, parse_dotted_name());
  made->text = source_text(name);
  made->test = find_test(name);
  if (!made->test) unknown_.push_back({line, fmt::format("test '{}'", printable(name, 40))});
  const auto kind = token_.kind;
  if (at_symbol("(")) {
    TRY(parse_arguments(made->arguments));
  } else if ((kind == Token::Kind::name && !at_word("else") && !at_word("or") && !at_word("and")) ||
             kind == Token::Kind::string || kind == Token::Kind::integer || kind == Token::Kind::real ||
             at_symbol("[") || at_symbol("{")) {
    if (at_word("is")) return syntax_error("tests cannot be chained with 'is'");
    TRY_ASSIGN(auto argument, parse_primary());
    TRY_ASSIGN(made->arguments.positional.emplace_back(), parse_postfix(std::move(argument)));
  }
  TRY(measure(*made));
  if (!is_negated) return made;
  return node(Kind::logical_not, line, one(std::move(made)));
}

}  // namespace

Result<std::shared_ptr<const Template>> parse_template(std::string_view source, std::string_view name) {
  if (source.size() > limits::template_bytes)
    return out_of_resources("{}: a template of {} bytes; at most {} are allowed", name, source.size(),
                            limits::template_bytes);
  if (!valid_utf8(source)) return malformed("{}: syntax: the template is not valid UTF-8", name);
  Parser parser(source);
  auto parsed = parser.parse();
  if (parsed) return parsed;
  return failure(parsed.error().fault, fmt::format("{}: line {}: {}", name, parser.line(), parsed.error().what));
}

}  // namespace freehold::jinja
