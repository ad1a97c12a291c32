// The tables of what templates can name: filters, tests, methods of values and global functions.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/machine.h"

namespace freehold::jinja {

const Filter* find_filter(std::string_view name);
const Test* find_test(std::string_view name);
const Function* find_function(std::string_view name);

// A method of the value's type; null if there is none that can be called.
const Method* find_method(const Value& self, std::string_view name);
// Python has an attribute of that name on the value's type, which the sandbox hides: it changes the value, begins
// with an underscore, or is a method that we do not have.
bool is_hidden_attribute(const Value& self, std::string_view name);

// The parts of the tables.
std::span<const Filter> text_filters();
std::span<const Filter> list_filters();
std::span<const Filter> number_filters();

}  // namespace freehold::jinja
