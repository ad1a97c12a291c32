// Drawings: every text with its position, laid out like a page, so that a parts list becomes a table and a title block
// lines. SVG: text and tspan under transforms. DXF: TEXT, MTEXT, ATTRIB of the ASCII form; group codes are pairs of
// lines. Shapes, scripts and links are not looked at.
#include <cmath>

#include "base/limits.h"
#include "library/readers/layout.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

struct Matrix {
  double a = 1, b = 0, c = 0, d = 1, e = 0, f = 0;
  Matrix operator*(const Matrix& m) const {
    return {a * m.a + c * m.b, b * m.a + d * m.b,     a * m.c + c * m.d,
            b * m.c + d * m.d, a * m.e + c * m.f + e, b * m.e + d * m.f + f};
  }
};
std::vector<double> numbers_in(std::string_view text) {
  std::vector<double> numbers;
  const std::string whole(text);
  for (const char* at = whole.c_str(); *at && numbers.size() < 16;) {
    char* end = nullptr;
    const double value = std::strtod(at, &end);
    if (end == at) {
      ++at;
      continue;
    }
    numbers.push_back(std::isfinite(value) ? value : 0);
    at = end;
  }
  return numbers;
}
Matrix matrix_of(std::string_view text) {
  Matrix all;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('(', at), close = text.find(')', at);
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) break;
    const std::string kind = trimmed_text(text.substr(at, open - at));
    const auto n = numbers_in(text.substr(open + 1, close - open - 1));
    if (kind.ends_with("translate") && !n.empty())
      all = all * Matrix{1, 0, 0, 1, n[0], n.size() > 1 ? n[1] : 0};
    else if (kind.ends_with("scale") && !n.empty())
      all = all * Matrix{n[0], 0, 0, n.size() > 1 ? n[1] : n[0], 0, 0};
    else if (kind.ends_with("matrix") && n.size() == 6)
      all = all * Matrix{n[0], n[1], n[2], n[3], n[4], n[5]};
    at = close + 1;
  }
  return all;
}

void put(BoxedPage& page, double x, double y, double size, const std::string& text) {
  const std::string whole = trimmed_text(text);
  if (whole.empty() || page.words.size() > limits::table_rows) return;
  page.words.push_back({x, y - size, x + 0.5 * size * static_cast<double>(whole.size()), y, whole, 0});
}

}  // namespace

Result<Paper> read_svg(std::string_view text, std::string_view name) {
  struct State {
    Matrix matrix;
    double x = 0, y = 0, size = 12;
    bool hidden = false;
  };
  std::vector<State> stack(1);
  BoxedPage page;
  std::string words, title;
  bool in_title = false;
  int text_depth = 0;
  const auto flush = [&] {
    const State& s = stack.back();
    const double x = s.matrix.a * s.x + s.matrix.c * s.y + s.matrix.e,
                 y = s.matrix.b * s.x + s.matrix.d * s.y + s.matrix.f;
    if (!s.hidden) put(page, x, y, std::max(0.1, s.size * std::abs(s.matrix.d != 0 ? s.matrix.d : 1)), words);
    words.clear();
  };
  XmlEvents events;
  events.start = [&](std::string_view element, const Attributes& attributes) {
    if (text_depth > 0) flush();
    State next = stack.back();
    const auto number = [&](const char* key, double& value) {
      const auto found = attributes.find(key);
      if (found == attributes.end()) return;
      if (const auto n = numbers_in(found->second); !n.empty()) value = n[0];
    };
    if (const auto transform = attributes.find("transform"); transform != attributes.end())
      next.matrix = next.matrix * matrix_of(transform->second);
    number("x", next.x), number("y", next.y), number("font-size", next.size);
    double down = 0;
    number("dy", down);
    next.y += down;
    if (const auto style = attributes.find("style"); style != attributes.end()) {
      if (const size_t at = style->second.find("font-size:"); at != std::string::npos)
        if (const auto n = numbers_in(style->second.substr(at + 10)); !n.empty()) next.size = n[0];
      next.hidden |= style->second.find("display:none") != std::string::npos;
    }
    next.hidden |= element == "script" || element == "style" || element == "defs";
    in_title = element == "title" && title.empty();
    text_depth += element == "text" || element == "tspan";
    stack.push_back(next);
  };
  events.text = [&](std::string_view more) {
    if (in_title) title += more;
    if (text_depth > 0) words += more;
  };
  events.end = [&](std::string_view element) {
    if (text_depth > 0) flush();
    text_depth -= element == "text" || element == "tspan";
    in_title = false;
    stack.pop_back();
  };
  TRY(walk_xml(text, name, events));
  Paper paper;
  paper.read_as = "SVG drawing", paper.title = trimmed_text(title);
  lay_out({page}, paper);
  return paper;
}

