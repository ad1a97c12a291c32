#include "library/readers/layout.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/limits.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

struct Piece {  // a cell: words with small gaps
  double left, right;
  std::string text;
  size_t words;
  int block;
};
struct Line {
  double top, bottom;
  std::vector<Piece> pieces;
  int block = 0;
  std::string text() const {
    std::string all;
    for (const Piece& piece : pieces) all += (all.empty() ? "" : " ") + piece.text;
    return all;
  }
};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}
std::string without_ligatures(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> ligatures[] = {
      {"\xef\xac\x80", "ff"},  {"\xef\xac\x81", "fi"}, {"\xef\xac\x82", "fl"}, {"\xef\xac\x83", "ffi"},
      {"\xef\xac\x84", "ffl"}, {"\xc2\xa0", " "},      {"\xc2\xad", "-"}};
  for (const auto& [from, to] : ligatures) replace_all(text, from, to);
  return text;
}

std::vector<Line> lines_of(const BoxedPage& page) {
  std::vector<const BoxedWord*> words;
  for (const BoxedWord& word : page.words)
    if (!word.text.empty() && std::isfinite(word.left + word.right + word.top + word.bottom)) words.push_back(&word);
  std::stable_sort(words.begin(), words.end(),
                   [](const BoxedWord* a, const BoxedWord* b) { return a->top + a->bottom < b->top + b->bottom; });
  std::vector<std::vector<const BoxedWord*>> rows;
  double middle = 0, height = 0;
  for (const BoxedWord* word : words) {
    const double here = (word->top + word->bottom) / 2, tall = std::max(0.1, word->bottom - word->top);
    if (rows.empty() || here - middle > 0.5 * std::min(height, tall)) rows.emplace_back(), middle = here, height = tall;
    rows.back().push_back(word);
  }
  std::vector<Line> lines;
  for (auto& row : rows) {
    std::stable_sort(row.begin(), row.end(), [](const BoxedWord* a, const BoxedWord* b) { return a->left < b->left; });
    Line line{row[0]->top, row[0]->bottom, {}, row[0]->block};
    for (const BoxedWord* word : row) {
      line.top = std::min(line.top, word->top), line.bottom = std::max(line.bottom, word->bottom);
      const double tall = std::max(0.1, word->bottom - word->top);
      const std::string text = without_ligatures(word->text);
      if (line.pieces.empty() || word->left - line.pieces.back().right > 0.75 * tall) {
        line.pieces.push_back({word->left, word->right, text, 1, word->block});
      } else {
        Piece& last = line.pieces.back();
        last.text += " " + text, last.right = std::max(last.right, word->right), ++last.words;
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

struct Columns {
  std::vector<std::pair<double, double>> spans;
};
// The columns of lines [first, last): the pieces' extents that overlap, joined. Empty when they are no table.
Columns columns_of(const std::vector<Line>& lines, size_t first, size_t last) {
  std::vector<std::pair<double, double>> extents;
  for (size_t i = first; i < last; ++i)
    for (const Piece& piece : lines[i].pieces) extents.push_back({piece.left, piece.right});
  std::sort(extents.begin(), extents.end());
  Columns columns;
  for (const auto& [left, right] : extents)
    if (columns.spans.empty() || left > columns.spans.back().second)
      columns.spans.push_back({left, right});
    else
      columns.spans.back().second = std::max(columns.spans.back().second, right);
  return columns;
}
GridRow cells_of(const Line& line, const Columns& columns, std::string place) {
  GridRow row{std::move(place), std::vector<Cell>(columns.spans.size())};
  for (const Piece& piece : line.pieces)
    for (size_t c = 0; c < columns.spans.size(); ++c)
      if (piece.left <= columns.spans[c].second && piece.right >= columns.spans[c].first) {
        row.cells[c].text += (row.cells[c].text.empty() ? "" : " ") + piece.text;
        break;
      }
  return row;
}
bool could_stand_in_table(const Line& line) {
  if (line.pieces.size() < 2) return false;
  size_t words = 0;
  for (const Piece& piece : line.pieces) words += piece.words;
  return words <= line.pieces.size() * 6;
}
std::string without_digits(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (!std::isdigit(static_cast<unsigned char>(c))) out += c;
  return out;
}

// Lines that come again at one height of most pages.
std::set<std::pair<long, std::string>> running_heads(const std::vector<std::vector<Line>>& pages) {
  std::map<std::pair<long, std::string>, size_t> seen;
  for (const auto& lines : pages)
    for (size_t i = 0; i < lines.size(); ++i)
      if (i < 2 || i + 2 >= lines.size()) ++seen[{std::lround(lines[i].top / 4), without_digits(lines[i].text())}];
  std::set<std::pair<long, std::string>> heads;
  for (const auto& [line, count] : seen)
    if (pages.size() >= 3 && count * 3 >= pages.size() * 2) heads.insert(line);
  return heads;
}

void add_text(std::vector<std::pair<Line, size_t>> lines, const std::string& page, Paper& paper) {
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first.block < b.first.block; });
  std::string text, place;
  double bottom = 0;
  int block = -1;
  const auto flush = [&] {
    if (!text.empty() && text.size() <= limits::passage_bytes) paper.passages.push_back({place, "", text});
    text.clear();
  };
  for (const auto& [line, number] : lines) {
    const std::string here = line.text();
    const bool follows = block == line.block && block > 0 && line.top - bottom < 0.8 * (line.bottom - line.top);
    if (!follows) flush();
    if (text.empty()) place = fmt::format("{} line {}", page, number);
    const bool broken = text.size() > 1 && text.back() == '-' &&
                        std::isalpha(static_cast<unsigned char>(text[text.size() - 2])) && !here.empty() &&
                        std::islower(static_cast<unsigned char>(here[0]));
    if (broken)
      text.pop_back();
    else if (!text.empty())
      text += " ";
    text += here, bottom = line.bottom, block = line.block;
  }
  flush();
}

}  // namespace

void lay_out(const std::vector<BoxedPage>& pages, Paper& paper) {
  std::vector<std::vector<Line>> all;
  for (const BoxedPage& page : pages) all.push_back(lines_of(page));
  const auto heads = running_heads(all);
  bool goes_on = false;  // the last table stands at the end of the page before
  for (size_t p = 0; p < all.size(); ++p) {
    const std::string page = fmt::format("page {}", p + 1);
    std::vector<Line> lines;
    for (Line& line : all[p])
      if (!heads.count({std::lround(line.top / 4), without_digits(line.text())})) lines.push_back(std::move(line));
    std::vector<std::pair<Line, size_t>> text;
    bool first_thing = true;
    for (size_t i = 0; i < lines.size();) {
      size_t end = i;
      while (end < lines.size() && could_stand_in_table(lines[end]) &&
             (end == i || lines[end].top - lines[end - 1].bottom < 2.5 * (lines[end].bottom - lines[end].top)))
        ++end;
      const Columns columns =
          end - i >= 3 || (end > i && goes_on && first_thing) ? columns_of(lines, i, end) : Columns{};
      if (columns.spans.size() < 2) {
        text.push_back({lines[i], i + 1});
        ++i;
        first_thing = false, goes_on = false;
        continue;
      }
      const bool joins = goes_on && first_thing && !paper.grids.empty() &&
                         paper.grids.back().rows[0].cells.size() == columns.spans.size();
      if (!joins) paper.grids.push_back({page, "", {}});
      for (; i < end; ++i)
        if (paper.grids.back().rows.size() < limits::table_rows)
          paper.grids.back().rows.push_back(cells_of(lines[i], columns, fmt::format("{} line {}", page, i + 1)));
      first_thing = false, goes_on = i == lines.size();
    }
    add_text(std::move(text), page, paper);
  }
}

Result<Paper> read_word_boxes(std::string_view xml, std::string_view name) {
  // The head of the page is HTML's, with a document type; what counts begins at <doc>.
  const size_t begin = xml.find("<doc>"), end = xml.find("</doc>");
  if (begin == std::string_view::npos || end == std::string_view::npos)
    return malformed("{}: its text layer cannot be read", name);
  std::vector<BoxedPage> pages;
  BoxedWord word;
  int block = 0;
  bool inside = false;
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& attributes) {
    const auto number = [&](const char* key) {
      const auto found = attributes.find(key);
      return found == attributes.end() ? 0.0 : std::strtod(found->second.c_str(), nullptr);
    };
    if (element == "page" && pages.size() < limits::pages) pages.emplace_back();
    if (element == "block") ++block;
    if (element == "word")
      word = {number("xMin"), number("yMin"), number("xMax"), number("yMax"), "", block}, inside = true;
  };
  events.text = [&](std::string_view text) {
    if (inside) word.text += text;
  };
  events.end = [&](std::string_view element) {
    if (element == "word" && !pages.empty()) pages.back().words.push_back(word), inside = false;
  };
  TRY(walk_xml(xml.substr(begin, end + 6 - begin), name, events));
  Paper paper;
  paper.read_as = fmt::format("PDF, {} pages", pages.size());
  lay_out(pages, paper);
  return paper;
}

