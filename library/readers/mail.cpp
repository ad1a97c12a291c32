// Mail (RFC 5322, MIME): the text and, as papers of their own, the attachments. Of alternatives the plain one. What is
// quoted from an earlier mail is kept apart, under the heading "quoted": it is no new evidence.
#include <algorithm>

#include "base/hex.h"
#include "base/limits.h"
#include "library/readers/readers.h"

namespace freehold::papers {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int v = c >= 'A' && c <= 'Z'   ? c - 'A'
                  : c >= 'a' && c <= 'z' ? c - 'a' + 26
                  : c >= '0' && c <= '9' ? c - '0' + 52
                  : c == '+'             ? 62
                  : c == '/'             ? 63
                                         : -1;
    if (v < 0) continue;
    bits = bits << 6 | static_cast<uint32_t>(v);
    if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 0xff);
  }
  return out;
}
std::string from_quoted(std::string_view text, bool header) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (header && text[i] == '_') {
      out += ' ';
    } else if (text[i] == '=' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (text[i] == '=' && !header) {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}
std::string in_utf8(const std::string& bytes, std::string_view charset) {
  if (charset.find("8859") != std::string_view::npos || charset.find("1252") != std::string_view::npos)
    return from_windows_1252(bytes);
  std::string how;
  const auto text = to_utf8(bytes, "mail", how);
  return text ? *text : printable(bytes, bytes.size() * 4);
}

// RFC 2047: =?charset?B|Q?text?=
std::string decoded_header(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t start = text.find("=?");
    const size_t a = start == std::string_view::npos ? start : text.find('?', start + 2);
    const size_t b = a == std::string_view::npos ? a : text.find('?', a + 1);
    const size_t end = b == std::string_view::npos ? b : text.find("?=", b + 1);
    if (end == std::string_view::npos) return out + std::string(text);
    if (const std::string between = trimmed(text.substr(0, start)); out.empty() || !between.empty())
      out += text.substr(0, start);
    const std::string_view data = text.substr(b + 1, end - b - 1);
    const bool base64 = a + 1 < text.size() && (text[a + 1] == 'B' || text[a + 1] == 'b');
    out += in_utf8(base64 ? from_base64(data) : from_quoted(data, true), lower(text.substr(start + 2, a - start - 2)));
    text.remove_prefix(end + 2);
  }
  return out;
}

using Headers = std::map<std::string, std::string>;
// Cuts the headers off `message`; names in lower case, folded lines joined.
Headers take_headers(std::string_view& message) {
  Headers headers;
  std::string* last = nullptr;
  while (!message.empty()) {
    const size_t end = std::min(message.find('\n'), message.size());
    std::string_view line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if ((line[0] == ' ' || line[0] == '\t') && last) {
      if (last->size() < 65'536) *last += ' ' + trimmed(line);
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (headers.size() > 1000) break;
    last = &(headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1)));
  }
  return headers;
}
std::string parameter(const std::string& header, const std::string& name) {
  const std::string low = lower(header);
  for (const std::string& form : {name + "=", name + "*="}) {
    const size_t at = low.find(form);
    if (at == std::string::npos) continue;
    std::string value = header.substr(at + form.size());
    if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
    value = value.substr(0, value.find_first_of("; \t"));
    if (const size_t tick = value.rfind('\''); tick != std::string::npos) {  // RFC 2231
      std::string bytes = value.substr(tick + 1);
      std::replace(bytes.begin(), bytes.end(), '%', '=');
      return from_quoted(bytes, false);
    }
    return value;
  }
  return "";
}

class MailReader {
 public:
  MailReader(Paper& paper, std::string_view name, Nesting nesting) : paper_(paper), name_(name), nesting_(nesting) {}

  Result<Done> part(const Headers& headers, std::string_view body, int depth) {
    if (++parts_ > limits::mail_parts || depth > limits::mail_nesting)
      return out_of_resources("{}: more than {} parts, or nested deeper than {}", name_, limits::mail_parts,
                              limits::mail_nesting);
    const auto value = [&](const char* key) {
      const auto f = headers.find(key);
      return f == headers.end() ? std::string() : f->second;
    };
    const std::string type = value("content-type"), low = lower(type);
    if (low.starts_with("multipart/")) return multipart(type, low, body, depth);
    const std::string encoding = lower(value("content-transfer-encoding"));
    const std::string bytes = encoding == "base64"             ? from_base64(body)
                              : encoding == "quoted-printable" ? from_quoted(body, false)
                                                               : std::string(body);
    std::string file = decoded_header(parameter(value("content-disposition"), "filename"));
    if (file.empty()) file = decoded_header(parameter(type, "name"));
    if (!file.empty() || low.starts_with("message/")) return attachment(file.empty() ? "message.eml" : file, bytes);
    const std::string text = in_utf8(bytes, lower(parameter(type, "charset")));
    if (low.starts_with("text/html")) {
      TRY_ASSIGN(Paper html, read_html(text, name_));
      take(std::move(html), "");
    } else if (low.empty() || low.starts_with("text/")) {
      lines(text);
    } else {
      paper_.notes.push_back(fmt::format("a part of type {} was left out", printable(low, 40)));
    }
    return Done{};
  }
  std::string heading;

