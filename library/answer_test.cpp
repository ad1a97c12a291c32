// From papers to answers, and what must not happen on the way.
#include "library/answer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/testing/temporary_folder.h"

namespace freehold::papers {
namespace {

constexpr const char* orders =
    "WO No;Date;Equipment;Component;Downtime [min];Order type\nWO-1001;13.02.2020;BC-01;belt "
    "edge;30;corrective\nWO-1002;14.02.2020;BC-01;belt edge;45;corrective\n"
    "WO-1003;15.03.2020;BC-02;bearing;60;corrective\nWO-1004;16.03.2020;BC-02;bearing;;preventive\nWO-1005;17.03.2021;"
    "BC-02;belt edge;20;corrective\nWO-1006;18.04.2021;PU-01;impeller;90;corrective\n";
constexpr const char* assets =
    "Equipment,Description,Model,Installed on,Also called\nBC-01,belt conveyor,X,2019-05-01,Old Bertha\nBC-02,belt "
    "conveyor,X,2017-06-01,\nPU-01,pump,P-7,2015-01-01,\n";

class Plant : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("papers/orders.csv", orders);
    folder.write("papers/copy of orders.csv", orders);
    folder.write("papers/assets.csv", assets);
    folder.write("papers/notes.txt",
                 "Shift notes\n\n13.02.2020\n- Old Bertha: belt edge torn, down 30 min\n- BC-02: bearing checked ok, "
                 "no stop\n20.02.2020\n- BC 01: belt edge frayed, down 15 min\n");
    folder.write("papers/glossary.md", "- fringe = belt edge\n");
    folder.write("papers/mail.eml",
                 "From: a@b\nSubject: Correction WO-1006\n\nthe downtime of WO-1006 was 100 min, not 90 min\n");
    domain = *built_in_domain();
  }
  IngestReport ingest() {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::write);
    EXPECT_TRUE(store) << store.error().what;
    auto report = store->add_folder(folder / "papers", domain, [](double) { return true; });
    EXPECT_TRUE(report) << report.error().what;
    const auto built = build_records(*store, domain);
    EXPECT_TRUE(built) << built.error().what;
    return *report;
  }
  Answer ask(std::string_view question) {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
    EXPECT_TRUE(store) << store.error().what;
    const auto vocabulary = load_vocabulary(store->database(), domain);
    EXPECT_TRUE(vocabulary) << vocabulary.error().what;
    auto answer = answer_question(store->database(), *vocabulary, domain, question, 100);
    EXPECT_TRUE(answer) << answer.error().what;
    return *answer;
  }
  freehold::testing::TemporaryFolder folder;
  Domain domain;
};

TEST_F(Plant, AnswersAreCountedOnceWithTheirRows) {
  ingest();
  const Answer top =
      ask("Based on all past logs, what's the most common point of failure for the Model X conveyor belt installed "
          "after 2018?");
  EXPECT_EQ(top.status, "answered") << top.text;
  EXPECT_EQ(top.value, "belt edge");
  const Answer count = ask("How many failures did BC-01 have in 2020?");
  EXPECT_EQ(count.value, 3) << count.sql;  // two orders, copied; one note of its own; one note that repeats an order
  std::set<std::string> cited;
  for (const Citation& c : count.citations) cited.insert(c.file + "#" + c.place);
  EXPECT_EQ(cited, (std::set<std::string>{"orders.csv#L2", "orders.csv#L3", "copy of orders.csv#L2",
                                          "copy of orders.csv#L3", "notes.txt#L4", "notes.txt#L7"}));
  EXPECT_EQ(ask("How many fringe failures were there in 2020?").value, 3);
  EXPECT_EQ(ask("How many preventive orders were there in 2020?").value, 1);
  EXPECT_EQ(ask("How many minutes of downtime did PU-01 have in 2021?").value, 100);
  EXPECT_EQ(ask("When was Old Bertha installed?").value, "2019-05-01");
  EXPECT_EQ(ask("Which machine had the most failures in 2021?").value, Json({"BC-02", "PU-01"}));
}

TEST_F(Plant, ZeroIsNotUnknown) {
  ingest();
  EXPECT_EQ(ask("How many impeller failures did PU-01 have in 2020?").value, 0);
  for (const char* question :
       {"How many failures did BC-77 have?", "How many failures were there in 2035?", "What colour is BC-01?",
        "What is the most common point of failure of Model Z?", "", "???", "How many?", "select * from file"})
    EXPECT_NE(ask(question).status, "answered") << question << ": " << ask(question).text;
}

TEST_F(Plant, UnchangedFilesAreSkippedAndGoneOnesLeave) {
  ingest();
  for (const FileReport& file : ingest().files) EXPECT_TRUE(file.unchanged) << file.path;
  std::filesystem::remove(folder / "papers/notes.txt");
  EXPECT_EQ(ingest().removed, 1u);
  EXPECT_EQ(ask("How many failures did BC-01 have in 2020?").value, 2);
}

TEST_F(Plant, LinksAndBrokenFilesAreNamed) {
  folder.write("secret.csv", "a,b\n1,2\n");
  std::filesystem::create_symlink(folder / "secret.csv", folder / "papers/link.csv");
  folder.write("papers/broken.xlsx", "PK\x03\x04 nothing");
  folder.write("papers/a.pdf", "%PDF-1.4");
  size_t named = 0;
  for (const FileReport& file : ingest().files) named += !file.fault.empty();
  EXPECT_EQ(named, 3u);
}

TEST_F(Plant, AQuestionsConnectionReadsRecordTablesOnly) {
  ingest();
  auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
  Database& database = store->database();
  database.restrict_to({"r_event"}, 1'000'000);
  EXPECT_TRUE(database.prepare("SELECT count(*) FROM r_event"));
  for (const char* sql :
       {"SELECT raw FROM source_row", "DELETE FROM r_event", "INSERT INTO r_event(id) VALUES(99)", "DROP TABLE r_event",
        "ATTACH 'x' AS y", "PRAGMA journal_mode", "SELECT load_extension('x')", "SELECT name FROM sqlite_master",
        "UPDATE r_event SET id = 1", "SELECT 1; DELETE FROM r_event", "CREATE TABLE z(a)"})
    EXPECT_FALSE(database.prepare(sql)) << sql;
  auto endless = database.prepare(
      "SELECT count(*) FROM r_event a, r_event b, r_event c, r_event d, r_event e, r_event f, r_event g, r_event h, "
      "r_event i");
  ASSERT_TRUE(endless);
  EXPECT_EQ(endless->run({}).error().fault, Fault::resources);
}

TEST_F(Plant, TablesOfNoKnownFieldKeepTheirNames) {
  folder.write("papers/invoices.csv",
               "Invoice,Customer,Amount "
               "EUR,Issued\nR-1,Meyer,100.50,2022-01-03\nR-2,Meyer,20,2022-02-03\nR-3,Olsen,70,2022-02-05\n");
  ingest();
  EXPECT_EQ(ask("How many invoices were issued in 2022?").value, 3);
  EXPECT_EQ(ask("Which customer had the most invoices?").value, "Meyer");
}

}  // namespace
}  // namespace freehold::papers