// Columns of the table: level page block paragraph line word left top width height confidence text.
Result<Paper> read_ocr_table(std::string_view tsv, std::string_view name) {
  std::vector<BoxedPage> pages;
  size_t unsure = 0, words = 0;
  for (size_t at = 0; at < tsv.size();) {
    const size_t end = std::min(tsv.find('\n', at), tsv.size());
    std::vector<std::string> cells(1);
    for (const char c : tsv.substr(at, end - at))
      if (c == '\t' && cells.size() < 12)
        cells.emplace_back();
      else
        cells.back() += c;
    at = end + 1;
    if (cells.size() < 12 || cells[0] != "5") continue;
    const auto number = [&](size_t i) { return std::strtod(cells[i].c_str(), nullptr); };
    const auto page = static_cast<size_t>(std::clamp(number(1), 1.0, static_cast<double>(limits::pages)));
    if (pages.size() < page) pages.resize(page);
    const std::string text = trimmed_text(cells[11]);
    if (text.empty()) continue;
    ++words, unsure += number(10) < 60;
    pages[page - 1].words.push_back({number(6), number(7), number(6) + number(8), number(7) + number(9), text,
                                     static_cast<int>(std::clamp(number(2), 0.0, 1e6))});
  }
  if (words == 0) return malformed("{}: a picture in which no text was found", name);
  Paper paper;
  paper.read_as = fmt::format("picture, {} words by OCR", words);
  if (unsure > 0) paper.notes.push_back(fmt::format("{} of {} words are not sure", unsure, words));
  lay_out(pages, paper);
  return paper;
}

}  // namespace freehold::papers
