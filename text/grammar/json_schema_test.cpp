#include "text/grammar/json_schema.h"

#include <chrono>

#include "base/sanitized.h"
#include "text/grammar/json_grammar.h"
#include "text/grammar/testing.h"

namespace freehold {
namespace {

Result<Grammar> schema(std::string_view text) {
  Result<Json> json = parse_json(text, "schema");
  EXPECT_TRUE(json) << text;
  return json_schema_grammar(*json);
}

std::string fault_of(std::string_view text) {
  Result<Grammar> grammar = schema(text);
  if (!grammar) return grammar.error().what;
  Result<Program> program = Program::compile(*grammar);
  return program ? "none" : program.error().what;
}

TEST(JsonSchema, any_object) {
  expect_texts(json_object_grammar(),
               {"{}", "{ }", R"({"a":1})",
                "{\n  \"a\": [1, 2.5e+3, -0, null],\n  \"b\": {\"c\": \"x\\n\\u00e9\\ud83d\\ude00\"}\n}"},
               {"", "[]", "1", "{", R"({"a"})", R"({"a":01})", R"({"a":"\x"})", "{\"a\":\"\n\"}", R"({"a":"\ud83d"})",
                R"({"a":1,})"});
}

TEST(JsonSchema, types) {
  expect_texts(schema(R"({"type":"boolean"})"), {"true", "false"}, {"null", "1", "\"true\""});
  expect_texts(schema(R"({"type":["integer","null"]})"), {"0", "-12", "null"}, {"1.0", "1e3", "01", "true"});
  expect_texts(schema(R"({"type":"number"})"), {"0", "-1.5", "2e10", "1.25E-3"}, {".5", "1.", "+1", "\"1\""});
  expect_texts(schema(R"({"type":"string","nullable":true})"), {"\"\"", "null", R"("a\"b")"}, {"a", "1"});
  expect_texts(schema("true"), {"1", "[{}]"}, {""});
  expect_texts(schema("{}"), {"\"x\"", "[1, [2]]"}, {"x"});
}

TEST(JsonSchema, objects) {
  const char* strict = R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
    "required":["name","age"],"additionalProperties":false})";
  expect_texts(schema(strict), {R"({"name":"x","age":3})", "{\n \"name\": \"x\",\n \"age\": 3\n}"},
               {"{}", R"({"name":"x"})", R"({"age":3,"name":"x"})", R"({"name":"x","age":3,"more":1})"});
  const char* loose = R"({"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"required":["b"]})";
  expect_texts(schema(loose), {R"({"b":2})", R"({"a":1,"b":2})", R"({"b":2,"c":3})", R"({"a":1,"b":2,"c":3})"},
               {"{}", R"({"a":1})", R"({"b":2,"a":1})", R"({"b":2,})", R"({,"b":2})"});
  const char* none_required = R"({"properties":{"a":{"const":1},"b":{"const":2}}})";
  expect_texts(schema(none_required), {"{}", R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
               {R"({"b":2,"a":1})", R"({"x":1})"});
  const char* open = R"({"properties":{"ab":{"const":1}},"additionalProperties":{"type":"boolean"}})";
  expect_texts(
      schema(open),
      {"{}", R"({"ab":1})", R"({"ab":1,"x":true,"y":false})", R"({"a":true})", R"({"abc":true})", R"({"":true})"},
      {R"({"ab":true})", R"({"ab":1,"ab":true})", R"({"x":1})", R"({"\u0061b":true})"});
  expect_texts(
      schema(R"({"type":"object","minProperties":1,"maxProperties":2,"additionalProperties":{"type":"null"}})"),
      {R"({"a":null})", R"({"a":null,"b":null})"}, {"{}", R"({"a":null,"b":null,"c":null})"});
  expect_texts(schema(R"({"type":"object","required":["q"],"additionalProperties":{"type":"null"}})"),
               {R"({"q":null})", R"({"q":null,"r":null})"}, {"{}", R"({"r":null})"});
}

TEST(JsonSchema, arrays) {
  expect_texts(schema(R"({"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3})"),
               {"[true]", "[true, false,true]"}, {"[]", "[1]", "[true,true,true,true]", "[true,]"});
  expect_texts(schema(R"({"prefixItems":[{"const":1},{"const":"a"}]})"), {R"([1,"a"])"}, {"[1]", R"([1,"a",2])"});
  expect_texts(schema(R"({"prefixItems":[{"const":1}],"items":{"type":"null"},"maxItems":3})"),
               {"[1]", "[1,null,null]"}, {"[null]", "[1,null,null,null]"});
  expect_texts(schema(R"({"type":"array","maxItems":0})"), {"[]", "[ ]"}, {"[1]"});
  expect_texts(schema(R"({"type":"array","minItems":1000000})"), {}, {"[]", "[1,2]"});
}

