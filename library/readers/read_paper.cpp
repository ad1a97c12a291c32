// Which reader: by the first bytes, then by the ending of the name.
#include <algorithm>

#include "base/limits.h"
#include "library/readers/layout.h"

namespace freehold::papers {
namespace {

std::string ending_of(std::string_view name) {
  const size_t dot = name.rfind('.');
  std::string ending(dot == std::string_view::npos ? "" : name.substr(dot + 1));
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

bool starts_like_html(std::string_view text) {
  std::string head = trimmed(text.substr(0, 600));
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return head.starts_with("<!doctype html") || head.starts_with("<html") || head.find("<table") != std::string::npos;
}

Result<Paper> read_packed(std::string_view name, std::string_view bytes) {
  TRY_ASSIGN(Archive archive, Archive::open(bytes, name));
  if (archive.has("xl/workbook.xml")) return read_workbook(bytes, name);
  return read_document(bytes, name);
}

Result<Paper> read_text(std::string_view name, std::string_view bytes, Nesting nesting) {
  const std::string ending = ending_of(name);
  if (ending == "eml") return read_mail(bytes, name, nesting);
  std::string how;
  TRY_ASSIGN(std::string text, to_utf8(bytes, name, how));
  if (trimmed(text).empty()) return malformed("{}: empty", name);
  const auto read = [&]() -> Result<Paper> {
    if (ending == "html" || ending == "htm" || starts_like_html(text)) {
      if (how == "UTF-8" && text.find("charset=iso-8859") != std::string::npos && !is_utf8(bytes))
        text = from_windows_1252(bytes);
      return read_html(text, name);
    }
    const std::string head = trimmed(text.substr(0, 2000));
    if (ending == "svg" || (head.starts_with("<") && head.find("<svg") != std::string::npos))
      return read_svg(text, name);
    if (ending == "xml" || head.starts_with("<?xml")) return read_xml(text, name);
    if (ending == "dxf" || (head.starts_with("0\n") && head.find("\nSECTION\n") != std::string::npos))
      return read_dxf(text, name);
    if (ending == "json") return read_json(text, name);
    if (ending == "jsonl" || ending == "ndjson") return read_json_lines(text, name);
    if (ending == "md" || ending == "markdown") return read_markdown(text, name);
    if (ending == "csv" || ending == "tsv" || ending == "tab" || looks_delimited(text))
      return read_delimited(text, name);
    return read_plain(text, name);
  };
  auto paper = read();
  if (paper) paper->read_as += ", " + how;
  return paper;
}

}  // namespace

Result<Paper> read_paper(std::string_view name, std::string_view bytes, Nesting nesting) {
  if (bytes.size() > limits::paper_bytes)
    return out_of_resources("{}: {} bytes, at most {} are read", name, bytes.size(), limits::paper_bytes);
  if (bytes.empty()) return malformed("{}: empty", name);
  if (bytes.starts_with("PK\x03\x04")) return read_packed(name, bytes);
  if (bytes.starts_with("%PDF-"))
    return unsupported("{}: a PDF inside another paper is not read; keep it as a file", name);
  if (bytes.starts_with("\xd0\xcf\x11\xe0"))
    return unsupported("{}: an old Office file; save it as xlsx or docx", name);
  if (bytes.starts_with("PAR1")) return unsupported("{}: Parquet; export it as CSV", name);
  auto paper = read_text(name, bytes, nesting);
  if (!paper) return paper;
  for (const Passage& passage : paper->passages)
    if (passage.text.size() > limits::passage_bytes)
      return out_of_resources("{}: {}: a passage of {} bytes, at most {}", name, passage.place, passage.text.size(),
                              limits::passage_bytes);
  return paper;
}

}  // namespace freehold::papers
