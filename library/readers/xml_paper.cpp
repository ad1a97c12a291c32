// XML of any kind: elements of one name that come again under one parent are rows, their attributes and inner elements
// are columns ("address.town"); what stands alone is text. No document type, no entities, nothing is fetched.
#include <memory>

#include "base/limits.h"
#include "library/readers/layout.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

struct Node {
  std::string name, text;
  Attributes attributes;
  std::vector<std::unique_ptr<Node>> children;
};

void gather(const Node& node, const std::string& prefix, std::vector<std::pair<std::string, std::string>>& out) {
  for (const auto& [key, value] : node.attributes) out.push_back({prefix + key, value});
  const std::string own = prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1);
  if (const std::string text = trimmed_text(node.text); !text.empty())
    out.push_back({own.empty() ? node.name : own, text});
  for (const auto& child : node.children) gather(*child, prefix + child->name + ".", out);
}

struct Tables {
  Paper& paper;
  void walk(const Node& node, const std::string& path) {
    std::map<std::string, std::vector<const Node*>> named;
    for (const auto& child : node.children) named[child->name].push_back(child.get());
    for (const auto& [name, rows] : named) {
      const std::string place = path + "/" + name;
      const bool records = rows.size() >= 2 && (!rows[0]->attributes.empty() || !rows[0]->children.empty());
      if (records) {
        add(place, name, rows);
      } else {
        for (size_t i = 0; i < rows.size(); ++i) {
          if (const std::string text = trimmed_text(rows[i]->text); !text.empty())
            paper.passages.push_back(
                {rows.size() > 1 ? fmt::format("{}[{}]", place, i + 1) : place, node.name, name + ": " + text});
          for (const auto& [key, value] : rows[i]->attributes)
            paper.passages.push_back({place + "/@" + key, name, key + ": " + value});
          walk(*rows[i], place);
        }
      }
    }
  }
  void add(const std::string& place, const std::string& name, const std::vector<const Node*>& rows) {
    std::vector<std::string> columns;
    std::map<std::string, size_t> at;
    std::vector<std::vector<std::pair<std::string, std::string>>> values;
    for (const Node* row : rows) {
      values.emplace_back();
      gather(*row, "", values.back());
      for (const auto& [column, value] : values.back())
        if (columns.size() < limits::table_columns && at.emplace(column, columns.size()).second)
          columns.push_back(column);
    }
    if (columns.size() < 2) {
      for (size_t i = 0; i < values.size(); ++i)
        for (const auto& [column, value] : values[i])
          paper.passages.push_back({fmt::format("{}[{}]", place, i + 1), name, column + ": " + value});
      return;
    }
    Grid grid{place, name, {}};
    grid.rows.push_back({place, {}});
    for (const std::string& column : columns) grid.rows[0].cells.push_back({column, false});
    for (size_t i = 0; i < values.size(); ++i) {
      GridRow row{fmt::format("{}[{}]", place, i + 1), std::vector<Cell>(columns.size())};
      for (const auto& [column, value] : values[i])
        if (const auto found = at.find(column); found != at.end()) {
          std::string& cell = row.cells[found->second].text;
          cell += (cell.empty() ? "" : "; ") + trimmed_text(value);
        }
      grid.rows.push_back(std::move(row));
    }
    paper.grids.push_back(std::move(grid));
  }
};

}  // namespace

Result<Paper> read_xml(std::string_view text, std::string_view name) {
  Node top;
  std::vector<Node*> open = {&top};
  size_t nodes = 0;
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& attributes) {
    auto node = std::make_unique<Node>();
    if (++nodes <= limits::table_cells) node->name = element, node->attributes = attributes;
    Node* made = node.get();
    open.back()->children.push_back(std::move(node));
    open.push_back(made);
  };
  events.text = [&](std::string_view more) { open.back()->text += more; };
  events.end = [&](std::string_view) { open.pop_back(); };
  TRY(walk_xml(text, name, events));
  if (nodes > limits::table_cells)
    return out_of_resources("{}: {} elements, at most {} are read", name, nodes, limits::table_cells);
  Paper paper;
  paper.read_as = "XML";
  if (!top.children.empty()) Tables{paper}.walk(*top.children[0], "/" + top.children[0]->name);
  return paper;
}

}  // namespace freehold::papers
