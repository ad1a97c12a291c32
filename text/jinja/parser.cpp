#include "text/jinja/parser.h"

#include "text/jinja/parser_impl.h"
#include "text/utf8.h"

namespace freehold::jinja {

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
  const auto known_names = static_cast<Name>(tree_->names.size());
  TRY_ASSIGN(statement.target, parse_target(true));
  TRY_ASSIGN(const bool has_value, skip_symbol("="));
  if (has_value) {
    statement.kind = Statement::Kind::assign;
    TRY_ASSIGN(statement.expressions.emplace_back(), parse_tuple(Conditional::allowed));
    return Done{};
  }
  statement.kind = Statement::Kind::capture;
  statement.hides_target =
      !statement.target.is_tuple && statement.target.attribute.empty() && statement.target.name >= known_names;
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
  if (call->kind != Expression::Kind::call) return expected("a call");
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
