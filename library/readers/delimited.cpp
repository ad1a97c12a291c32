// Delimited text (RFC 4180 and its relatives): the delimiter is the one that cuts the lines most evenly; quoted fields
// may hold delimiters and line ends. A quote that never closes is an ordinary character.
#include <array>
#include <map>

#include "base/limits.h"
#include "library/readers/readers.h"

namespace freehold::papers {
namespace {

struct Rows {
  std::vector<GridRow> rows;
  std::vector<size_t> widths;  // as written: `rows` leave out empty cells at the end
  bool closed = true;          // every quote
};

Result<Rows> cut(std::string_view text, char delimiter, bool quotes, size_t most_rows, std::string_view name) {
  Rows out;
  size_t at = 0, line = 1, cells_read = 0;
  while (at < text.size() && out.rows.size() < most_rows) {
    GridRow row{fmt::format("L{}", line), {}};
    for (bool more = true; more;) {
      std::string cell;
      while (at < text.size() && text[at] == ' ' && delimiter != ' ') ++at;
      if (quotes && at < text.size() && text[at] == '"') {
        ++at;
        for (;; ++at) {
          if (at >= text.size()) {
            out.closed = false;
            return out;
          }
          if (text[at] == '"') {
            if (at + 1 >= text.size() || text[at + 1] != '"') break;
            ++at;
          }
          if (text[at] == '\n') ++line;
          cell += text[at];
        }
        ++at;
      }
      const size_t start = at;
      while (at < text.size() && text[at] != delimiter && text[at] != '\n') ++at;
      cell.append(text.substr(start, at - start));
      row.cells.push_back({trimmed(cell), false});
      if (row.cells.size() > limits::table_columns)
        return out_of_resources("{}: line {} has more than {} columns", name, line, limits::table_columns);
      if (++cells_read > limits::table_cells)
        return out_of_resources("{}: line {}: more than {} cells", name, line, limits::table_cells);
      more = at < text.size() && text[at] == delimiter;
      ++at;
    }
    ++line;
    out.widths.push_back(row.cells.size());
    while (row.cells.size() > 1 && row.cells.back().text.empty()) row.cells.pop_back();
    out.rows.push_back(std::move(row));
  }
  return out;
}

// How well a delimiter fits: the number of rows of the most frequent width, times that width.
struct Fit {
  size_t width = 0, rows = 0, all = 0;
};
Fit fit_of(std::string_view text, char delimiter) {
  Fit fit;
  auto cut_rows = cut(text.substr(0, 200'000), delimiter, true, 200, "");
  if (cut_rows && !cut_rows->closed && cut_rows->rows.size() < 3)
    cut_rows = cut(text.substr(0, 200'000), delimiter, false, 200, "");
  if (!cut_rows) return {limits::table_columns + 1, 1, 1};  // wider than anything that is read
  std::map<size_t, size_t> widths;
  for (size_t i = 0; i < cut_rows->rows.size(); ++i) {
    if (cut_rows->widths[i] == 1 && cut_rows->rows[i].cells[0].text.empty()) continue;
    ++fit.all;
    if (cut_rows->widths[i] > 1) ++widths[cut_rows->widths[i]];
  }
  for (const auto& [width, rows] : widths)
    if (rows > fit.rows) fit.width = width, fit.rows = rows;
  return fit;
}

char delimiter_of(std::string_view text, Fit& best) {
  char chosen = ',';
  double most = -1;
  for (const char delimiter : {';', '\t', '|', ','}) {
    const Fit fit = fit_of(text, delimiter);
    const double score =
        static_cast<double>(fit.rows) * (1.0 + 0.01 * static_cast<double>(std::min<size_t>(fit.width, 50)));
    if (score > most) most = score, chosen = delimiter, best = fit;
  }
  return chosen;
}

}  // namespace

bool looks_delimited(std::string_view text) {
  for (const char delimiter : {';', '\t', '|'}) {
    const Fit fit = fit_of(text, delimiter);
    if (fit.width >= 3 && fit.rows >= 4 && fit.rows * 10 >= fit.all * 8) return true;
  }
  return false;
}

Result<Paper> read_delimited(std::string_view text, std::string_view name) {
  Paper paper;
  Fit fit;
  const char delimiter = delimiter_of(text, fit);
  TRY_ASSIGN(Rows rows, cut(text, delimiter, true, limits::table_rows, name));
  if (!rows.closed) {
    paper.notes.push_back("a quote is never closed; quotes were read as ordinary characters");
    TRY_ASSIGN(rows, cut(text, delimiter, false, limits::table_rows, name));
  }
  if (rows.rows.size() >= limits::table_rows)
    return out_of_resources("{}: more than {} rows", name, limits::table_rows);
  paper.read_as = fmt::format("table, columns parted by {}", delimiter == '\t' ? "tab" : std::string(1, delimiter));
  paper.grids.push_back({"", "", std::move(rows.rows)});
  return paper;
}

}  // namespace freehold::papers
