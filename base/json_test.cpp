#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace freehold {
namespace {

std::string error_of(std::string_view text, JsonLimits limits = {}) {
  const auto json = parse_json(text, "file.json", limits);
  return json ? "" : json.error().what;
}
Fault fault_of(std::string_view text, JsonLimits limits = {}) {
  const auto json = parse_json(text, "file.json", limits);
  EXPECT_FALSE(json.has_value()) << text;
  return json ? Fault::cancelled : json.error().fault;
}
bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

TEST(Json, keeps_the_order_of_keys) {
  const auto json = parse_json(R"({"z":1,"a":{"y":[true,null,"x"],"b":-2}})", "f");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->dump(), R"({"z":1,"a":{"y":[true,null,"x"],"b":-2}})");
}

TEST(Json, numbers_stay_exact) {
  const auto json = parse_json(
      "[18446744073709551615,-9223372036854775808,1e30,0.1,"
      "1000000000000000019884624838656,-0]",
      "f");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)[0].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ((*json)[1].get<int64_t>(), INT64_MIN);
  EXPECT_EQ((*json)[2].get<double>(), 1e30);
  EXPECT_EQ((*json)[3].get<double>(), 0.1);
  EXPECT_EQ((*json)[4].get<double>(), 1e30);
  EXPECT_TRUE(contains(error_of("[18446744073709551617]"), "does not fit in 64 bits"));
  EXPECT_TRUE(contains(error_of("[-9223372036854775809]"), "does not fit in 64 bits"));
}

TEST(Json, refuses_duplicate_keys) {
  EXPECT_EQ(error_of(R"({"a":1,"b":2,"a":3})"), "file.json: key 'a' twice in the object that ends at byte 19");
  EXPECT_EQ(fault_of(R"([{"x":{"a":1,"\u0061":1}}])"), Fault::malformed);
  EXPECT_EQ(fault_of(R"({"":1,"":1})"), Fault::malformed);
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":1},{"b":{"a":1},"a":2}])", "f"));
}

TEST(Json, nesting_is_capped) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(64), "f"));
  EXPECT_EQ(fault_of(nested(65)), Fault::malformed);
  EXPECT_EQ(fault_of(std::string(1'000'000, '[')), Fault::malformed);
  EXPECT_TRUE(contains(error_of(nested(4), {.nesting = 3}), "nested more than 3 deep at byte 4"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(fault_of(objects), Fault::malformed);
}

TEST(Json, bytes_are_capped) { EXPECT_EQ(fault_of("[1,2,3]", {.bytes = 6}), Fault::resources); }

TEST(Json, refuses_what_is_not_json) {
  for (const char* text :
       {"",           " ",           "nul",        "[1,]",   "{\"a\"}", "{'a':1}",     "[NaN]",
        "[Infinity]", "[-Infinity]", "[1] 2",      "\"a",    "01",      "1.",          "+1",
        "[1e999]",    "// c\n1",     "{\"a\":1,}", "\"\t\"", "\"\\x\"", "\"\\ud800\"", "[\"\\udc00\"]",
        "{1:2}",      "}",           "]",          ":",      "tru",     "--1"})
    EXPECT_EQ(fault_of(text), Fault::malformed) << text;
  EXPECT_TRUE(contains(error_of("[1,\n2,x]"), "not valid JSON at byte 7"));
}

TEST(Json, refuses_invalid_utf8) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xc3\"", "\"\xe2\x82\""})
    EXPECT_EQ(fault_of(text), Fault::malformed);
  EXPECT_TRUE(parse_json("\"\xc3\xa9\xf0\x9f\x98\x80\"", "f"));
}

TEST(Json, errors_show_no_raw_bytes) {
  const std::string what = error_of("{\"\x01\xff\x1b[31m");
  EXPECT_TRUE(is_clean_utf8(what)) << what;
  EXPECT_LE(what.size(), 303u);
}

TEST(Json, cut_anywhere_is_an_error) {
  const std::string whole = R"({"a":[1,-2.5e3,"x\u00e9"],"b":{"c":true,"d":null}})";
  ASSERT_TRUE(parse_json(whole, "f"));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(fault_of(whole.substr(0, n)), Fault::malformed) << n;
}

TEST(Json, a_walk_stops_at_the_first_failure) {
  int steps = 0;
  const auto walked = walk_json("[1,2,3]", "f", {}, [&](JsonEvent&& e) -> Result<Done> {
    ++steps;
    if (e.natural == 2) return inconsistent("two at depth {}", e.depth);
    return Done{};
  });
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().what, "two at depth 1");
  EXPECT_EQ(steps, 3);
}

}  // namespace
}  // namespace freehold
