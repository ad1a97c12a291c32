// Plain text and Markdown: lines with their numbers, under the heading that governs them; pipe tables as grids.
#include "base/limits.h"
#include "library/readers/readers.h"
#include "library/values.h"

namespace freehold::papers {
namespace {

bool is_bullet(std::string_view line) {
  return line.starts_with("- ") || line.starts_with("* ") || line.starts_with("+ ") || line.starts_with("\xe2\x80\xa2");
}
bool is_rule(std::string_view line) { return line.find_first_not_of("-=_*~# ") == std::string_view::npos; }

// A line that is a date and little else governs what follows it.
bool is_date_heading(std::string_view line) {
  const auto found = find_date(line, true);
  if (!found) return false;
  size_t letters = 0;
  for (size_t i = 0; i < line.size(); ++i)
    if (i < found->at || i >= found->at + found->length)
      letters += std::isalnum(static_cast<unsigned char>(line[i])) != 0;
  return letters <= 24 && line.size() <= 60 && !line.ends_with('.');
}

std::vector<Cell> pipe_cells(std::string_view line) {
  std::vector<Cell> cells;
  std::string cell;
  if (line.starts_with('|')) line.remove_prefix(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += '|';
      ++i;
    } else if (line[i] == '|') {
      cells.push_back({trimmed(cell), false});
      cell.clear();
    } else {
      cell += line[i];
    }
  }
  if (!trimmed(cell).empty()) cells.push_back({trimmed(cell), false});
  return cells;
}
bool is_pipe_rule(std::string_view line) {
  return line.find('-') != std::string_view::npos && line.find('|') != std::string_view::npos &&
         line.find_first_not_of("-|: ") == std::string_view::npos;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

void add_lines(Paper& paper, std::string_view text, std::string_view prefix, std::string heading) {
  const auto lines = lines_of(text);
  size_t last_length = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string line = trimmed(lines[i]);
    const size_t length = lines[i].size();
    if (line.empty() || is_rule(line)) {
      last_length = 0;
      continue;
    }
    // A wrapped line: the one before ran to the margin, and this one goes on in the middle of a sentence.
    const bool goes_on =
        last_length >= 58 && std::islower(static_cast<unsigned char>(line[0])) != 0 && !is_bullet(line);
    last_length = length;
    if (goes_on && !paper.passages.empty() && paper.passages.back().text.size() < 4000) {
      paper.passages.back().text += ' ' + line;
      continue;
    }
    if (is_date_heading(line)) heading = line;
    paper.passages.push_back({fmt::format("{}L{}", prefix, i + 1), heading, std::move(line)});
  }
}

Result<Paper> read_plain(std::string_view text, std::string_view) {
  Paper paper;
  paper.read_as = "text";
  add_lines(paper, text, "", "");
  if (!paper.passages.empty()) paper.title = paper.passages.front().text.substr(0, 120);
  return paper;
}

Result<Paper> read_markdown(std::string_view text, std::string_view name) {
  Paper paper;
  paper.read_as = "Markdown";
  const auto lines = lines_of(text);
  std::vector<std::string> path;
  std::string heading, date;
  bool code = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string line = trimmed(lines[i]);
    if (line.starts_with("```") || line.starts_with("~~~")) {
      code = !code;
      continue;
    }
    if (line.empty() || (is_rule(line) && line[0] != '#')) continue;
    const size_t level = line.find_first_not_of('#');
    if (!code && level > 0 && level <= 6 && level != std::string::npos && line[level] == ' ') {
      path.resize(std::min(path.size(), level - 1));
      path.push_back(trimmed(std::string_view(line).substr(level)));
      heading.clear();
      for (const std::string& part : path) heading += (heading.empty() ? "" : " / ") + part;
      if (paper.title.empty()) paper.title = path.back();
      paper.passages.push_back({fmt::format("L{}", i + 1), heading, path.back()});
      continue;
    }
    if (!code && i + 1 < lines.size() && line.find('|') != std::string::npos && is_pipe_rule(trimmed(lines[i + 1]))) {
      Grid grid{fmt::format("L{}", i + 1), heading, {}};
      grid.rows.push_back({fmt::format("L{}", i + 1), pipe_cells(line)});
      for (i += 2; i < lines.size(); ++i) {
        const std::string row = trimmed(lines[i]);
        if (row.find('|') == std::string::npos) break;
        grid.rows.push_back({fmt::format("L{}", i + 1), pipe_cells(row)});
        if (grid.rows.back().cells.size() > limits::table_columns)
          return out_of_resources("{}: line {} has more than {} columns", name, i + 1, limits::table_columns);
      }
      --i;
      paper.grids.push_back(std::move(grid));
      continue;
    }
    if (!code && is_date_heading(line)) date = line;
    paper.passages.push_back({fmt::format("L{}", i + 1), date.empty() ? heading : date, std::move(line)});
  }
  return paper;
}

}  // namespace freehold::papers
