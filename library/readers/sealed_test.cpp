// What a sealed reader may not do, and the formats that come with the new readers, with their traps.
#include "library/readers/sealed.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "library/readers/child.h"
#include "library/readers/layout.h"

namespace freehold::papers {
namespace {

using Work = Result<Paper> (*)(std::string_view, std::string_view);

std::string row_text(const GridRow& row) {
  std::string out;
  for (const Cell& cell : row.cells) out += cell.text + "|";
  return out;
}

TEST(Sealed, GivesTheSamePaper) {
  const std::string csv = "Asset;Model;Day\nBC-01;X;2020-01-02\nBC-02;Y;2020-02-03\n";
  const auto sealed = read_paper_sealed("a.csv", csv), plain = read_paper("a.csv", csv);
  ASSERT_TRUE(sealed) << sealed.error().what;
  ASSERT_EQ(sealed->grids.size(), plain->grids.size());
  for (size_t i = 0; i < plain->grids[0].rows.size(); ++i)
    EXPECT_EQ(row_text(sealed->grids[0].rows[i]), row_text(plain->grids[0].rows[i]));
  EXPECT_EQ(sealed->read_as, plain->read_as);
}
TEST(Sealed, ReadsArchivesToo) {  // whose library asks for the time zone
  const auto paper = read_paper_sealed("a.docx", std::string("PK\x05\x06") + std::string(18, '\0'));
  ASSERT_FALSE(paper);
  EXPECT_EQ(paper.error().what.find("may not"), std::string::npos);
}
TEST(Sealed, FaultsComeThrough) {
  const auto broken = read_paper_sealed("a.xlsx", "PK\x03\x04 broken");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().fault, Fault::malformed);
}
TEST(Sealed, AReaderCannotOpenConnectOrWrite) {
  const Work tries[] = {[](std::string_view, std::string_view) -> Result<Paper> {
                          return ::open("/etc/passwd", O_RDONLY) >= 0 ? Result<Paper>(Paper{}) : malformed("refused");
                        },
                        [](std::string_view, std::string_view) -> Result<Paper> {
                          return ::socket(AF_INET, SOCK_STREAM, 0) >= 0 ? Result<Paper>(Paper{}) : malformed("refused");
                        },
                        [](std::string_view, std::string_view) -> Result<Paper> {
                          return ::fork() >= 0 ? Result<Paper>(Paper{}) : malformed("refused");
                        },
                        [](std::string_view, std::string_view) -> Result<Paper> {
                          return ::unlink("/nothing") == 0 ? Result<Paper>(Paper{}) : malformed("refused");
                        }};
  for (const Work work : tries) EXPECT_FALSE(run_sealed("a", work, "x"));
}
TEST(Sealed, ACrashCostsOnePaper) {
  const auto crashed = run_sealed(
      "a", [](std::string_view, std::string_view) -> Result<Paper> { ::_exit(9); }, "x");
  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().what, "a: its reader ended with 9");
}

