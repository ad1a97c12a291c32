// Tool calls in every syntax: what is found, that it does not matter in which pieces the text comes, and that nothing
// is lost of what is no call.
#include "text/tool_calls.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/json.h"

namespace freehold {
namespace {

constexpr ToolSyntax syntaxes[] = {ToolSyntax::none,         ToolSyntax::deepseek_v3, ToolSyntax::deepseek_v31,
                                   ToolSyntax::deepseek_v32, ToolSyntax::deepseek_v4, ToolSyntax::tagged_json,
                                   ToolSyntax::bare_json};

// Puts events of one kind that follow each other together.
void gather(std::vector<ToolEvent>& all, std::vector<ToolEvent> more) {
  for (ToolEvent& event : more) {
    const bool grows = event.kind == ToolEvent::Kind::text || event.kind == ToolEvent::Kind::arguments;
    EXPECT_FALSE(grows && event.text.empty());
    if (grows && !all.empty() && all.back().kind == event.kind)
      all.back().text += event.text;
    else
      all.push_back(std::move(event));
  }
}

std::vector<ToolEvent> events_of(ToolSyntax syntax, const std::vector<std::string_view>& pieces,
                                 const ToolLimits& limits = {}) {
  ToolCallParser parser(syntax, limits);
  std::vector<ToolEvent> all;
  for (const std::string_view piece : pieces) gather(all, parser.push(piece));
  gather(all, parser.finish());
  return all;
}

// Text as it is, calls as [name arguments], broken ones as {text|reason}, or {!text|reason} when taken back.
std::string shown(const std::vector<ToolEvent>& events) {
  std::string text;
  for (const ToolEvent& event : events) {
    switch (event.kind) {
      case ToolEvent::Kind::text:
        text += event.text;
        break;
      case ToolEvent::Kind::begin:
        text += fmt::format("[{} ", event.text);
        break;
      case ToolEvent::Kind::arguments:
        text += event.text;
        break;
      case ToolEvent::Kind::end:
        text += "]";
        break;
      case ToolEvent::Kind::broken:
        text += fmt::format("{}{}|{}}}", event.call < 0 ? "{" : "{!", event.text, event.reason);
        break;
    }
  }
  return text;
}

// The events, which must be the same at once, byte by byte, and cut in two at every place.
std::vector<ToolEvent> checked(ToolSyntax syntax, std::string_view text, const ToolLimits& limits = {}) {
  const auto whole = events_of(syntax, {text}, limits);
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(shown(events_of(syntax, bytes, limits)), shown(whole)) << "byte by byte: " << text;
  EXPECT_TRUE(events_of(syntax, bytes, limits) == whole) << "byte by byte: " << text;
  for (size_t at = 1; at < text.size(); ++at) {
    const bool same = events_of(syntax, {text.substr(0, at), text.substr(at)}, limits) == whole;
    EXPECT_TRUE(same) << "cut at " << at << ": " << text;
    if (!same) break;
  }
  // What ends is right, and when nothing ends, nothing is lost.
  std::string arguments, all;
  bool any_end = false;
  for (const ToolEvent& event : whole) {
    if (event.kind == ToolEvent::Kind::begin) arguments.clear();
    if (event.kind == ToolEvent::Kind::arguments) arguments += event.text;
    if (event.kind == ToolEvent::Kind::text || event.kind == ToolEvent::Kind::broken) all += event.text;
    if (event.kind != ToolEvent::Kind::end) continue;
    any_end = true;
    const auto parsed = parse_json(arguments, "arguments");
    EXPECT_TRUE(parsed && parsed->is_object()) << arguments;
  }
  EXPECT_TRUE(any_end || all == text) << text;
  return whole;
}

std::string found(ToolSyntax syntax, std::string_view text, const ToolLimits& limits = {}) {
  return shown(checked(syntax, text, limits));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

TEST(ToolCalls, FindsWhatThePublishedParsersFind) {
  const auto file = read_file("tests/golden/prompts/calls.jsonl", 1 << 20);
  ASSERT_TRUE(file.has_value());
  std::istringstream lines(*file);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json golden = *parse_json(line, "golden");
    std::string expected = golden["content"];
    for (const Json& call : golden["calls"])
      expected += fmt::format("[{} {}]", call[0].get<std::string>(), call[1].get<std::string>());
    const std::string text = golden["text"];
    EXPECT_EQ(found(ToolSyntax::deepseek_v4, text), expected) << golden["id"];
    EXPECT_EQ(found(ToolSyntax::deepseek_v32, replaced(text, "DSML｜tool_calls", "DSML｜function_calls")), expected);
    EXPECT_EQ(found(ToolSyntax::none, text), text);
    // Cut off anywhere: calls that ended stay, the rest is text.
    for (size_t end = 0; end < text.size(); end += 7) checked(ToolSyntax::deepseek_v4, text.substr(0, end));
  }
  EXPECT_GE(count, 8);
}

constexpr std::string_view v3_call =
    "Let me see.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
    "{\"city\": \"Köln <｜tool▁call▁end｜> ``` \\\"x\\\" }\", \"n\": [1, {\"a\": null}]}\n```<｜tool▁call▁end｜>\n"
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
constexpr std::string_view v31_call =
    "See:<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"天<｜tool▁calls▁end｜>\"}"
    "<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
constexpr std::string_view tagged_call =
    "I call.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"t\": \"</tool_call>\\n\", \"n\": 1}}\n</tool_call>\n"
    "<tool_call>\n{\"arguments\": {\"b\": [true]}, \"name\": \"g\"}\n</tool_call>";
constexpr std::string_view bare_call =
    " {\"name\": \"f\", \"parameters\": {\"q\": \"{\\\"name\\\": 1}; ü\"}}; {\"name\": \"g\", \"parameters\": {}}";

TEST(ToolCalls, FindsCallsInEverySyntax) {
  EXPECT_EQ(
      found(ToolSyntax::deepseek_v3, v3_call),
      "Let me see.[get_weather {\"city\": \"Köln <｜tool▁call▁end｜> ``` \\\"x\\\" }\", \"n\": [1, {\"a\": null}]}]"
      "[now {}]");
  EXPECT_EQ(found(ToolSyntax::deepseek_v31, v31_call),
            "See:[get_weather {\"city\": \"天<｜tool▁calls▁end｜>\"}][now {}]");
  EXPECT_EQ(found(ToolSyntax::tagged_json, tagged_call),
            "I call.[f {\"t\": \"</tool_call>\\n\", \"n\": 1}][g {\"b\": [true]}]");
  EXPECT_EQ(found(ToolSyntax::bare_json, bare_call), "[f {\"q\": \"{\\\"name\\\": 1}; ü\"}][g {}]");
  EXPECT_EQ(found(ToolSyntax::bare_json, "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}"), "[f {}]");
}

TEST(ToolCalls, NumbersTheCallsAndStreamsTheirArguments) {
  ToolCallParser parser(ToolSyntax::deepseek_v31);
  auto events = parser.push("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"12");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0], (ToolEvent{ToolEvent::Kind::begin, 0, "f", ""}));
  EXPECT_EQ(events[1], (ToolEvent{ToolEvent::Kind::arguments, 0, "{\"a\": \"12", ""}));
  events = parser.push("3\"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>g<｜tool▁sep｜>");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0], (ToolEvent{ToolEvent::Kind::arguments, 0, "3\"}", ""}));
  EXPECT_EQ(events[1], (ToolEvent{ToolEvent::Kind::end, 0, "", ""}));
  EXPECT_EQ(events[2], (ToolEvent{ToolEvent::Kind::begin, 1, "g", ""}));
  events = parser.finish();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, ToolEvent::Kind::broken);
  EXPECT_EQ(events[0].call, 1);

