#include "library/review.h"
#include "library/testing/plant.h"

namespace freehold::papers {
namespace {

SourceTable table(std::string path, std::vector<std::vector<std::string>> columns) {
  SourceTable made;
  made.path = std::move(path);
  for (size_t c = 0; c < columns.size(); ++c) {
    made.headers.push_back(fmt::format("Date {}", c));
    made.rows.resize(std::max(made.rows.size(), columns[c].size()));
    std::vector<const Cell*> cells;
    for (size_t r = 0; r < columns[c].size(); ++r) made.rows[r].cells.push_back({columns[c][r], false});
    for (const SourceRow& row : made.rows) cells.push_back(&row.cells[c]);
    made.types.push_back(type_column(made.headers[c], cells));
  }
  return made;
}

// Of the first table's last column.
bool day_first(std::vector<SourceTable> tables) {
  settle_dates(tables);
  EXPECT_EQ(tables[0].types.back().settled, Settled::yes);
  return tables[0].types.back().day_first;
}

TEST(DateOrder, IsThatOfAnotherColumn) {
  EXPECT_FALSE(day_first({table("a.csv", {{"03/25/2021"}, {"03/04/2021"}})}));
  EXPECT_TRUE(day_first({table("a.csv", {{"25/03/2021"}, {"03/04/2021"}})}));
}

TEST(DateOrder, IsThatOfTheMonthNamed) {
  EXPECT_FALSE(day_first({table("orders_2018-03.csv", {{"03/04/2018"}})}));
  EXPECT_TRUE(day_first({table("orders_2018-04.csv", {{"03/04/2018"}})}));
  EXPECT_TRUE(day_first({table("04-2018.csv", {{"03/04/2018"}})}));
  EXPECT_FALSE(day_first({table("Jobs of March 2018.xlsx", {{"03/04/2018"}})}));
  // Rows in order of time count less: the second one was written late.
  EXPECT_TRUE(day_first({table("2018-04.csv", {{"05/04/2018", "03/04/2018"}})}));
}

TEST(DateOrder, IsThatOfTablesWrittenAlike) {
  EXPECT_FALSE(day_first({table("a.csv", {{"03/04/2018"}}), table("b.csv", {{"03/25/2018"}})}));
  // Other marks, other headers, or two opinions say nothing.
  for (std::vector<SourceTable> tables :
       {std::vector{table("a.csv", {{"03/04/2018"}}), table("b.csv", {{"03-25-2018"}})},
        std::vector{table("a.csv", {{"03/04/2018"}}), table("b.csv", {{"03/25/2018"}, {"x"}})},
        std::vector{table("a.csv", {{"03/04/2018"}}), table("b.csv", {{"03/25/2018"}}),
                    table("c.csv", {{"25/03/2018"}})}}) {
    settle_dates(tables);
    EXPECT_EQ(tables[0].types[0].settled, Settled::no);
    EXPECT_TRUE(tables[0].types[0].day_first);
  }
}

TEST_F(Plant, WhatNothingSettlesIsToldWithBothReadings) {
  folder.write("papers/late.csv", "Job,Day,Machine,Component,Stop time [min]\nWO-2001,03/04/2021,BC-01,belt edge,30\n");
  ingest();
  const Answer answer = ask("What was the downtime of WO-2001?");
  EXPECT_EQ(answer.value, 30);
  auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
  const auto list = review_list(store->database());
  const auto open = std::find_if(list->begin(), list->end(), [](const ReviewItem& i) { return i.file == "late.csv"; });
  ASSERT_NE(open, list->end());
  EXPECT_EQ(open->field, "day");
  EXPECT_EQ(open->used, "2021-04-03");
  EXPECT_EQ(open->other, "2021-03-04");
}

}  // namespace
}  // namespace freehold::papers