TEST(Drawings, PartsListOfAnSvgIsATable) {
  const std::string svg =
      "<svg xmlns='http://www.w3.org/2000/svg'><title>Pump</title><script>alert(1)</script><g "
      "transform='translate(100,200)'>"
      "<text x='0' y='0' font-size='10'>Item</text><text x='60' y='0' font-size='10'>Part number</text><text x='200' "
      "y='0' font-size='10'>Qty</text>"
      "<text x='0' y='20' font-size='10'>1</text><text x='60' y='20' font-size='10'>QX-5501</text><text x='200' y='20' "
      "font-size='10'>4</text>"
      "<text x='0' y='40' font-size='10'>2</text><text y='40' font-size='10'><tspan x='60'>QX-5502</tspan><tspan "
      "x='200'>2</tspan></text></g></svg>";
  const auto paper = read_paper("a.svg", svg);
  ASSERT_TRUE(paper) << paper.error().what;
  EXPECT_EQ(paper->title, "Pump");
  ASSERT_EQ(paper->grids.size(), 1u);
  EXPECT_EQ(row_text(paper->grids[0].rows[0]), "Item|Part number|Qty|");
  EXPECT_EQ(row_text(paper->grids[0].rows[2]), "2|QX-5502|2|");
  for (const Passage& p : paper->passages) EXPECT_EQ(p.text.find("alert"), std::string::npos);
}
TEST(Drawings, DxfTextsWithTheirControlSequences) {
  const auto text = [](const char* kind, int x, int y, const std::string& words) {
    return fmt::format("0\n{}\n10\n{}\n20\n{}\n40\n2.5\n1\n{}\n", kind, x, y, words);
  };
  const std::string dxf = "0\nSECTION\n2\nENTITIES\n" + text("TEXT", 0, 100, "Shaft %%c40") +
                          text("MTEXT", 0, 80, "{\\fArial;Sheet 1}\\PRev B") + text("ATTRIB", 0, 50, "Temp 80%%d") +
                          text("LINE", 0, 40, "hidden") + "0\nENDSEC\n0\nEOF\n";
  const auto paper = read_paper("a.dxf", dxf);
  ASSERT_TRUE(paper) << paper.error().what;
  std::string all;
  for (const Passage& p : paper->passages) all += p.text + "\n";
  EXPECT_NE(all.find("Shaft \xc3\x98"
                     "40"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("Sheet 1"), std::string::npos) << all;
  EXPECT_NE(all.find("Rev B"), std::string::npos) << all;
  EXPECT_NE(all.find("80\xc2\xb0"), std::string::npos) << all;
  EXPECT_EQ(all.find("hidden"), std::string::npos) << all;
  EXPECT_FALSE(read_paper("b.dxf", "0\nSECTION\nnonsense\nENTITIES\n"));
}
TEST(Xml, RepeatedElementsAreRows) {
  const auto paper = read_paper("a.xml",
                                "<?xml version='1.0'?><orders year='2020'><note>all halls</note><order "
                                "no='7'><day>2020-01-02</day><asset><tag>BC-01</tag></asset></order>"
                                "<order no='8'><day>2020-01-03</day><asset><tag>BC-02</tag></asset></order></orders>");
  ASSERT_TRUE(paper) << paper.error().what;
  ASSERT_EQ(paper->grids.size(), 1u);
  EXPECT_EQ(row_text(paper->grids[0].rows[0]), "no|day|asset.tag|");
  EXPECT_EQ(row_text(paper->grids[0].rows[2]), "8|2020-01-03|BC-02|");
  EXPECT_EQ(paper->grids[0].rows[2].place, "/orders/order[2]");
  EXPECT_FALSE(
      read_paper("b.xml", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"));
}
TEST(Layout, TwoColumnsOfProseAreNoTableAndHyphensAreJoined) {
  BoxedPage page;
  for (int line = 0; line < 4; ++line)
    for (int column = 0; column < 2; ++column)
      for (int word = 0; word < 8; ++word) {
        const double left = column * 300 + word * 30, top = line * 12;
        page.words.push_back({left, top, left + 27, top + 10,
                              line == 0 && word == 7   ? "bear-"
                              : line == 1 && word == 0 ? "ing"
                                                       : "word",
                              column + 1});
      }
  Paper paper;
  lay_out({page}, paper);
  EXPECT_TRUE(paper.grids.empty());
}
TEST(Layout, RunningHeadsAreLeftOut) {
  std::vector<BoxedPage> pages(4);
  for (size_t p = 0; p < 4; ++p) {
    pages[p].words.push_back({0, 0, 60, 10, fmt::format("Page {}", p + 1), 1});
    pages[p].words.push_back({0, 40, 60, 50, fmt::format("Text-{}", std::string(p + 1, 'x')), 2});
    pages[p].words.push_back({0, 80, 60, 90, "more", 3});
    pages[p].words.push_back({0, 120, 60, 130, fmt::format("body{}", std::string(p + 1, 'y')), 4});
    pages[p].words.push_back({0, 160, 60, 170, fmt::format("foot{}", std::string(p + 1, 'z')), 5});
  }
  Paper paper;
  lay_out(pages, paper);
  for (const Passage& passage : paper.passages) EXPECT_EQ(passage.text.find("Page"), std::string::npos);
  EXPECT_GE(paper.passages.size(), 12u);
}

// A PDF of one page with these lines of words at (x, y).
std::string pdf_of(const std::vector<std::tuple<int, int, std::string>>& texts) {
  std::string stream = "BT /F1 10 Tf\n";
  for (const auto& [x, y, text] : texts) stream += fmt::format("1 0 0 1 {} {} Tm ({}) Tj\n", x, y, text);
  stream += "ET";
  const std::string objects[] = {
      "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
      fmt::format("<< /Length {} >>\nstream\n{}\nendstream", stream.size(), stream),
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
  std::string pdf = "%PDF-1.4\n", table = "xref\n0 6\n0000000000 65535 f \n";
  for (size_t i = 0; i < 5; ++i) {
    table += fmt::format("{:010} 00000 n \n", pdf.size());
    pdf += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
  }
  return pdf + table + fmt::format("trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n", pdf.size());
}
TEST(Pdf, TablesAndTextOfTheTextLayer) {
  if (!is_installed("pdftotext")) GTEST_SKIP() << "pdftotext is not installed";
  std::vector<std::tuple<int, int, std::string>> texts = {{50, 750, "Register of machines, drawn up by the office"}};
  const std::vector<std::array<std::string, 3>> rows = {{"Asset", "Model", "Installed"},
                                                        {"BC-01", "X", "2019-05-01"},
                                                        {"BC-02", "Y 7", "2020-06-01"},
                                                        {"PU-01", "", "2015-01-01"}};
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t c = 0; c < 3; ++c)
      if (!rows[r][c].empty())
        texts.push_back({50 + static_cast<int>(c) * 120, 700 - static_cast<int>(r) * 15, rows[r][c]});
  const auto paper = read_paper_sealed("a.pdf", pdf_of(texts));
  ASSERT_TRUE(paper) << paper.error().what;
  ASSERT_EQ(paper->grids.size(), 1u);
  EXPECT_EQ(row_text(paper->grids[0].rows[0]), "Asset|Model|Installed|");
  EXPECT_EQ(row_text(paper->grids[0].rows[2]), "BC-02|Y 7|2020-06-01|");
  EXPECT_EQ(row_text(paper->grids[0].rows[3]), "PU-01||2015-01-01|");
  ASSERT_EQ(paper->passages.size(), 1u);
  EXPECT_EQ(paper->passages[0].text, "Register of machines, drawn up by the office");
}
TEST(Pdf, BrokenOnesAreNamed) {
  for (const char* bytes : {"%PDF-1.4 nothing", "%PDF-1.7\n1 0 obj << /Length 99999999999 >> stream\n"}) {
    const auto paper = read_paper_sealed("a.pdf", bytes);
    ASSERT_FALSE(paper);
    EXPECT_TRUE(paper.error().what.starts_with("a.pdf: ")) << paper.error().what;
  }
}

}  // namespace
}  // namespace freehold::papers
