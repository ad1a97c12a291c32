// Expressions, from the loosest binding to the tightest: conditional, or, and, not, comparison, sum, concatenation (~),
// product, power, sign, and what stands behind a value: attributes, items, calls, filters, tests.
#include "text/jinja/filters.h"
#include "text/jinja/parser_impl.h"

namespace freehold::jinja {

using Kind = Expression::Kind;

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
  if (at_symbol("]")) {  // x[] is x[()]
    TRY_ASSIGN(operands.emplace_back(), node(Kind::tuple, line));
  } else if (!at_symbol(":")) {
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

}  // namespace freehold::jinja