  ToolCallParser dsml(ToolSyntax::deepseek_v4);  // text of parameters too comes as it is written
  events =
      dsml.push("<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"p\" string=\"true\">a\n");
  EXPECT_EQ(shown(events), "[f {\"p\": \"a\\n");
}

TEST(ToolCalls, TextWithoutCallsStaysAsItIs) {
  for (const ToolSyntax syntax : syntaxes) {
    for (const char* text : {"", "x", "\n\n", "a\n\n\nb\n", "a < b, <｜ c ｜>, <tool", "<｜DSML｜",
                             "<｜tool▁calls▁begin", "日本語 🙂\n\n", "\xff\xfe\n\n", "``` ```json"})
      EXPECT_EQ(found(syntax, text), text) << name_of(syntax);
  }
  EXPECT_EQ(found(ToolSyntax::bare_json, "x {\"name\": \"f\", \"parameters\": {}}"),
            "x {\"name\": \"f\", \"parameters\": {}}");
  // JSON that is no call is an answer.
  for (const char* text : {"{\"name\": \"Ada\", \"age\": 36}", "{}", "{\"a\": 1}", "{\"name\"", " {nothing",
                           "{\"name\": 7}", "{\"parameters\": {}}", "{\"a\" 1}", "{\"a\": 1 \"b\"}", "{\"a\": tru<"})
    EXPECT_EQ(found(ToolSyntax::bare_json, text), text);
}

