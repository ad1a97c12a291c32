// The operators of the language, with Python's rules: integers of 64 bits whose overflow is an error, / always a
// float, // and % round down, texts and lists can be added and repeated, 1 == 1.0 == true.
#pragma once

#include "text/jinja/machine.h"
#include "text/jinja/syntax.h"

namespace freehold::jinja {

Result<Value> arithmetic(Machine&, Operator, const Value& a, const Value& b);
Result<Value> negative(const Value&);
Result<Text> concatenate(Budget&, const std::vector<Value>&);  // ~ ; escapes nothing, unlike +

Result<bool> equal(Budget&, const Value& a, const Value& b);
Result<int> compare(Budget&, const Value& a, const Value& b);  // -1, 0, 1; a type error if they have no order
Result<bool> contains(Budget&, const Value& container, const Value& item);
Result<bool> holds(Budget&, Operator, const Value& a, const Value& b);  // any of the comparisons

// The stable order of `keys` as indices.
Result<std::vector<size_t>> order_of(Budget&, const std::vector<Value>& keys, bool reverse);

Result<Value> slice_of(Machine&, const Value&, const Value& first, const Value& end, const Value& step);

}  // namespace freehold::jinja