TEST(JsonSchema, strings) {
  expect_texts(schema(R"({"type":"string","minLength":2,"maxLength":3})"),
               {"\"ab\"", R"("a\n\"")", "\"é日🙂\"", R"("\ud83d\ude00a")"}, {"\"a\"", "\"abcd\""});
  expect_texts(schema(R"({"type":"string","pattern":"^[A-Z]{2}-\\d+$"})"), {"\"AB-1\"", "\"XY-007\""},
               {"\"A-1\"", "\"AB-\""});
  expect_texts(schema(R"({"type":"string","pattern":"^[a-z]+$","minLength":2,"maxLength":4})"), {"\"ab\"", "\"abcd\""},
               {"\"a\"", "\"abcde\"", "\"AB\""});
  expect_texts(schema(R"({"type":"string","pattern":"b","maxLength":2})"), {"\"b\"", "\"ab\"", "\"b\\n\""},
               {"\"aab\"", "\"a\""});
  expect_texts(schema(R"({"type":"string","format":"date"})"), {"\"2024-02-29\"", "\"2023-12-31\"", "\"2000-02-29\""},
               {"\"2023-02-29\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"1900-02-29\"", "\"0000-01-01\""});
  expect_texts(schema(R"({"type":"string","format":"date-time"})"),
               {"\"2024-05-06T07:08:09Z\"", "\"2024-05-06T07:08:09.5+02:00\""},
               {"\"2024-05-06 07:08:09Z\"", "\"2024-05-06T27:08:09Z\""});
  expect_texts(schema(R"({"type":"string","format":"uuid"})"), {"\"123e4567-e89b-12d3-a456-426614174000\""},
               {"\"123e4567\""});
  expect_texts(schema(R"({"type":"string","format":"ipv4"})"), {"\"192.168.0.1\"", "\"255.255.255.255\""},
               {"\"256.1.1.1\"", "\"1.2.3\"", "\"01.1.1.1\""});
  expect_texts(schema(R"({"type":"string","format":"email"})"), {"\"a.b+c@mail.example.org\""},
               {"\"a@b\"", "\"@b.de\"", "\"a.@b.de\""});
}

TEST(JsonSchema, numbers_between_bounds) {
  // Each small number, written as usual, against the bounds themselves.
  const auto check = [](const std::string& bounds, auto&& holds) {
    Fits whole(schema(R"({"type":"integer",)" + bounds + "}")), real(schema(R"({"type":"number",)" + bounds + "}"));
    for (int i = -1200; i <= 1200; ++i) {
      EXPECT_EQ(whole.whole(std::to_string(i)), holds(i)) << bounds << ' ' << i;
      for (const char* fraction : {"", ".0", ".00", ".25", ".5", ".50", ".05", ".999"}) {
        const std::string text = fmt::format("{}{}{}", i == 0 ? "-" : "", i, fraction);
        for (const std::string& one : {text, std::to_string(i) + fraction}) {
          const double value = std::stod(one);
          if (value == 0 && one[0] == '-') continue;  // is not written
          if (std::abs(i) % 50 == 0 || std::abs(i) < 30) {
            EXPECT_EQ(real.whole(one), holds(value)) << bounds << ' ' << one;
          }
        }
      }
    }
  };
  check(R"("minimum":0)", [](double x) { return x >= 0; });
  check(R"("minimum":7,"maximum":112)", [](double x) { return x >= 7 && x <= 112; });
  check(R"("exclusiveMinimum":-5,"exclusiveMaximum":5)", [](double x) { return x > -5 && x < 5; });
  check(R"("minimum":-110,"maximum":-9)", [](double x) { return x >= -110 && x <= -9; });
  check(R"("minimum":0.05,"maximum":1.5)", [](double x) { return x >= 0.05 && x <= 1.5; });
  check(R"("exclusiveMinimum":0.05,"exclusiveMaximum":1000)", [](double x) { return x > 0.05 && x < 1000; });
  check(R"("minimum":-1.5,"exclusiveMaximum":100.25)", [](double x) { return x >= -1.5 && x < 100.25; });
  check(R"("minimum":999,"exclusiveMinimum":true)", [](double x) { return x > 999; });
  check(R"("maximum":-0.25)", [](double x) { return x <= -0.25; });
  expect_texts(schema(R"({"type":"integer","minimum":1e18})"), {"1000000000000000000", "9999999999999999999"},
               {"999999999999999999"});
}