TEST(ToolCalls, WhatModelsForgetIsForgiven) {
  EXPECT_EQ(found(ToolSyntax::deepseek_v3,
                  "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n{\"a\": 1}<｜tool▁call▁end｜> and more"),
            "[f {\"a\": 1}] and more");
  EXPECT_EQ(found(ToolSyntax::deepseek_v31, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}"),
            "[f {\"a\": 1}]");
  EXPECT_EQ(found(ToolSyntax::deepseek_v31,
                  "<｜tool▁call▁begin｜>f<｜tool▁sep｜>\"{\\\"a\\\": \\\"ü\\\"}\"<｜tool▁calls▁end｜>"),
            "[f {\"a\": \"ü\"}]");
  EXPECT_EQ(
      found(ToolSyntax::deepseek_v4,
            "x\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"false\"> 1 "
            "</｜DSML｜parameter>\n</｜DSML｜invoke>"),
      "x[f {\"a\": 1}]");
  EXPECT_EQ(found(ToolSyntax::deepseek_v4,
                  "<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\">[1]</｜DSML｜parameter><｜DSML｜parameter "
                  "name=\"b\" string=\"maybe\">[1</｜DSML｜parameter></｜DSML｜invoke>"),
            "[f {\"a\": [1], \"b\": \"[1\"}]");
  EXPECT_EQ(found(ToolSyntax::tagged_json, "<tool_call>{\"name\": \"f\", \"id\": [1], \"arguments\": {}}"), "[f {}]");
  EXPECT_EQ(found(ToolSyntax::tagged_json, "<tool_call>{\"name\": \"f\"}</tool_call>"), "[f {}]");
}

