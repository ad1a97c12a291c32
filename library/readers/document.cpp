// Word documents (docx): paragraphs under their headings, tables with spans; of presentations (pptx) the text. Tracked
// insertions count, deletions do not; the fallback copies of text boxes are skipped.
#include "base/limits.h"
#include "library/readers/readers.h"

namespace freehold::papers {
namespace {

struct OpenTable {
  Grid grid;
  size_t span = 1, number = 0;
  bool goes_on = false;  // this cell continues the one above it
  std::string cell;
};

struct Walker {
  Paper& paper;
  std::vector<OpenTable> tables;
  std::string text, style, heading;
  int deleted = 0, fallback = 0;
  size_t tables_seen = 0, paragraphs = 0, cells = 0;
  bool in_text = false, too_large = false;

  void start(std::string_view element, const Attributes& a) {
    const auto value = [&](std::string_view key) {
      const auto f = a.find(key);
      return f == a.end() ? std::string() : f->second;
    };
    if (element == "Fallback") ++fallback;
    if (element == "del" || element == "moveFrom") ++deleted;
    if (deleted || fallback) return;
    if (element == "tbl") {
      tables.push_back({});
      tables.back().number = ++tables_seen;
      tables.back().grid.place = fmt::format("table {}", tables_seen);
      tables.back().grid.title = heading;
    } else if (element == "tr" && !tables.empty()) {
      auto& t = tables.back();
      t.grid.rows.push_back({fmt::format("table {} row {}", t.number, t.grid.rows.size() + 1), {}});
    } else if (element == "tc" && !tables.empty()) {
      tables.back().cell.clear(), tables.back().span = 1, tables.back().goes_on = false;
    } else if (element == "gridSpan" && !tables.empty()) {
      tables.back().span = std::clamp<size_t>(std::strtoull(value("val").c_str(), nullptr, 10), 1, 64);
    } else if (element == "vMerge" && !tables.empty()) {
      tables.back().goes_on = value("val") != "restart";
    } else if (element == "p") {
      text.clear(), style.clear();
    } else if (element == "pStyle") {
      style = value("val");
    } else if (element == "t") {
      in_text = true;
    } else if (element == "tab" || element == "br") {
      text += element == "tab" ? '\t' : '\n';
    }
  }
  void end(std::string_view element) {
    if (element == "Fallback") --fallback;
    if (element == "del" || element == "moveFrom") --deleted;
    if (element == "t") in_text = false;
    if (deleted || fallback) return;
    if (element == "p") {
      const std::string line = trimmed(text);
      ++paragraphs;
      text.clear();
      if (line.empty()) return;
      if (!tables.empty()) {
        tables.back().cell += (tables.back().cell.empty() ? "" : " ") + line;
        return;
      }
      if (style.find("eading") != std::string::npos || style == "Title") {
        heading = line;
        if (paper.title.empty()) paper.title = line;
      }
      paper.passages.push_back({fmt::format("paragraph {}", paragraphs), heading, line});
    } else if (element == "tc" && !tables.empty() && !tables.back().grid.rows.empty()) {
      auto& t = tables.back();
      auto& row = t.grid.rows.back().cells;
      if (t.goes_on && t.grid.rows.size() > 1) {
        const auto& above = t.grid.rows[t.grid.rows.size() - 2].cells;
        if (row.size() < above.size()) t.cell = above[row.size()].text;
      }
      cells += t.span;
      if (row.size() + t.span > limits::table_columns || cells > limits::table_cells) too_large = true;
      if (!too_large)
        for (size_t i = 0; i < t.span; ++i) row.push_back({t.cell, false});
    } else if (element == "tbl" && !tables.empty()) {
      if (!tables.back().grid.rows.empty()) paper.grids.push_back(std::move(tables.back().grid));
      tables.pop_back();
    }
  }
};

Result<Done> walk(Archive& archive, const std::string& member, Paper& paper, std::string_view name) {
  TRY_ASSIGN(const std::string xml, archive.read(member));
  Walker walker{paper, {}, "", "", ""};
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& a) { walker.start(element, a); };
  events.end = [&](std::string_view element) { walker.end(element); };
  events.text = [&](std::string_view part) {
    if (walker.in_text && !walker.deleted && !walker.fallback) walker.text += part;
  };
  TRY(walk_xml(xml, fmt::format("{}: {}", name, printable(member)), events));
  if (walker.too_large)
    return out_of_resources("{}: a table has more than {} columns or too many cells", name, limits::table_columns);
  return Done{};
}

}  // namespace

Result<Paper> read_document(std::string_view bytes, std::string_view name) {
  TRY_ASSIGN(Archive archive, Archive::open(bytes, name));
  Paper paper;
  if (archive.has("word/document.xml")) {
    paper.read_as = "document";
    TRY(walk(archive, "word/document.xml", paper, name));
    if (archive.has("word/footnotes.xml")) TRY(walk(archive, "word/footnotes.xml", paper, name));
    return paper;
  }
  paper.read_as = "presentation";
  for (int slide = 1; archive.has(fmt::format("ppt/slides/slide{}.xml", slide)); ++slide) {
    const size_t before = paper.passages.size(), grids = paper.grids.size();
    TRY(walk(archive, fmt::format("ppt/slides/slide{}.xml", slide), paper, name));
    for (size_t i = before; i < paper.passages.size(); ++i)
      paper.passages[i].place = fmt::format("slide {} {}", slide, paper.passages[i].place);
    for (size_t i = grids; i < paper.grids.size(); ++i)
      for (GridRow& row : paper.grids[i].rows) row.place = fmt::format("slide {} {}", slide, row.place);
  }
  if (paper.passages.empty() && paper.grids.empty())
    return unsupported("{}: a zip archive that is no workbook, document or presentation", name);
  return paper;
}

}  // namespace freehold::papers
