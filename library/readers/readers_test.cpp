#include "library/readers/readers.h"

#include <gtest/gtest.h>
#include <zip.h>

#include "base/limits.h"
#include "library/table_shape.h"

namespace freehold::papers {
namespace {

// A zip archive of these members.
std::string zipped(const std::vector<std::pair<std::string, std::string>>& members) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* out = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(out);
  zip_t* zip = zip_open_from_source(out, ZIP_TRUNCATE, &error);
  for (const auto& [name, text] : members)
    zip_file_add(zip, name.c_str(), zip_source_buffer(zip, text.data(), text.size(), 0), 0);
  EXPECT_EQ(zip_close(zip), 0);
  zip_source_open(out);
  std::string bytes(1 << 22, '\0');
  bytes.resize(static_cast<size_t>(zip_source_read(out, bytes.data(), bytes.size())));
  zip_source_close(out);
  zip_source_free(out);
  return bytes;
}
std::string workbook_of(const std::string& sheet, const std::string& more = "") {
  return zipped(
      {{"xl/workbook.xml",
        "<workbook xmlns:r='r'>" + more + "<sheets><sheet name='Log' r:id='a'/></sheets></workbook>"},
       {"xl/_rels/workbook.xml.rels",
        "<Relationships><Relationship Id='a' Target='worksheets/s.xml'/></Relationships>"},
       {"xl/styles.xml", "<s><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='46'/></cellXfs></s>"},
       {"xl/worksheets/s.xml", "<worksheet><sheetData>" + sheet + "</sheetData></worksheet>"}});
}
std::string row_of(const Grid& grid, size_t row) {
  std::string out;
  for (const Cell& cell : grid.rows.at(row).cells) out += cell.text + "|";
  return out;
}

TEST(Delimited, QuotesMarksAndEnds) {
  const auto paper = read_paper("a.csv", "Name;Text\r\n\"A; B\";\"two\nlines\"\r\nC;\"say \"\"hi\"\"\"\r\n");
  ASSERT_TRUE(paper);
  EXPECT_EQ(row_of(paper->grids[0], 1), "A; B|two\nlines|");
  EXPECT_EQ(row_of(paper->grids[0], 2), "C|say \"hi\"|");
  EXPECT_EQ(paper->grids[0].rows[2].place, "L4");
  const auto open = read_paper("a.csv", "a,b\n1,\"never closed\n2,3\n");
  ASSERT_TRUE(open);
  EXPECT_EQ(open->grids[0].rows.size(), 3u);
  EXPECT_FALSE(open->notes.empty());
  EXPECT_EQ(read_paper("wide.csv", std::string(50'000, ',') + "\n1,2\n").error().fault, Fault::resources);
}

TEST(Encodings, AreTold) {
  std::string how;
  EXPECT_EQ(*to_utf8("\xef\xbb\xbf\xc3\xa4", "x", how), "\xc3\xa4");
  EXPECT_EQ(*to_utf8("\xe4\x80", "x", how), "\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(how, "Windows-1252");
  EXPECT_EQ(*to_utf8(std::string("\xff\xfe\xe4\0a\0", 6), "x", how),
            "\xc3\xa4"
            "a");
  EXPECT_EQ(*to_utf8(std::string("a\0b\0c\0d\0", 8), "x", how), "abcd");
  EXPECT_EQ(to_utf8(std::string("\x01\x02\x03\x04\x05\x06\x07", 7), "x", how).error().fault, Fault::unsupported);
}

TEST(Shape, FindsTheHeader) {
  const auto shape = [](std::string_view csv) { return shape_of(read_paper("a.csv", csv)->grids[0], {"total"}); };
  const Shape plain =
      shape("Export of March\n\nOrder;Day;Minutes\nA1;01.02.2021;5\nOrder;Day;Minutes\nA2;02.02.2021;7\n\nTotal;;12\n");
  EXPECT_EQ(plain.headers, (std::vector<std::string>{"Order", "Day", "Minutes"}));
  EXPECT_EQ(plain.left_out.size(), 3u);
  EXPECT_EQ(plain.preamble, "Export of March");
  const Shape units = shape("Order;Day;Stop\n;;[h]\nA1;01.02.2021;5\nA2;02.02.2021;7\n");
  EXPECT_EQ(units.headers[2], "Stop [h]");
  EXPECT_EQ(units.first_row, 2u);
  const Shape two = shape("Order;Stop;;Who\n;begin;end;\nA1;01.02.2021;02.02.2021;x\nA2;02.02.2021;03.02.2021;y\n");
  EXPECT_EQ(two.headers[2], "Stop end");
  EXPECT_TRUE(shape("one\ntwo\nthree\n").headers.empty());
}

TEST(Workbook, DatesSpansAndFormulas) {
  const auto paper = read_paper(
      "a.xlsx", workbook_of("<row r='1'><c r='A1' t='inlineStr'><is><t>Day</t></is></c><c r='B1' "
                            "t='inlineStr'><is><t>Stop</t></is></c></row>"
                            "<row r='2'><c r='A2' s='1'><v>44267</v></c><c r='B2' s='2'><v>0.0590277777</v></c></row>"
                            "<row r='3'><c r='A3'><f>1+1</f></c><c r='C3'><v>1.5</v></c></row>"));
  ASSERT_TRUE(paper) << paper.error().what;
  EXPECT_EQ(row_of(paper->grids[0], 1), "2021-03-12|1:25|");
  EXPECT_EQ(row_of(paper->grids[0], 2), "||1.5|");
  EXPECT_EQ(paper->grids[0].rows[1].place, "Log!2");
  ASSERT_EQ(paper->notes.size(), 1u);
  const auto mac = read_paper(
      "a.xlsx", workbook_of("<row r='1'><c r='A1' s='1'><v>42805</v></c></row>", "<workbookPr date1904='1'/>"));
  EXPECT_EQ(mac->grids[0].rows[0].cells[0].text, "2021-03-12");
}

TEST(Archives, BombsAndEntitiesAreRefused) {
  const auto bomb = read_paper("bomb.xlsx", workbook_of(std::string(3'500'000, ' ')));
  EXPECT_EQ(bomb.error().fault, Fault::resources);
  const auto laughs = read_paper(
      "l.docx", zipped({{"word/document.xml", "<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><d>&b;</d>"}}));
  ASSERT_FALSE(laughs);
  EXPECT_NE(laughs.error().what.find("document type"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  EXPECT_EQ(read_paper("d.docx", zipped({{"word/document.xml", deep}})).error().fault, Fault::malformed);
  EXPECT_EQ(read_paper("x.xlsx", "PK\x03\x04 and nothing").error().fault, Fault::malformed);
  EXPECT_EQ(read_paper("x.zip", zipped({{"../../etc/passwd", "x"}})).error().fault, Fault::unsupported);
}

TEST(Document, InsertionsCountDeletionsDoNot) {
  const auto paper = read_paper(
      "a.docx",
      zipped({{"word/document.xml",
               "<w:d xmlns:w='w'><w:p><w:pPr><w:pStyle w:val='Heading1'/></w:pPr><w:r><w:t>Title</w:t></w:r></w:p>"
               "<w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:t>old</w:t></w:r></w:del></w:p>"
               "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan "
               "w:val='2'/></w:tcPr><w:p><w:r><w:t>A</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:d>"}}));
  ASSERT_TRUE(paper) << paper.error().what;
  ASSERT_EQ(paper->passages.size(), 2u);
  EXPECT_EQ(paper->passages[1].text, "new");
  EXPECT_EQ(paper->passages[1].heading, "Title");
  EXPECT_EQ(row_of(paper->grids[0], 0), "A|A|");
}

TEST(Html, ScriptsVanishSpansStay) {
  const auto paper = read_paper("a.html",
                                "<html><title>T &amp; U</title><script>var a='<table><tr><td>x';</script><p>one<p>two"
                                "<table><tr><th rowspan=2>A</th><th>B</th></tr><tr><td>2 &lt; 3</td></tr></table>");
  ASSERT_TRUE(paper);
  EXPECT_EQ(paper->title, "T & U");
  ASSERT_EQ(paper->grids.size(), 1u);
  EXPECT_EQ(row_of(paper->grids[0], 1), "A|2 < 3|");
  EXPECT_EQ(paper->passages.size(), 2u);
}

TEST(Mail, PartsQuotesAndAttachments) {
  const auto paper = read_paper(
      "a.eml",
      "From: a@b\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\nContent-Type: multipart/mixed; boundary=\"xx\"\n\n--xx\n"
      "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nthe belt =\ntore\n> old words\n--xx\n"
      "Content-Type: text/csv; name=\"t.csv\"\nContent-Transfer-Encoding: base64\n\nYSxiCjEsMgo=\n--xx--\n");
  ASSERT_TRUE(paper) << paper.error().what;
  EXPECT_EQ(paper->title,
            "Gr\xc3\xbc\xc3\x9f"
            "e");
  ASSERT_EQ(paper->grids.size(), 1u);
  EXPECT_EQ(paper->grids[0].rows[1].place, "attachment t.csv L2");
  ASSERT_EQ(paper->passages.size(), 3u);
  EXPECT_EQ(paper->passages[1].text, "the belt tore");
  EXPECT_EQ(paper->passages[2].heading, "quoted");
}

TEST(Json, ListsAreTables) {
  const auto paper = read_paper("a.json", R"({"plant":"P","rows":[{"a":1.5,"b":{"c":"x"}},{"a":2,"d":null}]})");
  ASSERT_TRUE(paper);
  EXPECT_EQ(row_of(paper->grids[0], 0), "a|b.c|d|");
  EXPECT_EQ(row_of(paper->grids[0], 1), "1.5|x|");
  EXPECT_EQ(read_paper("a.json", "{\"a\": 1,}").error().fault, Fault::malformed);
  const auto lines = read_paper("a.jsonl", "{\"a\":1}\nnot json\n{\"a\":2}\n");
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->grids[0].rows.size(), 3u);
  EXPECT_EQ(lines->grids[0].rows[2].place, "L3");
  EXPECT_EQ(lines->notes.size(), 1u);
}

TEST(Markdown, PipeTables) {
  const auto paper = read_paper("a.md", "# Codes\n\nCode | Meaning\n--- | ---\nA | x \\| y\n\nafter\n");
  ASSERT_TRUE(paper);
  EXPECT_EQ(row_of(paper->grids[0], 1), "A|x | y|");
  EXPECT_EQ(paper->grids[0].title, "Codes");
  EXPECT_EQ(paper->grids[0].rows[1].place, "L5");
}

TEST(EveryReader, TakesCutFiles) {
  const std::string whole[] = {workbook_of("<row r='1'><c r='A1'><v>1</v></c></row>"),
                               "From: a\nSubject: b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhi\n--x--\n",
                               "<table><tr><td rowspan=3>a<td colspan=2>b</table>", "{\"a\":[{\"b\":1}]}"};
  const char* names[] = {"a.xlsx", "a.eml", "a.html", "a.json"};
  for (int i = 0; i < 4; ++i)
    for (size_t n = 0; n < whole[i].size(); ++n) {
      const auto paper = read_paper(names[i], whole[i].substr(0, n));
      if (!paper) {
        EXPECT_LE(paper.error().what.size(), 310u);
      }
    }
}

}  // namespace
}  // namespace freehold::papers