TEST(ToolCalls, BrokenCallsComeBackAsText) {
  struct Case {
    ToolSyntax syntax;
    const char *text, *expected;
  };
  const Case cases[] = {
      {ToolSyntax::deepseek_v31, "a<｜tool▁calls▁begin｜>b<｜tool▁calls▁end｜>",
       "a{<｜tool▁calls▁begin｜>|no call where one should begin}b<｜tool▁calls▁end｜>"},
      {ToolSyntax::deepseek_v31, "<｜tool▁calls▁begin｜> <｜tool▁calls▁end｜>c",
       "{<｜tool▁calls▁begin｜> <｜tool▁calls▁end｜>|a block without a call}c"},
      {ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": oops!}<｜tool▁call▁end｜>",
       "[f {\"a\": oops{!<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": oops|the arguments are no "
       "JSON}!}<｜tool▁call▁end｜>"},
      {ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>[1]<｜tool▁call▁end｜>",
       "[f {!<｜tool▁call▁begin｜>f<｜tool▁sep｜>|the arguments are no JSON object}[1]<｜tool▁call▁end｜>"},
      {ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜><｜tool▁sep｜>{}<｜tool▁call▁end｜>",
       "{<｜tool▁call▁begin｜><｜tool▁sep｜>|a call without a name}{}<｜tool▁call▁end｜>"},
      {ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{} {}<｜tool▁call▁end｜>",
       "[f {}{!<｜tool▁call▁begin｜>f<｜tool▁sep｜>{} |text behind the arguments}{}<｜tool▁call▁end｜>"},
      {ToolSyntax::deepseek_v3, "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f",
       "{<｜tool▁call▁begin｜>function<｜tool▁sep｜>|the answer ends inside a call}f"},
      {ToolSyntax::tagged_json, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}} x</tool_call>",
       "[f {\"a\": 1}{!<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}} |text behind the call}x</tool_call>"},
      {ToolSyntax::tagged_json, "<tool_call>f()</tool_call>",
       "{<tool_call>|no JSON object where a call should be}f()</tool_call>"},
      {ToolSyntax::tagged_json, "<tool_call>{\"arguments\": {}}</tool_call>",
       "{<tool_call>{\"arguments\": {}}|a call without a name}</tool_call>"},
      {ToolSyntax::deepseek_v4, "<｜DSML｜invoke name=\"f\">oh</｜DSML｜invoke>",
       "[f {{!<｜DSML｜invoke name=\"f\">|neither a parameter nor the end of the call}oh</｜DSML｜invoke>"},
      {ToolSyntax::deepseek_v4, "<｜DSML｜invoke id=\"f\"></｜DSML｜invoke>",
       "{<｜DSML｜invoke id=\"f\">|a call without name=\"...\"}</｜DSML｜invoke>"},
      {ToolSyntax::deepseek_v4,
       "<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" "
       "string=\"true\">1</｜DSML｜parameter><｜DSML｜parameter "
       "name=\"a\" string=\"true\">2</｜DSML｜parameter></｜DSML｜invoke>",
       "[f {\"a\": \"1\"{!<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" "
       "string=\"true\">1</｜DSML｜parameter>"
       "<｜DSML｜parameter name=\"a\" string=\"true\">|the parameter 'a' twice}2</｜DSML｜parameter></｜DSML｜invoke>"},
      {ToolSyntax::deepseek_v4,
       "<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" "
       "string=\"false\">!x</｜DSML｜parameter></｜DSML｜invoke>",
       "[f {\"a\": {!<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" string=\"false\">|a value that is no "
       "JSON}"
       "!x"
       "</｜DSML｜parameter></｜DSML｜invoke>"},
  };
  for (const Case& c : cases) EXPECT_EQ(found(c.syntax, c.text), c.expected);
  // After a broken one, the next is found again.
  EXPECT_EQ(found(ToolSyntax::tagged_json, "<tool_call>no</tool_call>\n<tool_call>{\"name\": \"f\"}</tool_call>"),
            "{<tool_call>|no JSON object where a call should be}no</tool_call>[f {}]");
}

TEST(ToolCalls, CutOffAnywhereNothingIsLost) {
  const std::pair<ToolSyntax, std::string_view> all[] = {{ToolSyntax::deepseek_v3, v3_call},
                                                         {ToolSyntax::deepseek_v31, v31_call},
                                                         {ToolSyntax::tagged_json, tagged_call},
                                                         {ToolSyntax::bare_json, bare_call}};
  for (const auto& [syntax, text] : all)
    for (size_t end = 0; end <= text.size(); ++end) {
      const auto events = events_of(syntax, {text.substr(0, end)});
      std::string begun;
      bool open = false;
      for (const ToolEvent& event : events) {
        if (event.kind == ToolEvent::Kind::begin) open = true;
        if (event.kind == ToolEvent::Kind::end || event.kind == ToolEvent::Kind::broken) open = false;
      }
      EXPECT_FALSE(open) << text.substr(0, end);
      if (end % 5 == 0) checked(syntax, text.substr(0, end));
    }
}

