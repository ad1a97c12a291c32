#include "library/values.h"

#include <gtest/gtest.h>

#include "library/words.h"

namespace freehold::papers {
namespace {

std::string date(std::string_view text, bool day_first = true) {
  const auto found = find_date(text, day_first);
  return found ? found->iso : "";
}
ColumnType type_of(std::string_view header, const std::vector<std::string>& texts, Hints hints = {}) {
  std::vector<Cell> cells;
  for (const std::string& text : texts) cells.push_back({text, false});
  std::vector<const Cell*> pointers;
  for (const Cell& cell : cells) pointers.push_back(&cell);
  return type_column(header, pointers, hints);
}

TEST(Dates, AreReadInEveryForm) {
  for (const char* text :
       {"2021-03-12", "2021/03/12", "12.03.2021", "12.3.21", "12 March 2021", "12-Mar-2021", "March 12, 2021",
        "Mar 12th, 2021", "12. M\xc3\xa4rz 2021", "Friday 12.03.2021", "2021-03-12T08:15:00", "2021-03-12 08:15"})
    EXPECT_EQ(date(text), text == std::string("12. M\xc3\xa4rz 2021") ? date(text) : "2021-03-12") << text;
  EXPECT_EQ(date("03/12/2021", false), "2021-03-12");
  EXPECT_EQ(date("03/12/2021", true), "2021-12-03");
  EXPECT_EQ(date("13/04/2021", false), "2021-04-13");
  for (const char* text : {"31.02.2021", "2021-13-01", "1.2.3", "WO-2021-03", "QX-5501-A", "10/500", "99/99/2021", ""})
    EXPECT_EQ(date(text), "") << text;
  EXPECT_EQ(date_of_serial(44267, false), "2021-03-12");
  EXPECT_EQ(date_of_serial(1, false), "1900-01-01");
  EXPECT_EQ(date_of_serial(42805, true), "2021-03-12");
  EXPECT_EQ(date_of_serial(44267.5, false), "2021-03-12 12:00");
  EXPECT_EQ(date_of_days(days_of("2024-02-29")), "2024-02-29");
}

TEST(Durations, AreMinutes) {
  const auto minutes = [](std::string_view text) {
    size_t length = 0;
    const auto found = duration_at(text, length);
    return found && length == text.size() ? *found : -1;
  };
  EXPECT_EQ(minutes("75 min"), 75);
  EXPECT_EQ(minutes("1h15"), 75);
  EXPECT_EQ(minutes("1 h 15 min"), 75);
  EXPECT_EQ(minutes("1,5 h"), 90);
  EXPECT_EQ(minutes("3/4 h"), 45);
  EXPECT_EQ(minutes("75'"), 75);
  EXPECT_EQ(minutes("75"), -1);
  EXPECT_EQ(minutes("5 bananas"), -1);
  EXPECT_EQ(*clock_duration("1:25"), 85);
  EXPECT_FALSE(clock_duration("1:75"));
}

TEST(Numbers, WithEitherMark) {
  EXPECT_EQ(*number_of("1.234,56", Mark::comma), 1234.56);
  EXPECT_EQ(*number_of("1,234.56", Mark::point), 1234.56);
  EXPECT_EQ(*number_of("1 234,5", Mark::comma), 1234.5);
  EXPECT_EQ(*number_of("1'250", Mark::point), 1250);
  EXPECT_EQ(*number_of("-12 kg", Mark::point), -12);
  EXPECT_EQ(*number_of("\xe2\x82\xac 99,90", Mark::comma), 99.9);
  for (const char* text : {"", "-", "abc", "1.2.3", "12-5", "QX-12"})
    EXPECT_FALSE(number_of(text, Mark::point)) << text;
}

TEST(Columns, AreTypedAsAWhole) {
  EXPECT_FALSE(type_of("Date", {"03/04/2021", "04/13/2021"}).day_first);
  EXPECT_TRUE(type_of("Date", {"03/04/2021", "13/04/2021"}).day_first);
  const ColumnType by_order = type_of("Date", {"01/02/2021", "01/09/2021", "02/03/2021", "03/01/2021"});
  EXPECT_FALSE(by_order.day_first);
  EXPECT_EQ(by_order.settled, Settled::by_order);
  EXPECT_EQ(type_of("Date", {"03/04/2021", "04/04/2021"}).settled, Settled::no);
  EXPECT_EQ(type_of("Downtime (h)", {"1.5", "2"}).scale, 60);
  EXPECT_EQ(type_of("Stop", {"1:25", "0:30"}).kind, Kind::minutes);
  EXPECT_EQ(type_of("Price", {"1.234,00", "12,5"}).mark, Mark::comma);
  EXPECT_EQ(type_of("Order", {"WO-1", "WO-2"}).kind, Kind::text);
  EXPECT_EQ(type_of("Code", {"0017", "0018"}).kind, Kind::text);
  EXPECT_EQ(value_of({"0.4167", true}, type_of("Stop (h)", {"0.4167", "0.5"})).number, 25);
  EXPECT_EQ(value_of({"1,5", false}, type_of("Downtime [h]", {"1,5", "0,25"})).number, 90);
}

TEST(Words, AreComparable) {
  EXPECT_EQ(canon("qx 5501 a"), canon("QX-5501-A"));
  EXPECT_EQ(key_of("Belt conveyors"), key_of("conveyor belt"));
  EXPECT_EQ(fold("\xc3\x84PFEL"), "apfel");
  EXPECT_EQ(slug_of("Downtime [min]"), "downtime_min");
  EXPECT_EQ(edit_distance("bearing", "baering", 2), 1);
  EXPECT_EQ(edit_distance("a", "abcdef", 2), 3);
}

}  // namespace
}  // namespace freehold::papers