 private:
  Result<Done> multipart(const std::string& type, const std::string& low, std::string_view body, int depth) {
    const std::string mark = "--" + parameter(type, "boundary");
    if (mark.size() <= 2) return malformed("{}: a multipart without boundary", name_);
    std::vector<std::string_view> found;
    size_t at = body.find(mark);
    while (at != std::string_view::npos && found.size() <= limits::mail_parts) {
      const size_t start = body.find('\n', at);
      if (start == std::string_view::npos || body.substr(at + mark.size(), 2) == "--") break;
      const size_t next = body.find(mark, start);
      found.push_back(body.substr(start + 1, (next == std::string_view::npos ? body.size() : next) - start - 1));
      at = next;
    }
    const bool alternative = low.starts_with("multipart/alternative");
    if (alternative)
      for (const std::string_view one : found) {
        std::string_view rest = one;
        const Headers headers = take_headers(rest);
        const auto kind = headers.find("content-type");
        if (kind != headers.end() && lower(kind->second).starts_with("text/plain"))
          return part(headers, rest, depth + 1);
      }
    for (std::string_view one : found) {
      const Headers headers = take_headers(one);
      TRY(part(headers, one, depth + 1));
    }
    return Done{};
  }
  Result<Done> attachment(const std::string& file, const std::string& bytes) {
    if (nesting_ == Nesting::attachment) {
      paper_.notes.push_back(fmt::format("attachment {} of an attachment was left out", printable(file)));
      return Done{};
    }
    auto inner = read_paper(file, bytes, Nesting::attachment);
    if (!inner) {
      paper_.notes.push_back(fmt::format("attachment not read: {}", inner.error().what));
      return Done{};
    }
    take(std::move(*inner), fmt::format("attachment {} ", printable(file)));
    return Done{};
  }
  void take(Paper&& inner, const std::string& prefix) {
    for (Grid& grid : inner.grids) {
      for (GridRow& row : grid.rows) row.place = prefix + row.place;
      if (grid.title.empty()) grid.title = prefix.empty() ? heading : prefix;
      paper_.grids.push_back(std::move(grid));
    }
    for (Passage& passage : inner.passages) {
      passage.place = prefix + passage.place;
      if (passage.heading.empty()) passage.heading = heading;
      paper_.passages.push_back(std::move(passage));
    }
    for (std::string& note : inner.notes) paper_.notes.push_back(prefix + note);
  }
  void lines(const std::string& text) {
    std::string own, quoted;
    bool rest = false;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      const std::string low = lower(trimmed(line));
      if (low.find("original message") != std::string::npos || (low.starts_with("on ") && low.ends_with("wrote:")))
        rest = true;
      const bool is_quoted = rest || line.starts_with('>');
      (is_quoted ? quoted : own) += line;
      own += '\n', quoted += '\n';
    }
    add_lines(paper_, own, "", heading);
    add_lines(paper_, quoted, "", "quoted");
  }

  Paper& paper_;
  std::string_view name_;
  Nesting nesting_;
  size_t parts_ = 0;
};

}  // namespace

Result<Paper> read_mail(std::string_view bytes, std::string_view name, Nesting nesting) {
  Paper paper;
  paper.read_as = "mail";
  std::string_view body = bytes;
  const Headers headers = take_headers(body);
  const auto value = [&](const char* key) {
    const auto f = headers.find(key);
    return f == headers.end() ? std::string() : decoded_header(f->second);
  };
  if (headers.empty() || (value("from").empty() && value("subject").empty() && value("content-type").empty()))
    return malformed("{}: no mail headers; expected From or Subject", name);
  paper.title = value("subject");
  MailReader reader(paper, name, nesting);
  reader.heading = fmt::format("{} / {}", value("date"), value("subject"));
  if (!paper.title.empty()) paper.passages.push_back({"subject", reader.heading, paper.title});
  TRY(reader.part(headers, body, 0));
  return paper;
}

}  // namespace freehold::papers
