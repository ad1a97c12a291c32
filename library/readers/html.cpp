// HTML as text: headings, paragraphs, tables with spans. A tokenizer of our own that accepts anything: script, style
// and hidden parts vanish, unknown tags are blanks, entities are decoded, and no link is followed.
#include "base/limits.h"
#include "library/readers/readers.h"

namespace freehold::papers {
namespace {

char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower_ascii(c);
  return out;
}

void decode(std::string_view text, std::string& out) {
  static const std::map<std::string_view, std::string_view> named = {{"amp", "&"},
                                                                     {"lt", "<"},
                                                                     {"gt", ">"},
                                                                     {"quot", "\""},
                                                                     {"apos", "'"},
                                                                     {"nbsp", " "},
                                                                     {"ndash", "\xe2\x80\x93"},
                                                                     {"mdash", "\xe2\x80\x94"},
                                                                     {"auml", "\xc3\xa4"},
                                                                     {"ouml", "\xc3\xb6"},
                                                                     {"uuml", "\xc3\xbc"},
                                                                     {"Auml", "\xc3\x84"},
                                                                     {"Ouml", "\xc3\x96"},
                                                                     {"Uuml", "\xc3\x9c"},
                                                                     {"szlig", "\xc3\x9f"},
                                                                     {"eacute", "\xc3\xa9"},
                                                                     {"egrave", "\xc3\xa8"},
                                                                     {"euro", "\xe2\x82\xac"},
                                                                     {"deg", "\xc2\xb0"},
                                                                     {"frac12", "1/2"}};
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t semicolon = text[i] == '&' ? text.substr(i, 12).find(';') : std::string_view::npos;
    if (semicolon == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const std::string_view name = text.substr(i + 1, semicolon - 1);
    if (name.starts_with('#')) {
      const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
      const unsigned long code = std::strtoul(std::string(name.substr(hex ? 2 : 1)).c_str(), nullptr, hex ? 16 : 10);
      if (code >= 32 && code < 256 && code < 128)
        out += static_cast<char>(code);
      else if (code >= 160 && code < 256)
        out += from_windows_1252(std::string(1, static_cast<char>(code)));
      else if (code >= 0x800 && code < 0x10000 && (code < 0xd800 || code > 0xdfff))
        out += {static_cast<char>(0xe0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3f)),
                static_cast<char>(0x80 | (code & 0x3f))};
      else
        out += ' ';
    } else if (const auto found = named.find(name); found != named.end()) {
      out += found->second;
    } else {
      out += text.substr(i, semicolon + 1);
    }
    i += semicolon;
  }
}

struct Tag {
  std::string name, attributes;
  bool closing = false;
  std::string attribute(std::string_view wanted) const {
    const std::string low = lower_ascii(attributes);
    for (size_t at = low.find(wanted); at != std::string::npos; at = low.find(wanted, at + 1)) {
      size_t p = at + wanted.size();
      if ((at > 0 && std::isalnum(static_cast<unsigned char>(low[at - 1]))) || p >= low.size() || low[p] != '=')
        continue;
      if (++p < low.size() && (low[p] == '"' || low[p] == '\'')) {
        const size_t end = low.find(low[p], p + 1);
        return attributes.substr(p + 1, end == std::string::npos ? std::string::npos : end - p - 1);
      }
      return attributes.substr(p, low.find_first_of(" \t\n/", p) - p);
    }
    return "";
  }
};

struct OpenTable {
  Grid grid;
  size_t number = 0;
  std::string cell;
  bool in_cell = false;
  size_t columns = 1, rows = 1;
  std::map<size_t, std::pair<size_t, std::string>> below;  // column -> rows still covered, text
};

class Builder {
 public:
  explicit Builder(Paper& paper) : paper_(paper) {}
  bool too_large = false;

  void text(std::string_view raw) {
    std::string& out = !tables_.empty() && tables_.back().in_cell ? tables_.back().cell : line_;
    decode(raw, out);
  }
  void tag(const Tag& tag) {
    const std::string& name = tag.name;
    if (name == "table" && !tag.closing) {
      flush();
      if (tables_.size() >= 16) return;
      tables_.push_back({});
      tables_.back().number = ++seen_;
      tables_.back().grid.place = fmt::format("table {}", seen_);
      tables_.back().grid.title = heading_;
    } else if (name == "table") {
      end_table();
    } else if (!tables_.empty() && name == "tr") {
      end_row();
      if (!tag.closing) {
        auto& t = tables_.back();
        t.grid.rows.push_back({fmt::format("table {} row {}", t.number, t.grid.rows.size() + 1), {}});
      }
    } else if (!tables_.empty() && (name == "td" || name == "th")) {
      end_cell();
      if (tag.closing) return;
      auto& t = tables_.back();
      if (t.grid.rows.empty()) t.grid.rows.push_back({fmt::format("table {} row 1", t.number), {}});
      cover();
      t.in_cell = true;
      t.columns = std::clamp<size_t>(std::strtoull(tag.attribute("colspan").c_str(), nullptr, 10), 1, 64);
      t.rows = std::clamp<size_t>(std::strtoull(tag.attribute("rowspan").c_str(), nullptr, 10), 1, 1000);
    } else if (!tables_.empty() && tables_.back().in_cell) {
      tables_.back().cell += ' ';
    } else if (name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6') {
      if (tag.closing) heading_ = squeezed(line_);
      flush();
    } else if (name == "title") {
      if (tag.closing) paper_.title = squeezed(line_), line_.clear();
    } else if (name == "p" || name == "div" || name == "li" || name == "br" || name == "ul" || name == "body" ||
               name == "dt" || name == "dd") {
      flush();
    }
  }
  void finish() {
    while (!tables_.empty()) end_table();
    flush();
  }