TEST(JsonSchema, values) {
  expect_texts(schema(R"({"enum":["red","green",3,null,{"a":[1]}]})"), {"\"red\"", "3", "null", R"({"a":[1]})"},
               {"red", "\"blue\"", "4"});
  expect_texts(schema(R"({"enum":["a",1,"abc"],"type":"string","maxLength":2})"), {"\"a\""}, {"1", "\"abc\""});
  expect_texts(schema(R"({"enum":[1,5,9],"minimum":2,"maximum":8})"), {"5"}, {"1", "9"});
}

TEST(JsonSchema, ways_and_joins) {
  expect_texts(schema(R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})"), {"1", "\"a\""},
               {"\"ab\"", "null"});
  expect_texts(schema(R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],
    "anyOf":[{"properties":{"b":{"const":1}},"required":["b"]},{"properties":{"c":{"const":2}}}]})"),
               {R"({"a":1,"b":1})", R"({"a":1,"c":2})", R"({"a":1})"}, {R"({"b":1})", R"({"a":1,"b":2})"});
  expect_texts(schema(R"({"allOf":[{"type":["integer","string"],"minimum":3},{"type":"number","maximum":5}]})"),
               {"3", "5"}, {"2", "6", "\"a\""});
  expect_texts(schema(R"({"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},
    {"properties":{"a":{"maximum":9},"b":{"type":"null"}},"additionalProperties":false}]})"),
               {R"({"a":9})", R"({"a":1,"b":null})"}, {R"({"a":10})", "{}"});
  expect_texts(
      schema(
          R"({"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},
    {"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"]}]})"),
      {R"({"kind":"a","x":1})", R"({"kind":"b"})"}, {R"({"kind":"a"})", R"({"kind":"c"})"});
  expect_texts(schema(R"({"oneOf":[{"type":"string"},{"type":"integer"}]})"), {"1", "\"1\""}, {"null"});
}

