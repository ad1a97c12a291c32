#include "text/grammar/dsml_arguments.h"

#include "text/grammar/testing.h"
#include "text/tool_calls.h"

namespace freehold {
namespace {

std::string text(std::string_view name, std::string_view value) {
  return fmt::format("<｜DSML｜parameter name=\"{}\" string=\"true\">{}</｜DSML｜parameter>\n", name, value);
}
std::string json(std::string_view name, std::string_view value) {
  return fmt::format("<｜DSML｜parameter name=\"{}\" string=\"false\">{}</｜DSML｜parameter>\n", name, value);
}

Result<Grammar> grammar_of(std::string_view schema) {
  const Result<Json> read = parse_json(schema, "schema");
  EXPECT_TRUE(read) << schema;
  return dsml_arguments_grammar(*read);
}

std::string fault_of(std::string_view schema) {
  const Result<Grammar> grammar = grammar_of(schema);
  return grammar ? "none" : grammar.error().what;
}

void expect(std::string_view schema, const std::vector<std::string>& right, const std::vector<std::string>& wrong) {
  Fits fits(grammar_of(schema));
  for (const std::string& one : right) EXPECT_TRUE(fits.whole(one)) << one;
  for (const std::string& one : wrong) EXPECT_FALSE(fits.whole(one)) << one;
}

TEST(DsmlArguments, ParametersComeInTheirOrderAndAsWhatTheyAre) {
  expect(R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1,"maximum":14},
             "exact":{"type":"boolean"}},"required":["city"],"additionalProperties":false})",
         {text("city", "Rome"), text("city", ""), text("city", "a\n\"b\" \\ é") + json("days", "14"),
          text("city", "x") + json("exact", "true"), text("city", "x") + json("days", "3") + json("exact", "false")},
         {"", json("days", "3"), json("city", "\"Rome\""), text("city", "x") + json("days", "15"),
          text("city", "x") + text("days", "3"), json("days", "3") + text("city", "x"),
          text("city", "x") + text("city", "x"), text("city", "x") + json("more", "1"), text("town", "x")});
}

TEST(DsmlArguments, ATextMayHoldAllButTheBeginningOfItsEnd) {
  const std::string schema = R"({"properties":{"code":{"type":"string"}},"required":["code"]})";
  std::vector<std::string> right, wrong;
  for (const char* code : {"<b>x</b>", "a < b && c > d", "<", "<<", "</", "<</", "</<", "<//", "</ ｜",
                           "<｜DSML｜parameter", "｜DSML｜parameter>", "if (a</b/>c) {}", "</\n<"})
    right.push_back(text("code", code));
  for (const char* code : {"</｜", "x</｜DSML｜", "</｜DSML｜parameter>", "<<</｜x"})
    wrong.push_back(text("code", code));
  expect(schema, right, wrong);
}

TEST(DsmlArguments, ValuesTypesReferencesAndBounds) {
  expect(R"({"properties":{"a":{"enum":["x","y z",3,null]}},"required":["a"]})",
         {text("a", "x"), text("a", "y z"), json("a", "3"), json("a", "null")},
         {"", text("a", "3"), json("a", "\"x\""), text("a", "y"), json("a", "4")});
  expect(
      R"({"properties":{"a":{"type":["string","null"]},"b":{"anyOf":[{"type":"number"},{"const":"auto"}]}},"required":["a","b"]})",
      {text("a", "null") + json("b", "1.5"), json("a", "null") + text("b", "auto")},
      {json("a", "1") + json("b", "1"), text("a", "x") + text("b", "1.5")});
  expect(R"({"properties":{"p":{"$ref":"#/$defs/point"},"n":{"$ref":"#/$defs/name"}},"required":["p","n"],
             "$defs":{"point":{"type":"array","items":{"$ref":"#/$defs/unit"},"minItems":2,"maxItems":2},"unit":{"type":"integer"},
                      "name":{"type":"string","maxLength":2}}})",
         {json("p", "[1, 2]") + text("n", "ab"), json("p", "[1,2]") + text("n", "")},
         {json("p", "[1]") + text("n", "ab"), json("p", "[1,2]") + text("n", "abc"),
          json("p", "[1,2]") + text("n", "a<")});
  expect(
      R"({"properties":{"d":{"type":"string","format":"date"},"z":{"type":"boolean","nullable":true}},"required":["d","z"]})",
      {text("d", "2024-02-29") + json("z", "null"), text("d", "2023-12-31") + json("z", "true")},
      {text("d", "2023-02-29") + json("z", "null"), text("d", "soon") + json("z", "true")});
  expect(R"({"properties":{"any":true,"some":{}},"required":["any","some"]})",
         {text("any", "x") + json("some", "{\"a\": [1]}"), json("any", "1") + text("some", "")}, {text("any", "x")});
}

