// From papers to answers, and what must not happen on the way.
#include "library/answer.h"

#include "library/testing/plant.h"

namespace freehold::papers {
namespace {

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

// A word that nobody understood may have narrowed the question, asked for somebody else, or been a slip of another
// word.
TEST_F(Plant, AWordThatIsNotUnderstoodIsNotPassedOver) {
  ingest();
  for (const char* question :
       {"How many insured failures were there in 2020?", "Which machine coughed most?", "Which orders happened most?",
        "How many failures did the checked machines have?", "When was the most downtime?", "Who repaired BC-01?",
        "When did BC-01 have the most failures?", "How many zailures did BC-01 have?"})
    EXPECT_NE(ask(question).status, "answered") << question << ": " << ask(question).text;
  EXPECT_EQ(ask("How many failuers did BC-01 have in 2020?").value, 3);  // letters that changed places
  EXPECT_EQ(ask("How many edge failures did BC-01 have in 2020?").value, 3);
  EXPECT_EQ(ask("In which year were the most failures?").value, "2020");
}

TEST_F(Plant, UnchangedFilesAreSkippedAndGoneOnesLeave) {
  ingest();
  for (const FileReport& file : ingest().files) EXPECT_TRUE(file.unchanged) << file.path;
  std::filesystem::remove(folder / "papers/notes.txt");
  EXPECT_EQ(ingest().removed, 1u);
  EXPECT_EQ(ask("How many failures did BC-01 have in 2020?").value, 2);
}

TEST_F(Plant, WhatCouldNotBeReadIsTriedAgainWhenSomethingChanged) {
  const auto broken = [&] {
    for (const FileReport& file : ingest().files)
      if (file.path == "broken.xlsx") return file;
    return FileReport{};
  };
  const auto change = [&](const char* sql) {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::write);
    ASSERT_TRUE(store->database().execute(sql));
  };
  folder.write("papers/broken.xlsx", "PK\x03\x04 nothing");
  const FileReport first = broken(), second = broken();
  EXPECT_FALSE(first.unchanged);
  EXPECT_FALSE(first.fault.empty());
  EXPECT_TRUE(second.unchanged);
  EXPECT_EQ(second.fault, first.fault);
  change("UPDATE failed SET read_with = 'older readers'");
  EXPECT_FALSE(broken().unchanged);
  EXPECT_TRUE(broken().unchanged);
  ASSERT_TRUE(Store::open(folder / "l.sqlite", Database::Mode::write)->allow_again());
  EXPECT_FALSE(broken().unchanged);
  folder.write("papers/broken.xlsx", "PK\x03\x04 nothing else");
  EXPECT_FALSE(broken().unchanged);
  {  // as if the notes could not be read at first
    auto store = Store::open(folder / "l.sqlite", Database::Mode::write);
    ASSERT_TRUE(store->database().execute("UPDATE file SET fault = 'no memory' WHERE path = 'notes.txt'"));
    ASSERT_TRUE(store->database().execute(
        "DELETE FROM source_row WHERE file = (SELECT id FROM file WHERE path = 'notes.txt')"));
  }
  for (const FileReport& file : ingest().files)
    if (file.path == "notes.txt") {
      EXPECT_TRUE(!file.unchanged && file.fault.empty()) << file.fault;
    }
  EXPECT_EQ(ask("How many failures did BC-01 have in 2020?").value, 3);
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
  database.restrict_to({"r_event"}, {"file"}, 1'000'000);
  EXPECT_TRUE(database.prepare("SELECT count(*) FROM r_event"));
  for (const char* sql :
       {"SELECT raw FROM source_row", "DELETE FROM r_event", "INSERT INTO r_event(id) VALUES(99)", "DROP TABLE r_event",
        "ATTACH 'x' AS y", "PRAGMA journal_mode", "SELECT load_extension('x')", "SELECT name FROM sqlite_master",
        "UPDATE r_event SET id = 1", "SELECT 1; DELETE FROM r_event", "CREATE TABLE z(a)"})
    EXPECT_FALSE(database.prepare(sql)) << sql;
  EXPECT_TRUE(database.prepare_fixed("SELECT count(*) FROM file"));
  EXPECT_FALSE(database.prepare("SELECT count(*) FROM file"));
  auto endless = database.prepare(
      "SELECT count(*) FROM r_event a, r_event b, r_event c, r_event d, r_event e, r_event f, r_event g, r_event h, "
      "r_event i");
  ASSERT_TRUE(endless);
  EXPECT_EQ(endless->run({}).error().fault, Fault::resources);
}

// Plans come from rules or from a model; whatever stands in one, its SQL reads records or does not run.
TEST_F(Plant, HostilePlansReadRecordsOnly) {
  ingest();
  auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
  ASSERT_TRUE(store);
  Database& database = store->database();
  const auto vocabulary = load_vocabulary(database, domain);
  ASSERT_TRUE(vocabulary);
  database.restrict_to({"r_event", "r_asset"}, {"file", "source_row"}, 1'000'000);
  const std::string names[] = {"file",
                               "source_row",
                               "sqlite_master",
                               "event b, source_row",
                               "event\" b, \"source_row",
                               "event\"; DELETE FROM r_event; --",
                               "event\" UNION SELECT path FROM file --",
                               std::string("event\0x", 7)};
  const std::string fields[] = {"path", "raw", "sql", "id\" FROM source_row --", "x\") FROM file; --", "rowid"};
  const auto tried = [&](const Plan& plan) {
    const Query query = source_of(plan, *vocabulary);
    const std::string column = plan.group ? column_of(*plan.group) : "count(*)";
    auto statement = database.prepare("SELECT " + column + query.sql);
    return statement.has_value();
  };
  Plan honest;
  honest.type = "event";
  honest.group = Place{"", "asset", "event", Kind::text};
  ASSERT_TRUE(tried(honest));
  for (const std::string& name : names) {
    Plan plan = honest;
    plan.type = name;
    EXPECT_FALSE(tried(plan)) << name;
    plan = honest;
    plan.group = Place{name, "path", name, Kind::text};
    EXPECT_FALSE(tried(plan)) << name;
    plan = honest;
    plan.where.push_back({{"asset", "path", name, Kind::text}, "=", {"x"}, 0, {}, "", false});
    EXPECT_FALSE(tried(plan)) << name;
  }
  for (const std::string& field : fields)
    if (field != "rowid") {
      Plan plan = honest;
      plan.group->field = field;
      EXPECT_FALSE(tried(plan)) << field;
      plan = honest;
      plan.where.push_back({{"", field, "event", Kind::text}, "=", {"x"}, 0, {}, "", false});
      EXPECT_FALSE(tried(plan)) << field;
    }
  for (const char* value :
       {"x' OR '1'='1", "\"; DROP TABLE r_event; --", "%"}) {  // values are bound, so they are values
    Plan plan = honest;
    plan.where.push_back({{"", "asset", "event", Kind::text}, "=", {value}, 0, {}, "", false});
    const Query query = source_of(plan, *vocabulary);
    auto statement = database.prepare("SELECT count(*)" + query.sql);
    ASSERT_TRUE(statement);
    ASSERT_TRUE(statement->begin(query.values));
    ASSERT_TRUE(statement->next());
    EXPECT_EQ(statement->integer(0), 0) << value;
  }
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
