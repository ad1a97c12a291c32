// Workbooks (xlsx): every sheet is a grid. Dates are serial numbers told by their number format (both date systems),
// durations become h:mm, merged cells carry their value over the span, formulas count by the value stored with them.
#include <charconv>
#include <cmath>
#include <set>

#include "base/limits.h"
#include "library/readers/readers.h"
#include "library/values.h"

namespace freehold::papers {
namespace {

enum class Look : uint8_t { plain, date, duration };

Look look_of(std::string_view format) {
  bool year_or_day = false, hour = false, quoted = false, bracket = false;
  for (const char c : format) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[') bracket = true;
    if (c == 'h' || c == 'H') hour = true;  // also [h]
    if (c == ']') bracket = false;
    if (!bracket && (c == 'y' || c == 'Y' || c == 'd' || c == 'D')) year_or_day = true;
  }
  return year_or_day ? Look::date : hour ? Look::duration : Look::plain;
}

// "BC12" -> column 54 (from 0) and row 12.
bool split_reference(std::string_view reference, size_t& column, uint64_t& row) {
  size_t i = 0;
  column = 0;
  while (i < reference.size() && i < 4 && reference[i] >= 'A' && reference[i] <= 'Z')
    column = column * 26 + static_cast<size_t>(reference[i++] - 'A' + 1);
  if (i == 0) return false;
  --column;
  const auto [end, error] = std::from_chars(reference.data() + i, reference.data() + reference.size(), row);
  return error == std::errc() && end == reference.data() + reference.size();
}

struct Book {
  std::vector<std::string> strings;
  std::vector<Look> looks;  // by style
  bool from_1904 = false;
};

std::string cell_text(double value, Look look, bool from_1904) {
  if (look == Look::date && value >= 1 && value < 2'958'466) return date_of_serial(value, from_1904);
  if (look == Look::duration && value >= 0 && value < 10'000) {
    const auto minutes = static_cast<int64_t>(std::llround(value * 1440));
    return fmt::format("{}:{:02}", minutes / 60, minutes % 60);
  }
  return fmt::format("{}", value);
}

Result<Done> read_strings(Archive& archive, Book& book, std::string_view name) {
  if (!archive.has("xl/sharedStrings.xml")) return Done{};
  TRY_ASSIGN(const std::string xml, archive.read("xl/sharedStrings.xml"));
  std::string text;
  bool in_text = false;
  int phonetic = 0;
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes&) {
    if (element == "si") text.clear();
    if (element == "rPh") ++phonetic;
    in_text = element == "t" && phonetic == 0;
  };
  events.end = [&](std::string_view element) {
    if (element == "si") book.strings.push_back(trimmed(text));
    if (element == "rPh") --phonetic;
    if (element == "t") in_text = false;
  };
  events.text = [&](std::string_view part) {
    if (in_text) text += part;
  };
  return walk_xml(xml, fmt::format("{}: sharedStrings", name), events);
}

Result<Done> read_styles(Archive& archive, Book& book, std::string_view name) {
  if (!archive.has("xl/styles.xml")) return Done{};
  TRY_ASSIGN(const std::string xml, archive.read("xl/styles.xml"));
  std::map<int, Look> formats;
  for (const int id : {14, 15, 16, 17, 22, 27, 30, 36, 50, 57}) formats[id] = Look::date;
  for (const int id : {18, 19, 20, 21, 46}) formats[id] = Look::duration;
  bool in_cells = false;
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& a) {
    const auto text = [&](std::string_view key) {
      const auto f = a.find(key);
      return f == a.end() ? "" : f->second;
    };
    if (element == "numFmt") formats[std::atoi(text("numFmtId").c_str())] = look_of(text("formatCode"));
    if (element == "cellXfs") in_cells = true;
    if (element == "xf" && in_cells) {
      const auto found = formats.find(std::atoi(text("numFmtId").c_str()));
      book.looks.push_back(found == formats.end() ? Look::plain : found->second);
    }
  };
  events.end = [&](std::string_view element) {
    if (element == "cellXfs") in_cells = false;
  };
  return walk_xml(xml, fmt::format("{}: styles", name), events);
}