 private:
  static std::string squeezed(std::string_view text) {
    std::string out;
    for (const char c : text) {
      const bool space = c == ' ' || c == '\n' || c == '\t';
      if (!space)
        out += c;
      else if (!out.empty() && out.back() != ' ')
        out += ' ';
    }
    return trimmed(out);
  }
  void flush() {
    std::string line = squeezed(line_);
    line_.clear();
    if (!line.empty())
      paper_.passages.push_back({fmt::format("paragraph {}", paper_.passages.size() + 1), heading_, std::move(line)});
  }
  void cover() {  // cells that reach down from the rows above
    auto& t = tables_.back();
    auto& row = t.grid.rows.back().cells;
    for (auto found = t.below.find(row.size()); found != t.below.end() && found->second.first > 0;
         found = t.below.find(row.size())) {
      row.push_back({found->second.second, false});
      --found->second.first;
    }
  }
  void end_cell() {
    auto& t = tables_.back();
    if (!t.in_cell || t.grid.rows.empty()) return;
    t.in_cell = false;
    const std::string text = squeezed(t.cell);
    t.cell.clear();
    auto& row = t.grid.rows.back().cells;
    if (row.size() + t.columns > limits::table_columns || (cells_ += t.columns) > limits::table_cells) too_large = true;
    if (too_large) return;
    for (size_t i = 0; i < t.columns; ++i) {
      if (t.rows > 1) t.below[row.size()] = {t.rows - 1, text};
      row.push_back({text, false});
    }
  }
  void end_row() {
    end_cell();
    if (!tables_.back().grid.rows.empty() && !tables_.back().grid.rows.back().cells.empty()) cover();
  }
  void end_table() {
    if (tables_.empty()) return;
    end_row();
    if (!tables_.back().grid.rows.empty()) paper_.grids.push_back(std::move(tables_.back().grid));
    tables_.pop_back();
  }

  Paper& paper_;
  std::vector<OpenTable> tables_;
  std::string line_, heading_;
  size_t seen_ = 0, cells_ = 0;
};

bool vanishes(const Tag& tag) {
  static constexpr std::string_view names[] = {"script", "style", "template", "noscript", "svg", "iframe", "object"};
  for (const std::string_view name : names)
    if (tag.name == name) return true;
  return false;
}

}  // namespace

Result<Paper> read_html(std::string_view html, std::string_view name) {
  Paper paper;
  paper.read_as = "HTML";
  Builder builder(paper);
  const std::string low = lower_ascii(html);
  for (size_t at = 0; at < html.size();) {
    if (html[at] != '<') {
      const size_t end = std::min(html.find('<', at), html.size());
      builder.text(html.substr(at, end - at));
      at = end;
      continue;
    }
    if (html.substr(at, 4) == "<!--") {
      const size_t end = html.find("-->", at + 4);
      at = end == std::string_view::npos ? html.size() : end + 3;
      continue;
    }
    size_t p = at + 1;
    Tag tag;
    if (p < html.size() && html[p] == '/') tag.closing = true, ++p;
    while (p < html.size() && std::isalnum(static_cast<unsigned char>(html[p])) && tag.name.size() < 32)
      tag.name += lower_ascii(html[p++]);
    if (tag.name.empty() && p < html.size() && html[p] != '!' && html[p] != '?') {  // "a < b"
      builder.text("<");
      ++at;
      continue;
    }
    const size_t start = p;
    char quote = 0;
    for (; p < html.size() && p - start < 100'000 && (quote || html[p] != '>'); ++p) {
      if (quote)
        quote = html[p] == quote ? 0 : quote;
      else if ((html[p] == '"' || html[p] == '\'') && html[p - 1] == '=')
        quote = html[p];
    }
    tag.attributes = std::string(html.substr(start, p - start));
    at = std::min(p + 1, html.size());
    if (vanishes(tag) && !tag.closing) {
      const size_t end = low.find("</" + tag.name, at);
      if (end == std::string::npos) break;
      at = end;
      continue;
    }
    if (!tag.name.empty()) builder.tag(tag);
  }
  builder.finish();
  if (builder.too_large)
    return out_of_resources("{}: a table has more than {} columns or too many cells", name, limits::table_columns);
  return paper;
}

}  // namespace freehold::papers
