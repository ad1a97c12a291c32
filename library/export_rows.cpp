#include "library/export_rows.h"

#include <zip.h>

#include <memory>

namespace freehold::papers {
namespace {

// A table's row is kept as a JSON list of texts, or of lists of one text; a line of text as itself.
std::vector<std::string> cells_of(const Citation& citation) {
  std::vector<std::string> cells = {citation.file, citation.place};
  const auto row = citation.quote.starts_with('[') ? parse_json(citation.quote, "row")
                                                   : Result<Json>(failure(Fault::malformed, "a line"));
  if (!row || !row->is_array()) {
    cells.push_back(citation.quote);
    return cells;
  }
  for (const Json& one : *row) {
    const Json& text = one.is_array() && !one.empty() ? one[0] : one;
    cells.push_back(text.is_string() ? text.get<std::string>() : "");
  }
  return cells;
}

// XML 1.0 has no place for control characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n')
      out += c;
  }
  return out;
}

// Texts are inline strings: no spreadsheet takes one for a formula.
std::string sheet_of(const Answer& answer) {
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet "
      "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>";
  const auto add = [&](const std::vector<std::string>& cells) {
    xml += "<row>";
    for (const std::string& cell : cells)
      xml += "<c t=\"inlineStr\"><is><t xml:space=\"preserve\">" + escaped(cell) + "</t></is></c>";
    xml += "</row>";
  };
  add({"file", "place", "row"});
  for (const Citation& citation : answer.citations) add(cells_of(citation));
  return xml + "</sheetData></worksheet>";
}

constexpr std::string_view types =
    R"(<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>)";
constexpr std::string_view package =
    R"(<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>)";
constexpr std::string_view book =
    R"(<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="rows" sheetId="1" r:id="r1"/></sheets></workbook>)";
constexpr std::string_view book_parts =
    R"(<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>)";

}  // namespace

std::string rows_as_csv(const Answer& answer) {
  std::string csv = "file,place,row\n";
  for (const Citation& citation : answer.citations) {
    bool first = true;
    for (const std::string& text : cells_of(citation)) {
      csv += first ? "\"" : ",\"";
      first = false;
      // A cell that a spreadsheet would take for a formula gets an apostrophe before it.
      if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) csv += '\'';
      for (const char c : text) csv += c == '"' ? "\"\"" : std::string(1, c);
      csv += '"';
    }
    csv += '\n';
  }
  return csv;
}

Result<std::string> rows_as_workbook(const Answer& answer) {
  const std::string sheet = sheet_of(answer);
  const std::pair<const char*, std::string_view> parts[] = {{"[Content_Types].xml", types},
                                                            {"_rels/.rels", package},
                                                            {"xl/workbook.xml", book},
                                                            {"xl/_rels/workbook.xml.rels", book_parts},
                                                            {"xl/worksheets/sheet1.xml", sheet}};
  const auto failed = [] { return io_error("workbook: cannot be packed"); };
  zip_error_t error;
  zip_error_init(&error);
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> packed(
      zip_source_buffer_create(nullptr, 0, 0, &error), &zip_source_free);
  if (!packed) return failed();
  zip_source_keep(packed.get());  // the archive takes one of the two holds
  zip_t* archive = zip_open_from_source(packed.get(), ZIP_TRUNCATE, &error);
  if (!archive) {
    zip_source_free(packed.get());
    return failed();
  }
  for (const auto& [name, text] : parts) {
    zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
    if (!source || zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) < 0) {
      zip_source_free(source);
      zip_discard(archive);
      return failed();
    }
  }
  if (zip_close(archive) != 0) {
    zip_discard(archive);
    return failed();
  }
  zip_stat_t size;
  zip_stat_init(&size);
  if (zip_source_open(packed.get()) != 0 || zip_source_stat(packed.get(), &size) != 0) return failed();
  std::string bytes(size.size, '\0');
  const zip_int64_t read = zip_source_read(packed.get(), bytes.data(), bytes.size());
  zip_source_close(packed.get());
  if (read != static_cast<zip_int64_t>(bytes.size())) return failed();
  return bytes;
}

}  // namespace freehold::papers
