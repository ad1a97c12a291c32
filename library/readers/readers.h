// The readers, one file each. `text` is UTF-8 already; `bytes` are as in the file.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "library/paper.h"

namespace freehold::papers {

// UTF-8 out of UTF-8, UTF-16 (with or without mark) or Windows-1252; line ends become \n. `how` says which it was.
Result<std::string> to_utf8(std::string_view bytes, std::string_view name, std::string& how);
std::string from_windows_1252(std::string_view bytes);
std::string from_code_point(uint32_t code);

Result<Paper> read_plain(std::string_view text, std::string_view name);  // txt, log: lines under their headings
Result<Paper> read_markdown(std::string_view text, std::string_view name);
Result<Paper> read_delimited(std::string_view text, std::string_view name);  // csv, tsv and their relatives
bool looks_delimited(std::string_view text);
Result<Paper> read_json(std::string_view text, std::string_view name);
Result<Paper> read_json_lines(std::string_view text, std::string_view name);
Result<Paper> read_html(std::string_view text, std::string_view name);
Result<Paper> read_mail(std::string_view bytes, std::string_view name, Nesting nesting);
Result<Paper> read_workbook(std::string_view bytes, std::string_view name);  // xlsx
Result<Paper> read_document(std::string_view bytes, std::string_view name);  // docx, and the text of pptx

std::string trimmed(std::string_view text);
// Lines of a text as passages: wrapped lines joined, headings kept; `prefix` stands before each place.
void add_lines(Paper& paper, std::string_view text, std::string_view prefix, std::string heading);

// A zip archive in memory. Sizes are counted while inflating, never believed; names are only ever compared.
class Archive {
 public:
  static Result<Archive> open(std::string_view bytes, std::string_view name);
  bool has(const std::string& member) const;
  Result<std::string> read(const std::string& member);
  std::vector<std::string> members() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Walks over XML. Names come without their prefix; a document type (and with it every entity) is refused.
using Attributes = std::map<std::string, std::string, std::less<>>;
struct XmlEvents {
  std::function<void(std::string_view name, const Attributes&)> start = [](auto, auto&) {};
  std::function<void(std::string_view name)> end = [](auto) {};
  std::function<void(std::string_view text)> text = [](auto) {};
};
Result<Done> walk_xml(std::string_view xml, std::string_view name, const XmlEvents& events);

}  // namespace freehold::papers