struct Sheet {
  std::string name, relation, path;
  bool hidden = false;
};

Result<std::vector<Sheet>> read_sheets(Archive& archive, Book& book, std::string_view name) {
  TRY_ASSIGN(const std::string xml, archive.read("xl/workbook.xml"));
  std::vector<Sheet> sheets;
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& a) {
    const auto text = [&](std::string_view key) {
      const auto f = a.find(key);
      return f == a.end() ? "" : f->second;
    };
    if (element == "workbookPr") book.from_1904 = text("date1904") == "1" || text("date1904") == "true";
    if (element == "sheet")
      sheets.push_back({text("name"), text("id"), "", !text("state").empty() && text("state") != "visible"});
  };
  TRY(walk_xml(xml, fmt::format("{}: workbook", name), events));
  TRY_ASSIGN(const std::string relations, archive.read("xl/_rels/workbook.xml.rels"));
  XmlEvents links;
  links.start = [&](std::string_view element, const Attributes& a) {
    const auto id = a.find("Id"), target = a.find("Target");
    if (element != "Relationship" || id == a.end() || target == a.end()) return;
    for (Sheet& sheet : sheets)
      if (sheet.relation == id->second)
        sheet.path = target->second.starts_with('/') ? target->second.substr(1) : "xl/" + target->second;
  };
  TRY(walk_xml(relations, fmt::format("{}: relations", name), links));
  return sheets;
}

struct Span {
  size_t column = 0, last_column = 0;
  uint64_t row = 0, last_row = 0;
};