TEST(DsmlArguments, WithoutNamesAnyParameterComes) {
  for (const char* schema : {"{}", "true", R"({"type":"object"})", R"({"type":"object","properties":{}})"})
    expect(schema, {"", text("a", "b"), text("a", "b") + json("c", "[1]")}, {"x", text("", "b"), text("a\"b", "c")});
  expect(R"({"type":"object","properties":{},"additionalProperties":false})", {""}, {text("a", "b")});
  Grammar grammar;
  grammar.make_root(any_dsml_arguments(grammar));
  Fits fits(grammar);
  EXPECT_TRUE(fits.whole(text("a", "b")));
}

TEST(DsmlArguments, WhatCannotBeKeptToIsNamed) {
  EXPECT_EQ(fault_of(R"({"anyOf":[{"type":"object"}]})"), "#: keyword anyOf is not supported for parameters in DSML");
  EXPECT_EQ(fault_of(R"({"properties":{"a":{"type":"string","pattern":"a"}}})"),
            "#/properties/a: keyword pattern is not supported for a parameter in DSML");
  EXPECT_EQ(fault_of(R"({"properties":{"a":{"oneOf":[{"type":"string"}]}}})"),
            "#/properties/a: keyword oneOf is not supported for a parameter in DSML");
  EXPECT_EQ(fault_of(R"({"properties":{"a":{"enum":["x"],"minLength":1}}})"),
            "#/properties/a: keywords beside enum or const are not supported for a parameter in DSML");
  EXPECT_NE(fault_of(R"({"properties":{"a\"b":true}})").find("of this name"), std::string::npos);
  EXPECT_NE(fault_of(R"({"properties":{"a":{"enum":["</｜"]}}})").find("a value with"), std::string::npos);
  EXPECT_NE(fault_of(R"({"properties":{"a":{"$ref":"#/properties/a"}}})").find("nested"), std::string::npos);
  EXPECT_NE(fault_of(R"({"properties":{"a":{"not":{}}}})").find("keyword not"), std::string::npos);
  EXPECT_NE(fault_of(R"({"properties":{"a":1}})").find("expected a schema"), std::string::npos);
  EXPECT_NE(fault_of(R"({"additionalProperties":{"type":"string"}})").find("additionalProperties"), std::string::npos);
}

// What the grammar lets through, the reader of calls takes for a call with arguments that fit.
TEST(DsmlArguments, TheReaderOfCallsTakesWhatIsWritten) {
  const std::string arguments = text("code", "if (a</b) { \"x\" }\n") + json("n", "[1, {\"k\": null}]");
  ASSERT_TRUE(
      Fits(grammar_of(R"({"properties":{"code":{"type":"string"},"n":{"type":"array"}},"required":["code","n"]})"))
          .whole(arguments));
  ToolCallParser parser(ToolSyntax::deepseek_v4);
  std::string found;
  for (auto events : {parser.push("<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n" + arguments +
                                  "</｜DSML｜invoke>\n</｜DSML｜tool_calls>"),
                      parser.finish()})
    for (const ToolEvent& event : events) {
      EXPECT_NE(event.kind, ToolEvent::Kind::broken);
      if (event.kind == ToolEvent::Kind::arguments) found += event.text;
    }
  EXPECT_EQ(Json::parse(found), Json::parse(R"({"code":"if (a</b) { \"x\" }\n","n":[1,{"k":null}]})"));
}

}  // namespace
}  // namespace freehold
