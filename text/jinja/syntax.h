// The tree of a parsed template. Immutable after parsing and shared by renderings. Every node knows its line; no tree
// is deeper than the parser's limit, so walks and destructors may recurse.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/jinja/value.h"

namespace freehold::jinja {

struct Filter;
struct Test;
struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

// Names of variables are numbers within one template: Template::names[name].
using Name = int;

struct ArgumentList {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<Text, ExpressionPtr>> named;
  ExpressionPtr star, double_star;  // *list, **map
};

enum class Operator {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
};

struct Expression {
  enum class Kind {
    constant,  // value
    name,      // name
    list,
    tuple,      // operands
    map,        // operands: key, value, key, value ...
    attribute,  // operands[0] . text
    item,       // operands[0] [ operands[1] ]
    slice,      // operands[0] [ operands[1] : operands[2] : operands[3] ], those may be null
    call,       // operands[0] ( arguments )
    filter,     // operands[0] | filter ( arguments ); operands[0] is null in a filter block
    test,       // operands[0] is test ( arguments )
    negative,
    positive,
    logical_not,  // operands[0]
    logical_and,
    logical_or,     // operands, two or more
    arithmetic,     // operands[0] operators[0] operands[1] ..., from the left
    concatenation,  // operands joined by ~
    comparison,     // operands[0] operators[0] operands[1] and operands[1] operators[1] operands[2] ...
    conditional,    // operands[0] if operands[1] else operands[2], which may be null
  };
  Kind kind;
  int line;
  int depth = 1;
  Value value;
  Name name = -1;
  Text text;  // of an attribute; of a filter or test that does not exist, its name
  std::vector<ExpressionPtr> operands;
  std::vector<Operator> operators;
  ArgumentList arguments;
  const Filter* filter = nullptr;
  const Test* test = nullptr;
};

// What can be assigned to: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  Name name = -1;
  Text attribute;  // not empty: of the namespace `name`
  std::vector<Target> parts;
  bool is_tuple = false;
};

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

struct Macro {
  Text name;  // empty: the body of a call block
  std::vector<Name> parameters;
  std::vector<Text> parameter_names;
  std::vector<ExpressionPtr> defaults;  // of the last parameters
  Block body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false, has_caller_parameter = false;
};

struct Statement {
  enum class Kind {
    data,     // text
    output,   // expressions
    branch,   // if expressions[i] then blocks[i]; one block more than expressions is the else
    loop,     // for target in expressions[0] if expressions[1]; blocks: body, else
    assign,   // target = expressions[0]
    capture,  // target = blocks[0] through expressions[0], a chain of filters or null
    macro,    // macro, to be assigned to target
    call,     // expressions[0], a call, with macro as its caller
    filter,   // blocks[0] through expressions[0]
    scope,    // blocks[0] in a scope of its own, where with_targets[i] = expressions[i]
    break_loop,
    continue_loop,
    load,  // include, import, extends: there is nothing to load from
  };
  Kind kind;
  int line;
  Text text;
  Target target;
  std::vector<ExpressionPtr> expressions;
  std::vector<Block> blocks;
  std::vector<Target> with_targets;
  std::unique_ptr<Macro> macro;
  bool uses_loop = false, is_recursive = false;
  bool hides_target = false;  // capture: within its own block the name, if new there, is undefined, as in Jinja
};

struct Template {
  std::vector<std::string> names;
  Block body;
};

}  // namespace freehold::jinja
