// JSON and JSON lines as tables: every list of objects is one, nested keys become a.b. Numbers stay exact.
#include "base/json.h"

#include "base/limits.h"
#include "library/readers/readers.h"

namespace freehold::papers {
namespace {

constexpr size_t most_cell = 100'000;

std::string text_of(const Json& value) {
  if (value.is_string()) return trimmed(value.get_ref<const std::string&>());
  if (value.is_null()) return "";
  if (value.is_array()) {
    std::string joined;
    for (const Json& part : value) {
      if (joined.size() > most_cell) break;
      joined += (joined.empty() ? "" : ", ") + (part.is_structured() ? part.dump() : text_of(part));
    }
    return joined;
  }
  return value.dump();
}

struct Flat {
  std::vector<std::pair<std::string, Cell>> cells;
};
void flatten(const Json& object, const std::string& prefix, Flat& out) {  // depth is capped by the JSON reader
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    if (value.is_object())
      flatten(value, name, out);
    else
      out.cells.push_back({name, {text_of(value), value.is_number()}});
  }
}

class TableMaker {
 public:
  Result<Done> add(const Json& object, std::string place, std::string_view name) {
    Flat flat;
    flatten(object, "", flat);
    GridRow row{std::move(place), std::vector<Cell>(header_.size())};
    for (auto& [key, cell] : flat.cells) {
      const auto [found, is_new] = columns_.try_emplace(key, header_.size());
      if (is_new) header_.push_back(key);
      if (header_.size() > limits::table_columns)
        return out_of_resources("{}: objects with more than {} different keys", name, limits::table_columns);
      if (row.cells.size() <= found->second) row.cells.resize(found->second + 1);
      row.cells[found->second] = std::move(cell);
    }
    rows_.push_back(std::move(row));
    return Done{};
  }
  bool empty() const { return rows_.empty(); }
  Grid grid(std::string place, std::string title) {
    Grid grid{std::move(place), std::move(title), {}};
    GridRow head{"keys", {}};
    for (const std::string& key : header_) head.cells.push_back({key, false});
    grid.rows.push_back(std::move(head));
    for (GridRow& row : rows_) grid.rows.push_back(std::move(row));
    return grid;
  }

 private:
  std::map<std::string, size_t> columns_;
  std::vector<std::string> header_;
  std::vector<GridRow> rows_;
};

Result<Done> collect(Paper& paper, const Json& value, const std::string& path, std::string_view name) {
  if (value.is_array()) {
    TableMaker maker;
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i].is_object()) {
        TRY(maker.add(value[i], fmt::format("{}[{}]", path, i), name));
      } else if (value[i].is_string()) {
        paper.passages.push_back({fmt::format("{}[{}]", path, i), path, text_of(value[i])});
      }
    }
    if (!maker.empty()) paper.grids.push_back(maker.grid(path, path));
    return Done{};
  }
  if (!value.is_object()) return Done{};
  bool inner = false;
  for (const auto& [key, part] : value.items())
    if (part.is_array() && !part.empty() && part[0].is_object()) {
      inner = true;
      TRY(collect(paper, part, path.empty() ? key : path + "." + key, name));
    }
  if (!inner) {
    TableMaker maker;
    TRY(maker.add(value, path.empty() ? "object" : path, name));
    paper.grids.push_back(maker.grid(path, path));
    return Done{};
  }
  for (const auto& [key, part] : value.items())
    if (part.is_string()) paper.passages.push_back({path.empty() ? key : path + "." + key, key, text_of(part)});
  return Done{};
}

}  // namespace

Result<Paper> read_json(std::string_view text, std::string_view name) {
  TRY_ASSIGN(const Json json, parse_json(text, name));
  Paper paper;
  paper.read_as = "JSON";
  TRY(collect(paper, json, "", name));
  return paper;
}

Result<Paper> read_json_lines(std::string_view text, std::string_view name) {
  Paper paper;
  paper.read_as = "JSON lines";
  TableMaker maker;
  size_t line = 0, bad = 0;
  std::string first_fault;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string part = trimmed(text.substr(at, end - at));
    at = end + 1;
    ++line;
    if (part.empty()) continue;
    auto json = parse_json(part, fmt::format("{}: line {}", name, line));
    if (!json || !json->is_object()) {
      if (bad++ == 0) first_fault = json ? fmt::format("line {} is no object", line) : json.error().what;
      continue;
    }
    TRY(maker.add(*json, fmt::format("L{}", line), name));
  }
  if (maker.empty()) return malformed("{}: no line is a JSON object; {}", name, first_fault);
  if (bad > 0) paper.notes.push_back(fmt::format("{} lines left out: {}", bad, first_fault));
  paper.grids.push_back(maker.grid("", ""));
  return paper;
}

}  // namespace freehold::papers
