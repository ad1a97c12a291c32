// The functions that every template finds: Jinja's own, and the two that transformers adds.
#include <algorithm>
#include <ctime>

#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/print.h"

namespace freehold::jinja {
namespace {

constexpr int64_t longest_range = 100'000;

Result<Value> range(Machine& machine, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("range", call, {"", "", ""}, 1));
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < 3; ++i) {
    if (!bound[i]) continue;
    if (const auto* undefined = bound[i]->as<Undefined>()) return undefined_use(*undefined);
    if (!bound[i]->integer()) return type_error("range: '{}' is no integer", bound[i]->type());
    numbers[i] = *bound[i]->integer();
  }
  auto [start, stop, step] = numbers;
  if (!bound[1]) {
    stop = start;
    start = 0;
  }
  if (step == 0) return type_error("range: the step must not be zero");
  const __int128 span = step > 0 ? static_cast<__int128>(stop) - start : static_cast<__int128>(start) - stop;
  const __int128 stride = step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step);
  const __int128 count = span <= 0 ? 0 : (span + stride - 1) / stride;
  if (count > longest_range) return range_error("a range of more than {} numbers", longest_range);
  TRY(machine.budget.make(static_cast<uint64_t>(count) * sizeof(Value)));
  List list;
  list.form = List::Form::range;
  list.start = start;
  list.stop = stop;
  list.step = step;
  list.items.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i) list.items.emplace_back(start + i * step);
  return Value(std::make_shared<const List>(std::move(list)));
}

// dict(map or pairs, name=value ...)
Result<Map> map_of(Machine& machine, Call& call) {
  if (call.positional.size() > 1) return type_error("dict expected at most 1 argument, got {}", call.positional.size());
  Map map;
  if (!call.positional.empty()) {
    const Value& source = call.positional[0];
    if (const Map* other = source.map()) {
      TRY(machine.budget.make(other->size() * sizeof(Map::Entry)));
      for (const auto& [key, value] : other->entries()) map.set(key, value);
    } else {
      TRY_ASSIGN(const auto pairs, items_of(machine.budget, source));
      for (const Value& pair : pairs) {
        TRY_ASSIGN(const auto parts, items_of(machine.budget, pair));
        if (parts.size() != 2) return type_error("dict: a pair of {} parts; 2 is required", parts.size());
        if (!is_hashable(parts[0])) return type_error("unhashable type: '{}'", parts[0].type());
        map.set(parts[0], parts[1]);
      }
    }
  }
  for (auto& [name, value] : call.named) map.set(Value(name), std::move(value));
  return map;
}

Result<Value> dict(Machine& machine, Call& call) {
  TRY_ASSIGN(Map map, map_of(machine, call));
  return make_map(machine.budget, std::move(map), Author::the_template);
}

Result<Value> name_space(Machine& machine, Call& call) {
  auto made = std::make_unique<Namespace>();
  TRY_ASSIGN(made->attributes, map_of(machine, call));
  for (const auto& [key, value] : made->attributes.entries())
    if (key.text()) TRY(check_attribute(*key.text()));
  TRY(machine.budget.make(sizeof(Namespace)));
  return machine.own(std::move(made));
}

Result<Value> cycler(Machine& machine, Call& call) {
  if (!call.named.empty()) return type_error("cycler takes no arguments by name");
  if (call.positional.empty()) return type_error("at least one item has to be provided");
  TRY(machine.budget.make(sizeof(Cycler) + call.positional.size() * sizeof(Value)));
  auto made = std::make_unique<Cycler>();
  made->items = std::move(call.positional);
  return machine.own(std::move(made));
}

Result<Value> joiner(Machine& machine, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("joiner", call, {"sep"}));
  TRY(machine.budget.make(sizeof(Joiner)));
  return machine.own(std::make_unique<Joiner>(bound[0].value_or(Value(Text(", ", Author::the_template)))));
}

Result<Value> raise_exception(Machine& machine, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("raise_exception", call, {"message"}, 1));
  TRY_ASSIGN(const Text message, to_text(machine.budget, *bound[0]));
  return failure(Fault::inconsistent, fmt::format("raised: {}", message.bytes()));
}

Result<Value> strftime_now(Machine& machine, Call& call) {
  TRY_ASSIGN(const Bound bound, bind("strftime_now", call, {"format"}, 1));
  TRY_ASSIGN(const Text format, text_argument("strftime_now", *bound[0]));
  if (!machine.now) {
    const std::time_t seconds = std::time(nullptr);
    machine.now.emplace();
    localtime_r(&seconds, &*machine.now);
  }
  const std::string_view text = format.bytes();
  TextBuilder out(machine.budget);
  for (size_t at = 0; at < text.size();) {
    const size_t mark = std::min(text.find('%', at), text.size());
    out.add(format, at, mark);
    if (mark == text.size()) break;
    size_t end = mark + 1;
    if (end < text.size() && text[end] == '-') ++end;
    if (end == text.size() ||
        std::string_view("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyY%").find(text[end]) == std::string_view::npos) {
      const char directive = end < text.size() ? text[end] : '\0';
      if (directive == 'f')
        out.add("000000", Author::the_template);
      else if (directive != 'z' && directive != 'Z')
        return type_error("strftime_now: unknown format '{}'", printable(text.substr(mark), 20));
      at = end + 1;
      continue;
    }
    char buffer[128];
    const std::string directive(text.substr(mark, end + 1 - mark));
    const size_t length = std::strftime(buffer, sizeof(buffer), directive.c_str(), &*machine.now);
    out.add(std::string_view(buffer, length), Author::the_template);
    at = end + 1;
  }
  TRY_ASSIGN(const Text made, out.finish());
  return Value(made);
}

Result<Value> lipsum(Machine&, Call&) { return not_done("the function lipsum"); }

constexpr Function table[] = {
    {"range", range},
    {"dict", dict},
    {"namespace", name_space},
    {"cycler", cycler},
    {"joiner", joiner},
    {"lipsum", lipsum},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

const Function* find_function(std::string_view name) {
  for (const Function& function : table)
    if (function.name == name) return &function;
  return nullptr;
}

}  // namespace freehold::jinja
