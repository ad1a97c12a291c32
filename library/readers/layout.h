// Words with their boxes on a page, as a PDF's text layer, a drawing or OCR gives them, to lines and tables.
//
// Words on one height make a line; a gap wider than a letter's height parts its cells. Three or more lines with short
// cells that stand under each other make a table, which goes on over a page when its header is said again. Lines that
// come again at the same height of most pages (running heads, page numbers) are left out. What is no table is text, in
// the order of its blocks, with words joined that were broken at a line's end.
#pragma once

#include "library/readers/readers.h"

namespace freehold::papers {

struct BoxedWord {
  double left = 0, top = 0, right = 0, bottom = 0;
  std::string text;
  int block = 0;  // reading order, where the source knows it
};
struct BoxedPage {
  std::vector<BoxedWord> words;
};
void lay_out(const std::vector<BoxedPage>& pages, Paper& paper);

Result<Paper> read_word_boxes(std::string_view xml, std::string_view name);  // of pdftotext -bbox-layout
Result<Paper> read_ocr_table(std::string_view tsv, std::string_view name);   // of tesseract
Result<Paper> read_svg(std::string_view text, std::string_view name);
Result<Paper> read_dxf(std::string_view text, std::string_view name);
Result<Paper> read_xml(std::string_view text, std::string_view name);

}  // namespace freehold::papers
