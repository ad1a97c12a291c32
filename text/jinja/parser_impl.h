// The parser's own state and its many small functions: statements are in parser.cpp, expressions in
// parser_expressions.cpp. Nobody else includes this.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/jinja/lexer.h"
#include "text/jinja/syntax.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {

inline bool is_constant_name(std::string_view name) {
  return name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None";
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(normalized_source(source)), lexer_(source_) {}

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
    auto next = lexer_.next();
    if (!next) {
      token_.line = lexer_.line();
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

  Result<ExpressionPtr> node(Expression::Kind kind, int line, std::vector<ExpressionPtr> operands = {}) {
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
    constexpr int expression_depth = 250;  // chains of filters and attributes, each a level
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

  std::string source_;
  Lexer lexer_;
  std::shared_ptr<Template> tree_ = std::make_shared<Template>();
  Token token_, ahead_;
  std::unordered_map<std::string, Name> ids_;
  std::vector<Macro*> macros_;     // whose bodies we are in
  std::vector<Statement*> loops_;  // whose bodies we are in
  int breakable_ = 0;              // loops around us within this macro
  int nesting_ = 0;
  std::vector<Unknown> unknown_;
};

}  // namespace freehold::jinja
