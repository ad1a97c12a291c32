// A walk over the tree. Scopes form a chain: for each round of a loop, each macro call and each `with` one; `if` has
// none. A scope lives until the rendering ends if something in it may outlive it (a macro, a recursive loop).
#include "text/jinja/interpreter.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/print.h"

namespace freehold::jinja {
namespace {

using Kind = Expression::Kind;
enum class Flow { next, break_loop, continue_loop };

class Interpreter : public Machine {
 public:
  Interpreter(const Template& tree, const Rendering& rendering)
      : Machine(rendering.steps, limits::template_work_bytes),
        tree_(tree),
        rendering_(rendering),
        output_(budget, rendering.output_bytes),
        out_(&output_) {
    now = rendering.now;
    for (size_t i = 0; i < tree.names.size(); ++i) ids_.emplace(tree.names[i], static_cast<Name>(i));
  }

  Result<std::vector<Piece>> run() {
    ScopeGuard root(*this, nullptr);
    TRY(root.check());
    TRY(run_block(tree_.body));
    return output_.pieces();
  }
  int line() const { return line_; }

  Result<Value> call(const Value& callee, Call& arguments) override;

 private:
  // --- scopes and depth -------------------------------------------------------------------------------------------
  class ScopeGuard {
   public:
    ScopeGuard(Interpreter& machine, Scope* parent)
        : machine_(machine), outside_(machine.scope_), pins_(machine.pins_) {
      machine.scopes_.push_back(std::make_unique<Scope>(parent));
      machine.scope_ = machine.scopes_.back().get();
    }
    ~ScopeGuard() {
      if (machine_.pins_ == pins_) machine_.scopes_.pop_back();
      machine_.scope_ = outside_;
    }
    ScopeGuard(const ScopeGuard&) = delete;
    Result<Done> check() { return machine_.budget.make(sizeof(Scope) + 2 * sizeof(Value)); }

   private:
    Interpreter& machine_;
    Scope* outside_;
    uint64_t pins_;
  };
  void pin() { ++pins_; }

  struct DepthGuard {
    explicit DepthGuard(Interpreter& machine) : depth(machine.depth_) { ++depth; }
    ~DepthGuard() { --depth; }
    int& depth;
  };
  Result<Done> check_depth() const {
    if (depth_ <= limits::template_depth) return Done{};
    return over_limit("expressions, tags and macros inside each other more than {} deep", limits::template_depth);
  }

  Result<Value> look_up(Name name);
  Result<Value> variable(Name name);
  Result<Done> assign(const Target&, const Value&);

  // --- statements -------------------------------------------------------------------------------------------------
  Result<Flow> run_block(const Block&);
  Result<Flow> run_statement(const Statement&);
  Result<Flow> run_branch(const Statement&);
  Result<Flow> run_scope(const Statement&);
  Result<Done> run_call_block(const Statement&);
  Result<Done> run_capture(const Statement&);
  Result<Flow> run_filter_block(const Statement&);
  Result<Done> run_loop(const Statement&, const Value& over, int depth);
  Result<bool> passes(const Statement&, const Value& item);
  Result<Done> print(const Value&);
  // Runs a block with its output going into a text.
  template <class F>
  Result<Text> captured(F&& run);

  Result<Value> call_macro(const MacroObject&, Call&);
  Result<Value> call_loop(Loop&, Call&);

  // --- expressions ------------------------------------------------------------------------------------------------
  Result<Value> evaluate(const Expression&);
  Result<Value> evaluate_sequence(const Expression&);
  Result<Value> evaluate_map(const Expression&);
  Result<Value> evaluate_slice(const Expression&);
  Result<Value> evaluate_call(const Expression&, std::optional<Value> caller = {});
  Result<Value> evaluate_filter(const Expression&, const Value* input);
  Result<Value> evaluate_test(const Expression&);
  Result<Value> evaluate_logic(const Expression&);
  Result<Value> evaluate_arithmetic(const Expression&);
  Result<Value> evaluate_concatenation(const Expression&);
  Result<Value> evaluate_comparison(const Expression&);
  Result<Value> evaluate_conditional(const Expression&);
  Result<Done> evaluate_arguments(const ArgumentList&, Call&);
  Result<Value> filtered(const Expression* chain, const Value& input);

