#include "library/table_shape.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "library/values.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

size_t filled(const GridRow& row) {
  return static_cast<size_t>(
      std::count_if(row.cells.begin(), row.cells.end(), [](const Cell& c) { return !c.text.empty(); }));
}
// A number, a date or a duration: what stands in data and not in headers.
bool is_typed(const Cell& cell) {
  if (cell.text.empty() || cell.text.size() > 40) return false;
  if (cell.exact) return true;
  size_t length = 0;
  if (const auto date = find_date(cell.text, true); date && date->length + 10 > cell.text.size()) return true;
  if (duration_at(cell.text, length) || clock_duration(cell.text)) return true;
  const bool starts_with_letter = std::isalpha(static_cast<unsigned char>(cell.text[0])) != 0;
  return !starts_with_letter && number_of(cell.text, Mark::point).has_value();
}
bool could_be_header(const GridRow& row) {
  std::set<std::string> seen;
  for (const Cell& cell : row.cells) {
    if (cell.text.size() > 80 || is_typed(cell)) return false;
    if (!cell.text.empty()) seen.insert(fold(cell.text));
  }
  return seen.size() >= 2;
}
bool is_unit_row(const GridRow& row) {
  size_t units = 0, others = 0;
  for (const Cell& cell : row.cells) {
    if (cell.text.empty() || cell.text == "-") continue;
    const std::string bare = trimmed_text(
        cell.text.front() == '[' || cell.text.front() == '(' ? cell.text.substr(1, cell.text.size() - 2) : cell.text);
    (minutes_per(bare) > 0 || cell.text.front() == '[' || cell.text.front() == '(' ? units : others) += 1;
  }
  return units > 0 && others == 0;
}
bool same_row(const GridRow& a, const GridRow& b) {
  for (size_t i = 0; i < std::max(a.cells.size(), b.cells.size()); ++i) {
    const std::string x = i < a.cells.size() ? fold(a.cells[i].text) : "",
                      y = i < b.cells.size() ? fold(b.cells[i].text) : "";
    if (x != y) return false;
  }
  return true;
}

// What stands above a row, added up column by column.
class Sums {
 public:
  void add(const GridRow& row) {
    if (sums_.size() < row.cells.size()) sums_.resize(row.cells.size());
    for (size_t c = 0; c < row.cells.size(); ++c) sums_[c] += number_of(row.cells[c].text, Mark::point).value_or(0);
  }
  // Two numbers of the row, or its only one, are the sums of what stands above them.
  bool are(const GridRow& row) const {
    size_t numbers = 0, equal = 0;
    for (size_t c = 0; c < row.cells.size(); ++c)
      if (const auto total = number_of(row.cells[c].text, Mark::point))
        ++numbers, equal += c < sums_.size() && std::abs(sums_[c] - *total) <= 0.005 + 1e-6 * std::abs(*total);
    return numbers > 0 && equal >= std::min<size_t>(numbers, 2);
  }

 private:
  std::vector<double> sums_;
};

}  // namespace

Shape shape_of(const Grid& grid, const std::vector<std::string>& total_words) {
  Shape shape;
  std::map<size_t, size_t> widths;
  for (size_t i = 0; i < std::min<size_t>(grid.rows.size(), 300); ++i)
    if (const size_t n = filled(grid.rows[i]); n > 1) ++widths[n];
  size_t usual = 0, most = 0, widest = 0;
  for (const auto& [width, count] : widths) {
    if (count >= most) usual = width, most = count;
    widest = std::max(widest, width);
  }
  if (usual < 2) return shape;
  size_t header = grid.rows.size();
  for (size_t i = 0; i < std::min<size_t>(grid.rows.size(), 60); ++i) {
    const size_t n = filled(grid.rows[i]);
    const bool first_data = i + 1 < grid.rows.size();
    if (n >= 2 && n * 10 >= usual * 7 && could_be_header(grid.rows[i]) && first_data) {
      header = i;
      break;
    }
  }
  if (header + 1 >= grid.rows.size()) return shape;
  for (size_t i = 0; i < header; ++i)
    for (const Cell& cell : grid.rows[i].cells)
      if (!cell.text.empty()) shape.preamble += (shape.preamble.empty() ? "" : " ") + cell.text;
  const GridRow& top = grid.rows[header];
  for (const Cell& cell : top.cells) shape.headers.push_back(cell.text);
  shape.first_row = header + 1;

  const GridRow& next = grid.rows[header + 1];
  std::set<std::string> names;
  bool repeats = false, blanks = false;
  for (size_t i = 0; i < top.cells.size(); ++i) {
    if (top.cells[i].text.empty())
      blanks = true;
    else
      repeats |= !names.insert(fold(top.cells[i].text)).second;
  }
  const bool more_below = header + 2 < grid.rows.size();
  bool typed_below = false;
  if (more_below)
    for (const Cell& cell : grid.rows[header + 2].cells) typed_below |= is_typed(cell);
  if (is_unit_row(next)) {
    for (size_t i = 0; i < next.cells.size() && i < shape.headers.size(); ++i)
      if (!next.cells[i].text.empty() && next.cells[i].text != "-") {
        const bool bracket = next.cells[i].text.front() == '[' || next.cells[i].text.front() == '(';
        shape.headers[i] += bracket ? " " + next.cells[i].text : " [" + next.cells[i].text + "]";
      }
    ++shape.first_row;
  } else if ((repeats || blanks) && typed_below && could_be_header(next)) {  // merged titles above the names
    if (shape.headers.size() < next.cells.size()) shape.headers.resize(next.cells.size());
    std::string title;
    for (size_t i = 0; i < shape.headers.size(); ++i) {
      if (!shape.headers[i].empty()) title = shape.headers[i];
      const std::string below = i < next.cells.size() ? next.cells[i].text : "";
      if (below.empty() || fold(below) == fold(title)) continue;
      shape.headers[i] = !repeats && shape.headers[i].empty() && title.empty() ? below : title + " " + below;
    }
    ++shape.first_row;
  }
  for (size_t i = 0; i < shape.headers.size(); ++i)
    if (shape.headers[i].empty()) shape.headers[i] = fmt::format("column {}", i + 1);
  Sums sums;
  for (size_t i = shape.first_row; i < grid.rows.size(); ++i) {
    const GridRow& row = grid.rows[i];
    const size_t n = filled(row);
    bool out = n == 0 || same_row(row, top) || (n == 1 && shape.headers.size() > 2);
    if (!out)
      for (const Cell& cell : row.cells) {
        if (cell.text.empty()) continue;
        const auto first = words_of(cell.text);
        if (first.size() <= 3 && !first.empty() &&
            std::find(total_words.begin(), total_words.end(), first[0]) != total_words.end())
          out = n < shape.headers.size() || sums.are(row);
        break;
      }
    if (out)
      shape.left_out.push_back(i);
    else
      sums.add(row);
  }
  return shape;
}

}  // namespace freehold::papers
