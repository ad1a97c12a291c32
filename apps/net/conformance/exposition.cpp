#include "apps/net/conformance/exposition.h"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace freehold::conformance {
namespace {

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool in_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

std::string_view take_name(std::string_view& line) {
  size_t end = 0;
  while (end < line.size() && (end == 0 ? begins_name(line[end]) : in_name(line[end]))) ++end;
  const std::string_view name = line.substr(0, end);
  line.remove_prefix(end);
  return name;
}

bool take(std::string_view& line, char c) {
  if (!line.starts_with(c)) return false;
  line.remove_prefix(1);
  return true;
}

// {a="b",c="d"}; `le` gets the value of that label.
bool take_labels(std::string_view& line, std::string& le) {
  if (!take(line, '{')) return true;
  while (!take(line, '}')) {
    const std::string_view name = take_name(line);
    if (name.empty() || name.find(':') != std::string_view::npos || !take(line, '=') || !take(line, '"')) return false;
    std::string value;
    while (!line.empty() && line[0] != '"') {
      if (line[0] == '\\') {
        line.remove_prefix(1);
        if (line.empty() || (line[0] != '\\' && line[0] != '"' && line[0] != 'n')) return false;
      }
      value += line[0];
      line.remove_prefix(1);
    }
    if (!take(line, '"')) return false;
    if (name == "le") le = value;
    if (!take(line, ',') && !line.starts_with('}')) return false;
  }
  return true;
}

bool take_value(std::string_view& line, double& value) {
  if (!take(line, ' ')) return false;
  for (const auto& [word, number] :
       {std::pair<std::string_view, double>{"+Inf", INFINITY}, {"-Inf", -INFINITY}, {"NaN", NAN}})
    if (line.starts_with(word)) return value = number, line.remove_prefix(word.size()), true;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), value);
  if (read.ec != std::errc()) return false;
  line.remove_prefix(static_cast<size_t>(read.ptr - line.data()));
  return true;
}

// The family that a sample belongs to, if one has been declared.
std::string family_of(const std::map<std::string, std::string>& kinds, std::string_view name) {
  if (kinds.contains(std::string(name))) return std::string(name);
  for (const std::string_view end : {"_bucket", "_sum", "_count"})
    if (name.ends_with(end)) {
      const std::string family(name.substr(0, name.size() - end.size()));
      const auto found = kinds.find(family);
      if (found != kinds.end() && (found->second == "histogram" || (found->second == "summary" && end != "_bucket")))
        return family;
    }
  return {};
}

}  // namespace

double Exposition::sum(std::string_view name) const {
  double sum = 0;
  for (const auto& [sample, value] : samples)
    if (sample == name || (sample.starts_with(name) && sample[name.size()] == '{')) sum += value;
  return sum;
}

bool Exposition::has(std::string_view name) const {
  const auto at = samples.lower_bound(std::string(name));
  return at != samples.end() && (at->first == name || at->first.starts_with(std::string(name) + "{"));
}

Result<Exposition> read_exposition(std::string_view text) {
  Exposition all;
  if (text.empty() || text.back() != '\n') return malformed("metrics: expected lines, the last of them ended");
  std::string last_family, buckets;  // buckets: name and labels without le, of the histogram that is being read
  double last_bucket = 0;
  bool whole = true;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    const std::string shown = fmt::format("metrics, line {}: {}", number, printable(line, 80));
    text.remove_prefix(end + 1);
    if (line.empty()) continue;
    if (line.starts_with("# TYPE ")) {
      line.remove_prefix(7);
      const std::string name(take_name(line));
      if (name.empty() || !take(line, ' ') ||
          (line != "counter" && line != "gauge" && line != "histogram" && line != "summary" && line != "untyped"))
        return malformed("{}: expected a name and a type", shown);
      if (!all.kinds.emplace(name, line).second) return malformed("{}: the type of {} is given twice", shown, name);
      continue;
    }
    if (line.starts_with('#')) continue;  // HELP, and comments
    const std::string_view begin = line;
    const std::string name(take_name(line));
    std::string le;
    if (name.empty() || !take_labels(line, le)) return malformed("{}: expected a name, with labels in braces", shown);
    const std::string sample(begin.substr(0, begin.size() - line.size()));
    double value = 0;
    if (!take_value(line, value) || (!line.empty() && line[0] != ' ')) return malformed("{}: expected a number", shown);
    const std::string family = family_of(all.kinds, name);
    if (family.empty()) return malformed("{}: no type was given for it", shown);
    if (!all.samples.emplace(sample, value).second) return malformed("{}: stands there twice", shown);
    if (all.kinds[family] == "counter" && !(value >= 0)) return malformed("{}: a counter below 0", shown);
    if (all.kinds[family] != "histogram") continue;
    if (name.ends_with("_bucket")) {
      std::string rest = sample;
      if (const size_t at = rest.find("le=\""); at != std::string::npos) rest.resize(at);
      if (rest != buckets) {
        if (!whole) return malformed("{}: the histogram before it has no bucket +Inf", shown);
        buckets = rest, last_bucket = 0;
      }
      if (le.empty() || value < last_bucket) return malformed("{}: buckets do not add up", shown);
      last_bucket = value, whole = le == "+Inf";
    } else if (name.ends_with("_count") && (!whole || value != last_bucket)) {
      return malformed("{}: its count is not that of the bucket +Inf", shown);
    }
  }
  if (!whole) return malformed("metrics: the last histogram has no bucket +Inf");
  return all;
}

}  // namespace freehold::conformance