  const Template& tree_;
  const Rendering& rendering_;
  TextBuilder output_;
  TextBuilder* out_;
  std::vector<std::unique_ptr<Scope>> scopes_;
  Scope* scope_ = nullptr;
  uint64_t pins_ = 0;
  int depth_ = 0, line_ = 1;
  std::unordered_map<std::string_view, Name> ids_;
  std::unordered_map<Name, Value> variables_;  // of the request, once looked up
};

// --- variables ----------------------------------------------------------------------------------------------------

Result<Value> Interpreter::look_up(Name name) {
  for (Scope* scope = scope_; scope; scope = scope->parent)
    if (const Value* found = scope->find(name)) return *found;
  return variable(name);
}

Result<Value> Interpreter::variable(Name name) {
  if (const auto known = variables_.find(name); known != variables_.end()) return known->second;
  const std::string& text = tree_.names[static_cast<size_t>(name)];
  Value value(Undefined{Text(text, Author::the_template)});
  const auto given = rendering_.variables->find(text);
  if (given != rendering_.variables->end()) {
    const auto& trusted = rendering_.trusted;
    const bool is_trusted = std::find(trusted.begin(), trusted.end(), text) != trusted.end();
    if (text == "messages") {
      TRY_ASSIGN(value, value_of_messages(budget, *given));
    } else {
      TRY_ASSIGN(value, value_of_json(budget, *given, is_trusted ? Author::the_template : Author::the_request));
    }
  } else if (const Function* function = find_function(text)) {
    value = Value(function);
  }
  variables_.emplace(name, value);
  return value;
}

Result<Done> Interpreter::assign(const Target& target, const Value& value) {
  TRY(budget.step());
  if (target.is_tuple) {
    TRY_ASSIGN(const auto items, items_of(budget, value));
    if (items.size() != target.parts.size())
      return type_error("{} values for {} names", items.size(), target.parts.size());
    for (size_t i = 0; i < items.size(); ++i) TRY(assign(target.parts[i], items[i]));
    return Done{};
  }
  if (target.attribute.empty()) {
    scope_->set(target.name, value);
    return Done{};
  }
  TRY_ASSIGN(const Value owner, look_up(target.name));
  auto* name_space = static_cast<Namespace*>(owner.object(Object::Kind::name_space));
  if (!name_space) return type_error("cannot assign attribute on non-namespace object");
  TRY(check_attribute(target.attribute));
  TRY(budget.make(sizeof(Map::Entry)));
  name_space->attributes.set(Value(target.attribute), value);
  return Done{};
}

// --- statements ---------------------------------------------------------------------------------------------------

Result<Flow> Interpreter::run_block(const Block& block) {
  DepthGuard guard(*this);
  TRY(check_depth());
  for (const auto& statement : block) {
    TRY(budget.step());
    line_ = statement->line;
    TRY_ASSIGN(const Flow flow, run_statement(*statement));
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Result<Done> Interpreter::print(const Value& value) {
  TRY_ASSIGN(const Text text, to_text(budget, value));
  TRY(budget.read(text.size()));
  out_->add(text);
  if (!out_->full()) return Done{};
  if (out_ == &output_) return over_limit("a prompt of more than {} bytes", rendering_.output_bytes);
  return out_->why_full();
}

template <class F>
Result<Text> Interpreter::captured(F&& run) {
  TextBuilder inner(budget);
  TextBuilder* outside = std::exchange(out_, &inner);
  const auto ran = run();
  out_ = outside;
  if (!ran) return Failure(ran.error());
  return inner.finish();
}

Result<Flow> Interpreter::run_statement(const Statement& statement) {
  switch (statement.kind) {
    case Statement::Kind::data:
      TRY(print(Value(statement.text)));
      break;
    case Statement::Kind::output:
      for (const auto& expression : statement.expressions) {
        TRY_ASSIGN(const Value value, evaluate(*expression));
        TRY(print(value));
      }
      break;
    case Statement::Kind::branch:
      return run_branch(statement);
    case Statement::Kind::loop: {
      TRY_ASSIGN(const Value over, evaluate(*statement.expressions[0]));
      TRY(run_loop(statement, over, 1));
      break;
    }
    case Statement::Kind::assign: {
      TRY_ASSIGN(const Value value, evaluate(*statement.expressions[0]));
      TRY(assign(statement.target, value));
      break;
    }
    case Statement::Kind::capture:
      TRY(run_capture(statement));
      break;
    case Statement::Kind::macro:
      TRY(budget.make(sizeof(MacroObject)));
      pin();
      TRY(assign(statement.target, own(std::make_unique<MacroObject>(*statement.macro, scope_))));
      break;
    case Statement::Kind::call:
      TRY(run_call_block(statement));
      break;
    case Statement::Kind::filter:
      return run_filter_block(statement);
    case Statement::Kind::scope:
      return run_scope(statement);
    case Statement::Kind::break_loop:
      return Flow::break_loop;
    case Statement::Kind::continue_loop:
      return Flow::continue_loop;
    case Statement::Kind::load:
      return type_error("'{}': a chat template has nothing to load from", statement.text.bytes());
  }
  return Flow::next;
}

Result<Flow> Interpreter::run_branch(const Statement& statement) {
  for (size_t i = 0; i < statement.expressions.size(); ++i) {
    TRY_ASSIGN(const Value condition, evaluate(*statement.expressions[i]));
    if (condition.truth()) return run_block(statement.blocks[i]);
  }
  if (statement.blocks.size() > statement.expressions.size()) return run_block(statement.blocks.back());
  return Flow::next;
}

Result<Flow> Interpreter::run_scope(const Statement& statement) {
  std::vector<Value> values;
  for (const auto& expression : statement.expressions) {  // all in the scope outside
    TRY_ASSIGN(values.emplace_back(), evaluate(*expression));
  }
  ScopeGuard guard(*this, scope_);
  TRY(guard.check());
  for (size_t i = 0; i < values.size(); ++i) TRY(assign(statement.with_targets[i], values[i]));
  return run_block(statement.blocks[0]);
}

Result<Done> Interpreter::run_call_block(const Statement& statement) {
  TRY(budget.make(sizeof(MacroObject)));
  pin();
  const Value caller = own(std::make_unique<MacroObject>(*statement.macro, scope_));
  TRY_ASSIGN(const Value result, evaluate_call(*statement.expressions[0], caller));
  return print(result);
}

Result<Value> Interpreter::filtered(const Expression* chain, const Value& input) {
  if (!chain) return input;
  return evaluate_filter(*chain, &input);
}

Result<Done> Interpreter::run_capture(const Statement& statement) {
  TRY_ASSIGN(const Text text, captured([&]() -> Result<Done> {
               ScopeGuard guard(*this, scope_);
               TRY(guard.check());
               TRY(run_block(statement.blocks[0]));
               return Done{};
             }));
  TRY_ASSIGN(const Value value, filtered(statement.expressions[0].get(), Value(text)));
  return assign(statement.target, value);
}

Result<Flow> Interpreter::run_filter_block(const Statement& statement) {
  Flow flow = Flow::next;
  TRY_ASSIGN(const Text text, captured([&]() -> Result<Done> {
               ScopeGuard guard(*this, scope_);
               TRY(guard.check());
               TRY_ASSIGN(flow, run_block(statement.blocks[0]));
               return Done{};
             }));
  if (flow != Flow::next) return flow;
  TRY_ASSIGN(const Value value, filtered(statement.expressions[0].get(), Value(text)));
  TRY(print(value));
  return flow;
}

Result<bool> Interpreter::passes(const Statement& statement, const Value& item) {
  if (!statement.expressions[1]) return true;
  ScopeGuard guard(*this, scope_);
  TRY(guard.check());
  TRY(assign(statement.target, item));
  TRY_ASSIGN(const Value condition, evaluate(*statement.expressions[1]));
  return condition.truth();
}

Result<Done> Interpreter::run_loop(const Statement& statement, const Value& over, int depth) {
  TRY_ASSIGN(auto items, items_of(budget, over));
  Loop* loop = nullptr;
  Value loop_value;
  if (statement.uses_loop) {  // `loop` knows how many rounds there are
    std::vector<Value> passing;
    for (Value& item : items) {
      TRY_ASSIGN(const bool passed, passes(statement, item));
      if (passed) passing.push_back(std::move(item));
    }
    auto made = std::make_unique<Loop>();
    loop = made.get();
    loop->items = std::move(passing);
    loop->depth = depth;
    if (statement.is_recursive) {
      pin();
      loop->statement = &statement;
      loop->scope = scope_;
    }
    TRY(budget.make(sizeof(Loop)));
    loop_value = own(std::move(made));
  }
  static const std::string loop_name = "loop";
  const auto loop_id = ids_.find(loop_name);
  const size_t count = loop ? loop->items.size() : items.size();
  bool any = false;
  for (size_t i = 0; i < count; ++i) {
    TRY(budget.step());
    const Value item = loop ? loop->items[i] : items[i];
    if (!loop) {
      TRY_ASSIGN(const bool passed, passes(statement, item));
      if (!passed) continue;
    }
    any = true;
    ScopeGuard guard(*this, scope_);
    TRY(guard.check());
    if (loop) {
      loop->index = i;
      if (loop_id != ids_.end()) scope_->set(loop_id->second, loop_value);
    }
    TRY(assign(statement.target, item));
    TRY_ASSIGN(const Flow flow, run_block(statement.blocks[0]));
    if (flow == Flow::break_loop) break;
  }
  if (any || statement.blocks.size() < 2) return Done{};
  ScopeGuard guard(*this, scope_);
  TRY(guard.check());
  TRY(run_block(statement.blocks[1]));
  return Done{};
}

// --- calls --------------------------------------------------------------------------------------------------------

Result<Value> Interpreter::call(const Value& callee, Call& arguments) {
  DepthGuard guard(*this);
  TRY(check_depth());
  TRY(budget.step());
  if (const auto* bound = callee.as<std::shared_ptr<const BoundMethod>>())
    return (*bound)->method->call(*this, (*bound)->self, arguments);
  if (const auto* function = callee.as<const Function*>()) return (*function)->call(*this, arguments);
  if (auto* macro = static_cast<MacroObject*>(callee.object(Object::Kind::macro))) return call_macro(*macro, arguments);
  if (auto* loop = static_cast<Loop*>(callee.object(Object::Kind::loop))) return call_loop(*loop, arguments);
  if (auto* joiner = static_cast<Joiner*>(callee.object(Object::Kind::joiner))) {
    TRY(bind("a joiner", arguments, {}));
    return std::exchange(joiner->used, true) ? joiner->separator : Value(Text());
  }
  if (const auto* undefined = callee.as<Undefined>()) {
    if (undefined->forbidden) return forbidden("'{}' must not be called", printable(undefined->name.bytes(), 40));
    return undefined_error("'{}' is undefined, so it cannot be called", printable(undefined->name.bytes(), 40));
  }
  return type_error("'{}' object is not callable", callee.type());
}

Result<Value> Interpreter::call_loop(Loop& loop, Call& arguments) {
  if (!loop.statement) return type_error("the loop must have the 'recursive' marker to be called recursively");
  TRY_ASSIGN(const Bound bound, bind("loop", arguments, {"iterable"}, 1));
  Scope* outside = std::exchange(scope_, loop.scope);
  auto text = captured([&] { return run_loop(*loop.statement, *bound[0], loop.depth + 1); });
  scope_ = outside;
  if (!text) return Failure(std::move(text.error()));
  return Value(*text);
}

Result<Value> Interpreter::call_macro(const MacroObject& object, Call& arguments) {
  const Macro& macro = *object.macro;
  const size_t count = macro.parameters.size();
  const auto id = [this](std::string_view name) { return ids_.at(name); };
  ScopeGuard guard(*this, object.scope);
  TRY(guard.check());
  auto& named = arguments.named;
  const auto take = [&named](std::string_view name) -> std::optional<Value> {
    const auto found =
        std::find_if(named.begin(), named.end(), [&](const auto& entry) { return entry.first.bytes() == name; });
    if (found == named.end()) return std::nullopt;
    Value value = std::move(found->second);
    named.erase(found);
    return value;
  };
  const size_t first_default = count - macro.defaults.size();
  std::vector<size_t> missing;
  for (size_t i = 0; i < count; ++i) {
    std::optional<Value> value;
    if (i < arguments.positional.size())
      value = arguments.positional[i];
    else
      value = take(macro.parameter_names[i].bytes());
    if (!value && i >= first_default) missing.push_back(i);
    scope_->set(macro.parameters[i], value.value_or(Value(Undefined{macro.parameter_names[i]})));
  }
  for (const size_t i : missing) {  // defaults see all that was given
    TRY_ASSIGN(Value value, evaluate(*macro.defaults[i - first_default]));
    scope_->set(macro.parameters[i], std::move(value));
  }
  if (macro.uses_caller && !macro.has_caller_parameter)
    scope_->set(id("caller"), take("caller").value_or(Value(Undefined{Text("caller", Author::the_template)})));
  if (macro.uses_kwargs) {
    Map map;
    for (auto& [name, value] : named) map.set(Value(name), std::move(value));
    TRY_ASSIGN(Value kwargs, make_map(budget, std::move(map), Author::the_template));
    scope_->set(id("kwargs"), std::move(kwargs));
  } else if (!named.empty()) {
    return type_error("macro '{}' takes no keyword argument '{}'", macro.name.bytes(),
                      printable(named[0].first.bytes(), 40));
  }
  if (macro.uses_varargs) {
    std::vector<Value> rest;
    for (size_t i = count; i < arguments.positional.size(); ++i) rest.push_back(arguments.positional[i]);
    TRY_ASSIGN(Value varargs, make_list(budget, std::move(rest), Author::the_template, List::Form::tuple));
    scope_->set(id("varargs"), std::move(varargs));
  } else if (arguments.positional.size() > count) {
    return type_error("macro '{}' takes not more than {} arguments", macro.name.bytes(), count);
  }
  TRY_ASSIGN(const Text text, captured([&] { return run_block(macro.body); }));
  return Value(text);
}

Result<Done> Interpreter::evaluate_arguments(const ArgumentList& list, Call& call) {
  for (const auto& argument : list.positional) {
    TRY_ASSIGN(call.positional.emplace_back(), evaluate(*argument));
  }
  if (list.star) {
    TRY_ASSIGN(const Value more, evaluate(*list.star));
    TRY_ASSIGN(auto items, items_of(budget, more));
    call.positional.insert(call.positional.end(), items.begin(), items.end());
  }
  for (const auto& [name, argument] : list.named) {
    TRY_ASSIGN(Value value, evaluate(*argument));
    call.named.emplace_back(name, std::move(value));
  }
  if (list.double_star) {
    TRY_ASSIGN(const Value more, evaluate(*list.double_star));
    if (!more.map()) return type_error("argument after ** must be a mapping, not {}", more.type());
    TRY(budget.make(more.map()->size() * sizeof(Map::Entry)));
    for (const auto& [key, value] : more.map()->entries()) {
      if (!key.text()) return type_error("keywords must be strings");
      for (const auto& other : list.named)
        if (other.first.bytes() == key.text()->bytes())
          return type_error("two values for '{}'", printable(other.first.bytes(), 40));
      call.named.emplace_back(*key.text(), value);
    }
  }
  return Done{};
}

// --- expressions --------------------------------------------------------------------------------------------------

Result<Value> Interpreter::evaluate(const Expression& expression) {
  DepthGuard guard(*this);
  TRY(check_depth());
  TRY(budget.step());
  line_ = expression.line;
  switch (expression.kind) {
    case Kind::constant:
      return expression.value;
    case Kind::name:
      return look_up(expression.name);
    case Kind::list:
    case Kind::tuple:
      return evaluate_sequence(expression);
    case Kind::map:
      return evaluate_map(expression);
    case Kind::attribute: {
      TRY_ASSIGN(const Value value, evaluate(*expression.operands[0]));
      line_ = expression.line;
      return attribute_of(*this, value, expression.text);
    }
    case Kind::item: {
      TRY_ASSIGN(const Value value, evaluate(*expression.operands[0]));
      TRY_ASSIGN(const Value key, evaluate(*expression.operands[1]));
      line_ = expression.line;
      return item_of(*this, value, key);
    }
    case Kind::slice:
      return evaluate_slice(expression);
    case Kind::call:
      return evaluate_call(expression);
    case Kind::filter:
      return evaluate_filter(expression, nullptr);
    case Kind::test:
      return evaluate_test(expression);
    case Kind::negative:
    case Kind::positive: {
      TRY_ASSIGN(const Value value, evaluate(*expression.operands[0]));
      line_ = expression.line;
      TRY_ASSIGN(const Value minus, negative(value));
      return expression.kind == Kind::negative ? minus : value;
    }
    case Kind::logical_not: {
      TRY_ASSIGN(const Value value, evaluate(*expression.operands[0]));
      return Value(!value.truth());
    }
    case Kind::logical_and:
    case Kind::logical_or:
      return evaluate_logic(expression);
    case Kind::arithmetic:
      return evaluate_arithmetic(expression);
    case Kind::concatenation:
      return evaluate_concatenation(expression);
    case Kind::comparison:
      return evaluate_comparison(expression);
    case Kind::conditional:
      return evaluate_conditional(expression);
  }
  return Value();
}

Result<Value> Interpreter::evaluate_sequence(const Expression& expression) {
  std::vector<Value> items;
  for (const auto& operand : expression.operands) {
    TRY_ASSIGN(items.emplace_back(), evaluate(*operand));
  }
  return make_list(budget, std::move(items), Author::the_template,
                   expression.kind == Kind::list ? List::Form::list : List::Form::tuple);
}

Result<Value> Interpreter::evaluate_map(const Expression& expression) {
  Map map;
  for (size_t i = 0; i < expression.operands.size(); i += 2) {
    TRY_ASSIGN(Value key, evaluate(*expression.operands[i]));
    TRY_ASSIGN(Value value, evaluate(*expression.operands[i + 1]));
    if (!is_hashable(key)) return type_error("unhashable type: '{}'", key.type());
    map.set(std::move(key), std::move(value));
  }
  return make_map(budget, std::move(map), Author::the_template);
}

Result<Value> Interpreter::evaluate_slice(const Expression& expression) {
  Value parts[4];
  for (size_t i = 0; i < 4; ++i) {
    if (!expression.operands[i]) continue;
    TRY_ASSIGN(parts[i], evaluate(*expression.operands[i]));
  }
  line_ = expression.line;
  return slice_of(*this, parts[0], parts[1], parts[2], parts[3]);
}

Result<Value> Interpreter::evaluate_call(const Expression& expression, std::optional<Value> caller) {
  const Expression& callee = *expression.operands[0];
  const Method* method = nullptr;
  Value target;
  if (callee.kind == Kind::attribute) {  // self.method(): no need to make the method a value
    TRY_ASSIGN(target, evaluate(*callee.operands[0]));
    line_ = callee.line;
    const bool is_object = target.as<Object*>();
    method = is_object ? nullptr : find_method(target, callee.text.bytes());
    if (!method) {
      TRY_ASSIGN(target, attribute_of(*this, target, callee.text));
    }
  } else {
    TRY_ASSIGN(target, evaluate(callee));
  }
  Call arguments;
  TRY(evaluate_arguments(expression.arguments, arguments));
  if (caller) arguments.named.emplace_back(Text("caller", Author::the_template), std::move(*caller));
  line_ = expression.line;
  if (method) return method->call(*this, target, arguments);
  return call(target, arguments);
}

// `input`: what the innermost filter of a block gets.
Result<Value> Interpreter::evaluate_filter(const Expression& expression, const Value* input) {
  DepthGuard guard(*this);
  TRY(check_depth());
  Value value;
  const Expression* inner = expression.operands[0].get();
  if (!inner) {
    value = *input;
  } else if (input && inner->kind == Kind::filter) {
    TRY_ASSIGN(value, evaluate_filter(*inner, input));
  } else {
    TRY_ASSIGN(value, evaluate(*inner));
  }
  Call arguments;
  TRY(evaluate_arguments(expression.arguments, arguments));
  line_ = expression.line;
  if (!expression.filter) return type_error("no filter named '{}'", printable(expression.text.bytes(), 40));
  return expression.filter->apply(*this, value, arguments);
}

Result<Value> Interpreter::evaluate_test(const Expression& expression) {
  TRY_ASSIGN(const Value value, evaluate(*expression.operands[0]));
  Call arguments;
  TRY(evaluate_arguments(expression.arguments, arguments));
  line_ = expression.line;
  if (!expression.test) return type_error("no test named '{}'", printable(expression.text.bytes(), 40));
  TRY_ASSIGN(const bool holds, expression.test->holds(*this, value, arguments));
  return Value(holds);
}

Result<Value> Interpreter::evaluate_logic(const Expression& expression) {
  Value value;
  for (const auto& operand : expression.operands) {
    TRY_ASSIGN(value, evaluate(*operand));
    if (value.truth() == (expression.kind == Kind::logical_or)) break;
  }
  return value;
}

Result<Value> Interpreter::evaluate_arithmetic(const Expression& expression) {
  TRY_ASSIGN(Value value, evaluate(*expression.operands[0]));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    TRY_ASSIGN(const Value right, evaluate(*expression.operands[i + 1]));
    line_ = expression.line;
    TRY_ASSIGN(value, arithmetic(*this, expression.operators[i], value, right));
  }
  return value;
}

Result<Value> Interpreter::evaluate_concatenation(const Expression& expression) {
  std::vector<Value> values;
  for (const auto& operand : expression.operands) {
    TRY_ASSIGN(values.emplace_back(), evaluate(*operand));
  }
  TRY_ASSIGN(const Text text, concatenate(budget, values));
  return Value(text);
}

Result<Value> Interpreter::evaluate_comparison(const Expression& expression) {
  TRY_ASSIGN(Value left, evaluate(*expression.operands[0]));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    TRY_ASSIGN(Value right, evaluate(*expression.operands[i + 1]));
    line_ = expression.line;
    TRY_ASSIGN(const bool is_true, holds(budget, expression.operators[i], left, right));
    if (!is_true) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::evaluate_conditional(const Expression& expression) {
  TRY_ASSIGN(const Value condition, evaluate(*expression.operands[1]));
  if (condition.truth()) return evaluate(*expression.operands[0]);
  if (expression.operands[2]) return evaluate(*expression.operands[2]);
  return Value(Undefined{Text("an 'if' without its 'else'", Author::the_template)});
}

}  // namespace

tl::expected<std::vector<Piece>, Fail> run_template(const Template& tree, const Rendering& rendering) {
  Interpreter interpreter(tree, rendering);
  auto pieces = interpreter.run();
  if (pieces) return std::move(*pieces);
  return tl::unexpected<Fail>(Fail{std::move(pieces.error()), interpreter.line()});
}

}  // namespace freehold::jinja