namespace {

// Control sequences of DXF texts: %%c diameter, %%d degree, %%p plus-minus; \P new line; \U+XXXX; font changes.
std::string plain_text(std::string_view text, std::vector<std::string>& lines) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "%%" && i + 2 < text.size()) {
      const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(text[i + 2])));
      out += c == 'c' ? "\xc3\x98" : c == 'd' ? "\xc2\xb0" : c == 'p' ? "\xc2\xb1" : c == '%' ? "%" : "";
      i += 2;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      const char c = text[++i];
      if (c == 'P') {
        lines.push_back(out), out.clear();
      } else if (c == '\\' || c == '{' || c == '}') {
        out += c;
      } else if (c == 'U' && text.substr(i, 2) == "U+" && i + 5 < text.size()) {
        out += from_code_point(
            static_cast<uint32_t>(std::strtoul(std::string(text.substr(i + 2, 4)).c_str(), nullptr, 16)));
        i += 5;
      } else if (c == '~') {
        out += ' ';
      } else if (std::string_view("LlOoKk").find(c) == std::string_view::npos) {
        const size_t end = text.find(';', i);
        i = end == std::string_view::npos ? text.size() : end;
      }
    } else if (text[i] != '{' && text[i] != '}') {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Result<Paper> read_dxf(std::string_view text, std::string_view name) {
  BoxedPage page;
  std::string kind, words, section;
  double x = 0, y = 0, height = 2.5;
  size_t line = 0;
  const auto flush = [&] {
    if (kind == "TEXT" || kind == "MTEXT" || kind == "ATTRIB") {
      std::vector<std::string> lines;
      lines.push_back(plain_text(words, lines));
      for (size_t i = 0; i < lines.size(); ++i)  // y grows upwards in a drawing
        put(page, x, -y + 1.6 * height * static_cast<double>(i), height, lines[i]);
    }
    words.clear(), x = y = 0, height = 2.5;
  };
  for (size_t at = 0; at < text.size();) {
    const auto next = [&] {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string one = trimmed_text(text.substr(at, end - at));
      at = end + 1, ++line;
      return one;
    };
    const std::string group = next();
    if (at >= text.size() && group.empty()) break;
    char* end = nullptr;
    const long code = std::strtol(group.c_str(), &end, 10);
    if (group.empty() || *end) return malformed("{}: line {}: expected a group code", name, line);
    if (at >= text.size()) return malformed("{}: line {}: a group code without its value", name, line);
    const std::string value = next();
    if (code == 0) flush(), kind = value;
    if (code == 1 || code == 3) words += value;
    if (code == 10 || code == 20 || code == 40) {
      const double number = std::strtod(value.c_str(), nullptr);
      (code == 10 ? x : code == 20 ? y : height) = std::isfinite(number) ? number : 0;
      if (code == 40 && height <= 0) height = 2.5;
    }
  }
  flush();
  Paper paper;
  paper.read_as = "DXF drawing";
  lay_out({page}, paper);
  return paper;
}

}  // namespace freehold::papers