TEST(ToolCalls, Limits) {
  const ToolLimits few{.calls = 1, .name_bytes = 8, .argument_bytes = 16};
  EXPECT_EQ(found(ToolSyntax::deepseek_v31,
                  "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁call▁begin｜>g<｜tool▁sep｜>{}"
                  "<｜tool▁call▁end｜>",
                  few),
            "[f {}]{<｜tool▁call▁begin｜>g<｜tool▁sep｜>|more than 1 calls}{}<｜tool▁call▁end｜>");
  EXPECT_EQ(found(ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜>123456789<｜tool▁sep｜>{}", few),
            "{<｜tool▁call▁begin｜>|a name of more than 8 bytes}123456789<｜tool▁sep｜>{}");
  for (const ToolSyntax syntax : {ToolSyntax::deepseek_v31, ToolSyntax::deepseek_v3})
    EXPECT_NE(found(syntax, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>f\n{\"a\": \"0123456789\"}", few).find('{'),
              std::string::npos);
  EXPECT_EQ(
      found(ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"0123456789\"}", few),
      "[f {\"a\": \"012345678{!<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"012345678|arguments of more than 16 bytes}"
      "9\"}");
  EXPECT_NE(found(ToolSyntax::deepseek_v4,
                  "<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" string=\"true\">\n\n\n\n\n\n\n\n\n\n", few)
                .find("more than 16 bytes"),
            std::string::npos);
  EXPECT_NE(found(ToolSyntax::deepseek_v4,
                  "<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" string=\"false\">[1,2,3,4,5,6,7,8,9]", few)
                .find("more than 16 bytes"),
            std::string::npos);
  EXPECT_NE(found(ToolSyntax::tagged_json, "<tool_call>{\"name\": \"f\", \"x\": \"" + std::string(40, 'x') + "\"}", few)
                .find("more than 16 bytes"),
            std::string::npos);
  // White space without end.
  const std::string white = "<｜tool▁calls▁begin｜>" + std::string(5000, ' ');
  EXPECT_NE(shown(events_of(ToolSyntax::deepseek_v31, {white}, few)).find("a call of more than"), std::string::npos);
  const std::string deep = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": " + std::string(5000, '[');
  EXPECT_NE(shown(events_of(ToolSyntax::tagged_json, {deep + std::string(5000, ']') + "}}"})).find("nest"),
            std::string::npos);
}

TEST(ToolCalls, LongAnswersTakeLinearTime) {
  const std::string value(1 << 20, 'x');
  for (const auto& [syntax, before, after] :
       {std::tuple(ToolSyntax::deepseek_v31, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"",
                   "\"}<｜tool▁call▁end｜>"),
        std::tuple(ToolSyntax::deepseek_v4, "<｜DSML｜invoke name=\"f\"><｜DSML｜parameter name=\"a\" string=\"true\">",
                   "</｜DSML｜parameter></｜DSML｜invoke>"),
        std::tuple(ToolSyntax::tagged_json, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"",
                   "\"}}</tool_call>")}) {
    const std::string text = before + value + after;
    std::vector<std::string_view> pieces;
    for (size_t at = 0; at < text.size(); at += 3) pieces.push_back(std::string_view(text).substr(at, 3));
    const std::string expected = fmt::format("[f {{\"a\": \"{}\"}}]", value);
    EXPECT_EQ(shown(events_of(syntax, pieces)), expected);
    EXPECT_EQ(shown(events_of(syntax, {text})), expected);
  }
}

TEST(ToolCalls, SyntaxOfATemplate) {
  EXPECT_EQ(tool_syntax_of("{{ '<｜tool▁call▁begin｜>' + x + '\\n' + '```json' }}"), ToolSyntax::deepseek_v3);
  EXPECT_EQ(tool_syntax_of("{{ '<｜tool▁call▁begin｜>' + name + '<｜tool▁sep｜>' }}"), ToolSyntax::deepseek_v31);
  EXPECT_EQ(tool_syntax_of("'<｜DSML｜function_calls>'"), ToolSyntax::deepseek_v32);
  EXPECT_EQ(tool_syntax_of("'<｜DSML｜tool_calls>'"), ToolSyntax::deepseek_v4);
  EXPECT_EQ(tool_syntax_of("<tool_call>"), ToolSyntax::tagged_json);
  EXPECT_EQ(tool_syntax_of("<|start_header_id|> \"parameters\": "), ToolSyntax::bare_json);
  EXPECT_EQ(tool_syntax_of("<|im_start|>"), ToolSyntax::none);
  EXPECT_TRUE(is_tool_mark(ToolSyntax::deepseek_v3, "<｜tool▁sep｜>"));
  EXPECT_TRUE(is_tool_mark(ToolSyntax::deepseek_v4, "｜DSML｜"));
  EXPECT_FALSE(is_tool_mark(ToolSyntax::deepseek_v3, "<｜User｜>"));
  EXPECT_FALSE(is_tool_mark(ToolSyntax::none, "<tool_call>"));
}

}  // namespace
}  // namespace freehold