TEST(JsonSchema, references) {
  expect_texts(schema(R"({"$defs":{"p":{"type":"object","properties":{"n":{"type":"string"}},"required":["n"]}},
    "type":"array","items":{"$ref":"#/$defs/p"}})"),
               {"[]", R"([{"n":"a"},{"n":"b"}])"}, {R"([{}])"});
  const char* tree = R"({"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},
    "kids":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["v","kids"],"additionalProperties":false}},"$ref":"#/$defs/node"})";
  expect_texts(schema(tree),
               {R"({"v":1,"kids":[]})", R"({"v":1,"kids":[{"v":2,"kids":[{"v":3,"kids":[]}]},{"v":4,"kids":[]}]})"},
               {R"({"v":1})", R"({"v":1,"kids":[{"v":2}]})"});
  expect_texts(
      schema(R"({"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]})"),
      {R"({"next":null})", R"({"next":{"next":null}})"}, {"{}", "null"});
  expect_texts(schema(R"({"definitions":{"a/b":{"const":7}},"$ref":"#/definitions/a~1b","description":"x"})"), {"7"},
               {"8"});
  expect_texts(schema(R"({"$defs":{"s":{"type":"string"}},"$ref":"#/$defs/s","maxLength":1})"), {"\"a\""}, {"\"ab\""});
}

TEST(JsonSchema, what_is_not_supported_is_named_with_its_place) {
  for (const auto& [text, part] :
       {std::pair{R"({"type":"array","items":{"not":{}}})", "#/items: keyword not"},
        {R"({"properties":{"a":{"if":{}}}})", "#/properties/a: keyword if"},
        {R"({"patternProperties":{}})", "keyword patternProperties"},
        {R"({"type":"array","uniqueItems":true})", "keyword uniqueItems"},
        {R"({"type":"integer","multipleOf":2})", "keyword multipleOf"},
        {R"({"type":"string","format":"iri"})", "format iri"},
        {R"({"type":"string","pattern":"(?=a)b"})", "looking around"},
        {R"({"type":"wrong"})", "type: expected one of"},
        {R"({"type":"string","minLength":-1})", "minLength: expected a whole number"},
        {R"({"enum":3})", "enum: expected a list"},
        {R"({"$ref":"http://x/y"})", "only references inside"},
        {R"({"$ref":"#/$defs/none"})", "nothing is there"},
        {R"({"oneOf":[{"type":"string"},{"type":"string"}]})", "oneOf: 0 and 1"},
        {R"({"oneOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]})", "oneOf"},
        {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})", "keyword pattern"},
        {R"({"enum":["a"],"pattern":"a"})", "keyword pattern beside enum"},
        {R"({"properties":{"a":{},"b":{}},"maxProperties":1})", "minProperties and maxProperties"},
        {R"({"type":"number","minimum":1e300})", "bound"},
        {"3", "expected a schema"}})
    EXPECT_NE(fault_of(text).find(part), std::string::npos) << text << ": " << fault_of(text);
}

TEST(JsonSchema, what_nothing_fits_is_refused) {
  for (const char* text :
       {"false", R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
        R"({"type":"integer","minimum":3,"maximum":2})", R"({"type":"integer","minimum":0.05,"maximum":0.5})",
        R"({"allOf":[{"type":"string"},{"type":"integer"}]})", R"({"enum":["abc"],"maxLength":1})",
        R"({"type":"string","minLength":3,"maxLength":2})",
        R"({"type":"object","required":["a"],"additionalProperties":false})"})
    EXPECT_NE(fault_of(text).find("no finite text"), std::string::npos) << text << ": " << fault_of(text);
  EXPECT_NE(fault_of(R"({"$ref":"#"})").find("no finite text"), std::string::npos);
  EXPECT_NE(fault_of(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})").find("calls itself"), std::string::npos);
  EXPECT_NE(fault_of(R"({"allOf":[{"$ref":"#"},{"type":"null"}]})").find("nested"), std::string::npos);
}

// Each must be answered, either way, within its budget of time and memory.
constexpr double soon = sanitized ? 50 : 5;  // seconds; a sanitizer makes this code ten times slower

TEST(JsonSchema, hostile_ones_end_soon) {
  const auto many = [](int count, const std::string& separator, auto&& one) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (i ? separator : "") + one(i);
    return text;
  };
  std::vector<std::string> texts;
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += R"({"type":"array","items":)";
  texts.push_back(deep + "{}" + std::string(30, '}'));
  texts.push_back(std::string(R"({"enum":[)") +
                  many(100'000, ",", [](int i) { return fmt::format("\"value {}\"", i); }) + "]}");
  texts.push_back(std::string(R"({"properties":{)") +
                  many(5'000, ",", [](int i) { return fmt::format(R"("p{}":{{"type":"string"}})", i); }) + "}}");
  texts.push_back(std::string(R"({"allOf":[)") +
                  many(12, ",",
                       [](int i) {
                         return fmt::format(R"({{"anyOf":[{{"minLength":{}}},{{"maxLength":{}}},{{"minLength":{}}}]}})",
                                            i, 100 + i, i + 50);
                       }) +
                  "]}");
  texts.push_back(std::string(R"({"oneOf":[)") +
                  many(2'000, ",", [](int i) { return fmt::format(R"({{"const":{}}})", i); }) + "]}");
  texts.push_back(R"({"type":"string","pattern":"((a{1,1000}){1,1000}){1,1000}"})");
  texts.push_back(R"({"type":"string","pattern":"(((a?){1,1000}){1,1000}){1,1000}"})");
  texts.push_back(R"({"type":"string","pattern":"^(.*a.*){50}$","maxLength":9000})");
  texts.push_back(R"({"type":"string","pattern":"(x+x+)+y"})");
  texts.push_back(std::string(R"({"$defs":{)") +
                  many(5'000, ",", [](int i) { return fmt::format(R"("d{}":{{"$ref":"#/$defs/d{}"}})", i, i + 1); }) +
                  R"(,"d5000":{"type":"null"}},"$ref":"#/$defs/d0"})");
  texts.push_back(std::string(R"({"$defs":{)") +
                  many(40, ",",
                       [](int i) {
                         return fmt::format(R"("d{}":{{"allOf":[{{"$ref":"#/$defs/d{}"}},{{"$ref":"#/$defs/d{}"}}]}})",
                                            i, i + 1, i + 1);
                       }) +
                  R"(,"d40":{"type":"null"}},"$ref":"#/$defs/d0"})");
  for (const std::string& text : texts) {
    const auto start = std::chrono::steady_clock::now();
    Result<Grammar> grammar = schema(text);
    if (grammar) (void)CompiledGrammar::make(*grammar, grammar_vocabulary_tree());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_LT(seconds, soon) << text.substr(0, 60);
  }
}

}  // namespace
}  // namespace freehold
