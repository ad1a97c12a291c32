#include "serve/fields.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace freehold {
namespace {

std::string shown(const Json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>(), 40);
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return value.dump();
}

}  // namespace

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  CHECK(object_.is_object());
}

const Json* Fields::find(std::string_view name) {
  known_.emplace(name);
  const auto member = object_.find(std::string(name));
  return member == object_.end() || member->is_null() ? nullptr : &*member;
}

void Fields::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

bool Fields::wrong(std::string_view name, std::string_view expected, const Json& found) {
  fail(invalid(path_ + std::string(name), fmt::format("expected {}, found {}", expected, shown(found))));
  return false;
}

bool Fields::number(std::string_view name, double least, double most, double& to) {
  const Json* value = find(name);
  if (!value) return false;
  const double found = value->is_number() ? value->get<double>() : NAN;
  if (!(found >= least && found <= most))
    return wrong(name, fmt::format("a number from {} to {}", least, most), *value);
  to = found;
  return true;
}

bool Fields::integer(std::string_view name, int64_t least, int64_t most, int& to) {
  const Json* value = find(name);
  if (!value) return false;
  int64_t found = least - 1;
  if (value->is_number_unsigned())
    found = static_cast<int64_t>(std::min<uint64_t>(value->get<uint64_t>(), INT64_MAX));
  else if (value->is_number_integer())
    found = value->get<int64_t>();
  else
    return wrong(name, fmt::format("a whole number from {} to {}", least, most), *value);
  if (found < least || found > most)
    return wrong(name, fmt::format("a whole number from {} to {}", least, most), *value);
  to = static_cast<int>(found);
  return true;
}

bool Fields::natural(std::string_view name, uint64_t& to) {
  const Json* value = find(name);
  if (!value) return false;
  if (!value->is_number_integer()) return wrong(name, "a whole number", *value);
  to = value->is_number_unsigned() ? value->get<uint64_t>() : static_cast<uint64_t>(value->get<int64_t>());
  return true;
}

bool Fields::boolean(std::string_view name, bool& to) {
  const Json* value = find(name);
  if (!value) return false;
  if (!value->is_boolean()) return wrong(name, "true or false", *value);
  to = value->get<bool>();
  return true;
}

bool Fields::text(std::string_view name, std::string& to) {
  const Json* value = find(name);
  if (!value) return false;
  if (!value->is_string()) return wrong(name, "a string", *value);
  to = value->get_ref<const std::string&>();
  return true;
}

bool Fields::one_of(std::string_view name, std::initializer_list<std::string_view> words, std::string& to) {
  std::string found;
  if (!text(name, found)) return false;
  if (std::find(words.begin(), words.end(), found) == words.end())
    return wrong(name, fmt::format("one of {}", fmt::join(words, ", ")), Json(found));
  to = found;
  return true;
}

void Fields::accept(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) known_.emplace(name);
}

void Fields::refuse(std::initializer_list<std::string_view> names, std::string_view why) {
  for (const std::string_view name : names) {
    const Json* value = find(name);
    if (!value || *value == Json(false) || *value == Json("") || (value->is_structured() && value->empty())) continue;
    fail(unsupported_field(path_ + std::string(name), std::string(why)));
  }
}

void Fields::only(std::string_view name, const Json& value, std::string_view why) {
  const Json* found = find(name);
  if (found && *found != value) fail(unsupported_field(path_ + std::string(name), std::string(why)));
}

std::vector<std::string> Fields::unknown() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name)) names.push_back(path_ + printable(name, 60));
  return names;
}

Headers ignored_header(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string list;
  for (const std::string& name : names) {
    if (list.size() + name.size() > 2000) break;
    list += (list.empty() ? "" : ", ") + name;
  }
  for (char& c : list)
    if (c < 0x20 || c > 0x7e) c = '?';
  return {{"X-Freehold-Ignored", list}};
}

}  // namespace freehold