Result<Done> read_sheet(Archive& archive, const Book& book, const Sheet& sheet, Paper& paper, std::string_view name) {
  TRY_ASSIGN(const std::string xml, archive.read(sheet.path));
  Grid grid{sheet.name, sheet.name, {}};
  std::vector<uint64_t> numbers;  // of rows
  std::vector<Span> spans;
  std::string kind, text;
  size_t column = 0, style = 0, cells = 0, uncached = 0, hidden_rows = 0;
  uint64_t row = 0, row_hint = 0;
  bool in_value = false, formula = false, too_wide = false, too_many = false;
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& a) {
    const auto value = [&](std::string_view key) {
      const auto f = a.find(key);
      return f == a.end() ? std::string() : f->second;
    };
    if (element == "row") {
      const std::string number = value("r");
      row = number.empty() ? row_hint + 1 : std::strtoull(number.c_str(), nullptr, 10);
      row_hint = row;
      hidden_rows += value("hidden") == "1";
      grid.rows.push_back({fmt::format("{}!{}", sheet.name, row), {}});
      numbers.push_back(row);
      column = 0;
    } else if (element == "c") {
      size_t to = column;
      uint64_t ignored = 0;
      if (const std::string at = value("r"); !at.empty() && split_reference(at, to, ignored)) column = to;
      kind = value("t");
      style = std::strtoull(value("s").c_str(), nullptr, 10);
      text.clear();
      formula = false;
    } else if (element == "v" || element == "t") {
      in_value = true;
    } else if (element == "f") {
      formula = true;
    } else if (element == "mergeCell") {
      const std::string range = value("ref");
      const size_t colon = range.find(':');
      Span span;
      if (colon != std::string::npos && spans.size() < 100'000 &&
          split_reference(std::string_view(range).substr(0, colon), span.column, span.row) &&
          split_reference(std::string_view(range).substr(colon + 1), span.last_column, span.last_row))
        spans.push_back(span);
    }
  };
  events.end = [&](std::string_view element) {
    if (element == "v" || element == "t") in_value = false;
    if (element != "c") return;
    Cell cell{trimmed(text), false};
    if (formula && cell.text.empty()) ++uncached;
    if (kind == "s") {
      const size_t index = std::strtoull(text.c_str(), nullptr, 10);
      cell.text = index < book.strings.size() ? book.strings[index] : "";
    } else if (kind == "b") {
      cell.text = cell.text == "1" ? "yes" : "no";
    } else if (kind == "e") {
      cell.text.clear();
    } else if ((kind.empty() || kind == "n") && !cell.text.empty()) {
      double number = 0;
      const auto [end, error] = std::from_chars(cell.text.data(), cell.text.data() + cell.text.size(), number);
      if (error == std::errc() && std::isfinite(number)) {
        cell.text = cell_text(number, style < book.looks.size() ? book.looks[style] : Look::plain, book.from_1904);
        cell.exact = true;
      }
    }
    if (!grid.rows.empty() && !cell.text.empty()) {
      if (column >= limits::table_columns) too_wide = true;
      if (++cells > limits::table_cells || grid.rows.size() > limits::table_rows) too_many = true;
      if (!too_wide && !too_many) {
        auto& in = grid.rows.back().cells;
        if (in.size() <= column) in.resize(column + 1);
        in[column] = std::move(cell);
      }
    }
    ++column;
  };
  events.text = [&](std::string_view part) {
    if (in_value) text += part;
  };
  TRY(walk_xml(xml, fmt::format("{}: sheet {}", name, printable(sheet.name)), events));
  if (too_wide)
    return out_of_resources("{}: sheet {} has more than {} columns", name, printable(sheet.name),
                            limits::table_columns);
  if (too_many) return out_of_resources("{}: sheet {} has too many cells", name, printable(sheet.name));
  for (const Span& span : spans) {  // only over cells that rows of the sheet really have
    const auto first = std::lower_bound(numbers.begin(), numbers.end(), span.row);
    if (first == numbers.end() || *first != span.row || span.last_column >= limits::table_columns) continue;
    const auto& from = grid.rows[static_cast<size_t>(first - numbers.begin())].cells;
    if (span.column >= from.size()) continue;
    const Cell value = from[span.column];
    for (size_t i = static_cast<size_t>(first - numbers.begin()); i < numbers.size() && numbers[i] <= span.last_row;
         ++i) {
      auto& in = grid.rows[i].cells;
      if (in.size() <= span.last_column) in.resize(span.last_column + 1);
      for (size_t c = span.column; c <= span.last_column; ++c)
        if (in[c].text.empty()) in[c] = value;
      cells += span.last_column - span.column + 1;
      if (cells > limits::table_cells)
        return out_of_resources("{}: sheet {}: merged cells", name, printable(sheet.name));
    }
  }
  if (uncached > 0)
    paper.notes.push_back(
        fmt::format("sheet {}: {} formulas without a stored value were left empty", printable(sheet.name), uncached));
  if (sheet.hidden) paper.notes.push_back(fmt::format("sheet {} is hidden; it was read", printable(sheet.name)));
  if (hidden_rows)
    paper.notes.push_back(fmt::format("sheet {}: {} hidden rows were read", printable(sheet.name), hidden_rows));
  if (!grid.rows.empty()) paper.grids.push_back(std::move(grid));
  return Done{};
}

}  // namespace

Result<Paper> read_workbook(std::string_view bytes, std::string_view name) {
  TRY_ASSIGN(Archive archive, Archive::open(bytes, name));
  Paper paper;
  paper.read_as = "workbook";
  Book book;
  TRY(read_strings(archive, book, name));
  TRY(read_styles(archive, book, name));
  TRY_ASSIGN(const std::vector<Sheet> sheets, read_sheets(archive, book, name));
  for (const Sheet& sheet : sheets)
    if (!sheet.path.empty() && archive.has(sheet.path)) TRY(read_sheet(archive, book, sheet, paper, name));
  return paper;
}

}  // namespace freehold::papers
