// What an owner does with a library beside asking: who may see what, what is declared, rows and examples taken out.
#include <gtest/gtest.h>

#include "library/export_rows.h"
#include "library/places.h"
#include "library/schema.h"
#include "library/testing/plant.h"
#include "library/training.h"
#include "library/view.h"

namespace freehold::papers {
namespace {

// A paper that somebody may not see changes nothing that he sees.
TEST_F(Plant, AHiddenPaperChangesNothing) {
  const auto everything = [&](const std::set<std::string>& held) {
    auto view = open_view(folder / "l.sqlite", held, domain);
    EXPECT_TRUE(view) << view.error().what;
    const auto vocabulary = load_vocabulary(view->database(), domain);
    std::string all;
    for (const std::string& word : vocabulary->words) all += word + " ";
    for (const auto& [name, link] : vocabulary->names) all += name + ":" + link.type + "." + link.field + " ";
    const auto papers = held_papers(view->database(), 100);
    for (const HeldPaper& paper : *papers) all += paper.path + "\n";
    for (const char* question :
         {"How many failures were there?", "How many failures did BC-01 have in 2020?", "How many gizmo failures?",
          "How many failures did ZZ-99 have?", "Which machine had the most failures?", "When was BC-01 installed?",
          "How many salaries are there?", "What does GIZ mean?", "How many failures were there in 2024?"}) {
      const auto answer = answer_question(view->database(), *vocabulary, domain, question, 100);
      all += answer ? json_of(*answer).dump() + "\n" : answer.error().what;
    }
    return all;
  };
  ingest();
  const std::string before = everything({});
  folder.write("papers/hr/salaries.csv", "Salary no,Employee,Amount EUR\nS-1,Ada Lind,4100\nS-2,Bo Falk,3900\n");
  folder.write("papers/hr/more orders.csv",
               "WO No;Date;Equipment;Component;Downtime [min];Order type\nWO-1001;13.02.2020;BC-01;gizmo;999;corrective"
               "\nWO-9001;13.02.2024;ZZ-99;gizmo;30;corrective\n");
  folder.write("papers/hr/words.md", "- GIZ = gizmo\n- lump = belt edge\n");
  folder.write("l.labels.json", R"({"hr/": ["staff"], "hr/words.md": ["board"]})");
  ingest();
  EXPECT_EQ(everything({}), before);
  EXPECT_EQ(everything({"other"}), before);
  EXPECT_EQ(everything({"board"}), before);  // of a folder that asks for another label too
  EXPECT_NE(everything({"staff"}), before);
  auto all = open_view(folder / "l.sqlite", {"board", "staff"}, domain);
  ASSERT_TRUE(all);
  const auto vocabulary = load_vocabulary(all->database(), domain);
  EXPECT_EQ(answer_question(all->database(), *vocabulary, domain, "How many salaries are there?", 9)->value, 2);
  EXPECT_EQ(ask("What does GIZ mean?").value, "gizmo");  // the owner
  folder.write("l.labels.json", R"({"hr/": "staff"})");
  EXPECT_EQ(open_view(folder / "l.sqlite", {}, domain).error().fault, Fault::malformed);
}

TEST_F(Plant, RowsAreExportedAsTheyStand) {
  folder.write("papers/vouchers.csv", "Voucher,Text,Amount EUR\nC-1,=1+1,5\nC-2,\"a \"\"b\"\" <c> & d\",7\n");
  ingest();
  const Answer rows = ask("How many vouchers are there?");
  ASSERT_EQ(rows.value, 2);
  EXPECT_EQ(rows_as_csv(rows),
            "file,place,row\n\"vouchers.csv\",\"L2\",\"C-1\",\"'=1+1\",\"5\"\n\"vouchers.csv\",\"L3\",\"C-2\",\"a "
            "\"\"b\"\" <c> "
            "& d\",\"7\"\n");
  const auto workbook = rows_as_workbook(rows);
  ASSERT_TRUE(workbook) << workbook.error().what;
  const auto back = read_paper("rows.xlsx", *workbook);
  ASSERT_TRUE(back) << back.error().what;
  ASSERT_EQ(back->grids.size(), 1u);
  ASSERT_EQ(back->grids[0].rows.size(), 3u);
  EXPECT_EQ(back->grids[0].rows[1].cells[3].text, "=1+1");
  EXPECT_EQ(back->grids[0].rows[2].cells[3].text, "a \"b\" <c> & d");
}

// What was found, declared as it is, changes nothing; a word that the owner adds is understood.
TEST_F(Plant, TheSchemaIsReadBack) {
  folder.write("papers/invoices.csv",
               "Invoice,Customer,Amount EUR,Issued\nR-1,Meyer,100.50,2022-01-03\nR-2,Meyer,20,2022-02-03\nR-3,Olsen,70,"
               "2022-02-05\n");
  ingest();
  const auto answers = [&] {
    std::string all;
    for (const char* question :
         {"How many failures were there in 2020?", "Which machine had the most failures in 2021?",
          "When was Old Bertha installed?", "How many invoices were issued in 2022?",
          "Which customer had the most invoices?", "How many minutes of downtime did PU-01 have in 2021?",
          "How many fringe failures were there in 2020?"})
      all += ask(question).value.dump() + "\n";
    return all;
  };
  const std::string before = answers();
  std::string schema;
  {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
    const auto text = schema_of(store->database(), domain);
    ASSERT_TRUE(text) << text.error().what;
    schema = *text;
  }
  folder.write("l.schema.json", schema);
  domain = *domain_of_library(folder / "l.sqlite");
  EXPECT_EQ(domain.declared, schema);
  ingest();
  EXPECT_EQ(answers(), before);
  EXPECT_NE(ask("How many chits were issued in 2022?").status, "answered");
  auto changed = parse_json(schema, "schema");
  ASSERT_TRUE(changed);
  (*changed)["types"]["invoices"]["words"].push_back("chits");
  folder.write("l.schema.json", changed->dump());
  domain = *domain_of_library(folder / "l.sqlite");
  ingest();
  EXPECT_EQ(ask("How many chits were issued in 2022?").value, 3);
  folder.write("l.schema.json", "{\"types\": ");
  EXPECT_EQ(domain_of_library(folder / "l.sqlite").error().fault, Fault::malformed);
}

TEST_F(Plant, ExamplesAreMadeOfWhatThePapersHold) {
  ingest();
  auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
  const auto vocabulary = load_vocabulary(store->database(), domain);
  const auto made = make_training(store->database(), *vocabulary, domain, 400);
  ASSERT_TRUE(made) << made.error().what;
  size_t plans = 0, unknown = 0;
  std::set<std::string> lines;
  for (const std::string* part : {&made->train, &made->held_out})
    for (size_t at = 0; at < part->size();) {
      const size_t end = part->find('\n', at);
      const std::string line = part->substr(at, end - at);
      at = end + 1;
      EXPECT_TRUE(lines.insert(line).second) << "twice: " << line;
      const auto json = parse_json(line, "example");
      ASSERT_TRUE(json) << line;
      const Json& messages = (*json)["messages"];
      ASSERT_EQ(messages.size(), 2u);
      if ((*json)["kind"] != "plan") continue;
      const auto plan = parse_json(messages[1]["content"].get<std::string>(), "plan");
      ASSERT_TRUE(plan);
      ++plans, unknown += (*plan)["ask"] == "unknown";
    }
  EXPECT_GT(plans, 40u);
  EXPECT_GE(unknown * 100, plans * 15);
  EXPECT_LE(unknown * 100, plans * 35);
  EXPECT_GT(made->counts.at("record").first + made->counts.at("record").second, 0u);
  EXPECT_FALSE(made->held_out.empty());
  auto other = Store::open(folder / "l.sqlite", Database::Mode::read);
  const auto again = make_training(other->database(), *vocabulary, domain, 400);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->train, made->train);
}

// Records made by some of the steps only, as a measurement makes them.
TEST_F(Plant, EachStepIsWorthSomething) {
  ingest();
  const std::string truth =
      R"({"type":"event","asset":"BC-01","day":"2020-02-13","kind":"corrective","point":"belt edge"}
{"type":"event","asset":"BC-01","day":"2020-02-14","kind":"corrective","point":"belt edge"}
{"type":"event","asset":"BC-01","day":"2020-02-20","kind":"corrective","point":"belt edge"}
{"type":"event","asset":"BC-02","day":"2020-03-15","kind":"corrective","point":"bearing"}
{"type":"event","asset":"BC-02","day":"2020-03-16","kind":"preventive","point":"bearing"}
{"type":"event","asset":"BC-02","day":"2021-03-17","kind":"corrective","point":"belt edge"}
{"type":"event","asset":"PU-01","day":"2021-04-18","kind":"corrective","point":"impeller"}
{"type":"event","asset":"BC-02","day":"2020-02-13","kind":"inspection","point":"bearing"}
)";
  auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
  const auto whole = compare_records(store->database(), truth, "truth");
  ASSERT_TRUE(whole) << whole.error().what;
  EXPECT_EQ(whole->expected, 8u);
  EXPECT_EQ(whole->both, 8u);
  EXPECT_EQ(whole->records, 8u);
  auto unmerged = copy_with(store->database(), folder / "copy", domain, {.merge = false});
  ASSERT_TRUE(unmerged) << unmerged.error().what;
  const auto without = compare_records(unmerged->database(), truth, "truth");
  ASSERT_TRUE(without);
  EXPECT_GT(without->records, 13u);
  EXPECT_EQ(compare_records(store->database(), "{\"asset\": 1}", "truth").error().fault, Fault::malformed);
}

}  // namespace
}  // namespace freehold::papers
