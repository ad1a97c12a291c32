#include "serve/fields.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace freehold {
namespace {

TEST(Fields, TakesWhatIsThereAndInRange) {
  const Json json = {{"a", 0.5}, {"b", 3}, {"c", true}, {"d", "x"}, {"e", nullptr}, {"f", 18446744073709551615ull}};
  Fields fields(json);
  double a = 0;
  int b = 0, e = 7;
  bool c = false;
  std::string d;
  uint64_t f = 0;
  EXPECT_TRUE(fields.number("a", 0, 1, a) && fields.integer("b", 0, 3, b) && fields.boolean("c", c) &&
              fields.text("d", d));
  EXPECT_TRUE(fields.natural("f", f));
  EXPECT_FALSE(fields.integer("e", 0, 9, e));
  EXPECT_EQ(std::tuple(a, b, c, d, e, f), std::tuple(0.5, 3, true, "x", 7, UINT64_MAX));
  EXPECT_FALSE(fields.error());
  EXPECT_TRUE(fields.unknown().empty());
}

TEST(Fields, TheFirstFaultStaysAndIsNamed) {
  const Json json = {{"a", 1.5}, {"b", "3"}};
  Fields fields(json, "outer.");
  double a = 0;
  int b = 0;
  EXPECT_FALSE(fields.number("a", 0, 1, a));
  EXPECT_FALSE(fields.integer("b", 0, 3, b));
  ASSERT_TRUE(fields.error());
  EXPECT_EQ(fields.error()->param, "outer.a");
  EXPECT_EQ(fields.error()->message, "outer.a: expected a number from 0 to 1, found 1.5");
}

TEST(Fields, WrongTypesAndRanges) {
  for (const Json& bad : {Json(-1), Json(4), Json(1.0), Json("1"), Json(true), Json::array(), Json::object(),
                          Json(18446744073709551615ull), Json(-9223372036854775807 - 1)}) {
    const Json json = {{"n", bad}};
    Fields fields(json);
    int n = 5;
    EXPECT_FALSE(fields.integer("n", 0, 3, n)) << bad;
    EXPECT_TRUE(fields.error()) << bad;
    EXPECT_EQ(n, 5);
  }
}

TEST(Fields, RefusesWhatIsNotServedUnlessItIsEmpty) {
  for (const Json& nothing : {Json(nullptr), Json(false), Json(""), Json::array(), Json::object()}) {
    const Json json = {{"tools", nothing}};
    Fields fields(json);
    fields.refuse({"tools"}, "is not served yet");
    EXPECT_FALSE(fields.error()) << nothing;
  }
  const Json json = {{"tools", {1}}};
  Fields fields(json);
  fields.refuse({"tools"}, "is not served yet");
  ASSERT_TRUE(fields.error());
  EXPECT_EQ(fields.error()->code, "unsupported_parameter");
}

TEST(Fields, KnowsWhatNobodyAskedFor) {
  const Json json = {{"a", 1}, {"odd\n", 2}};
  Fields fields(json);
  fields.accept({"a"});
  EXPECT_EQ(fields.unknown(), std::vector<std::string>{"odd\\x0a"});
}

}  // namespace
}  // namespace freehold
