// The encoders of V3.2 and V4 against what the published ones produce (tests/golden/prompts/encodings.jsonl), who wrote
// which piece, and what they refuse.
#include "text/deepseek_encoding.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"

namespace freehold {
namespace {

constexpr DeepseekFormat formats[] = {DeepseekFormat::v32, DeepseekFormat::v4, DeepseekFormat::v4_0731};

DeepseekFormat format_named(const std::string& name) {
  for (const DeepseekFormat format : formats)
    if (name_of(format) == name) return format;
  ADD_FAILURE() << name;
  return DeepseekFormat::v32;
}

std::vector<Json> goldens() {
  const auto text = read_file("tests/golden/prompts/encodings.jsonl", 1 << 20);
  EXPECT_TRUE(text.has_value());
  std::vector<Json> cases;
  std::istringstream lines(text.value_or(""));
  for (std::string line; std::getline(lines, line);) cases.push_back(*parse_json(line, "golden"));
  return cases;
}

Conversation conversation_of(const Json& golden) {
  Conversation conversation;
  conversation.messages = golden["messages"];
  if (golden.contains("tools")) conversation.tools = golden["tools"];
  conversation.thinking = golden["thinking"].get<bool>();
  if (golden.contains("effort")) conversation.effort = golden["effort"];
  return conversation;
}

std::string encoded(DeepseekFormat format, const Conversation& conversation) {
  const auto pieces = encode_deepseek(format, conversation);
  return pieces ? joined(*pieces) : "error: " + pieces.error().what;
}

Conversation talk(std::string_view messages) {
  Conversation conversation;
  conversation.messages = *parse_json(messages, "test");
  return conversation;
}

TEST(DeepseekEncoding, WritesWhatThePublishedEncodersWrite) {
  const auto cases = goldens();
  ASSERT_GT(cases.size(), 90u);
  for (const Json& golden : cases) {
    const auto format = format_named(golden["format"]);
    EXPECT_EQ(encoded(format, conversation_of(golden)), golden["output"].get<std::string>())
        << golden["format"] << ": " << golden["id"];
  }
}

// Every string of a conversation gets a mark that no encoder writes: then no piece of ours has it, and all of theirs
// that are not cut out of JSON begin in a text of theirs.
Json marked(const Json& value, std::string_view mark) {
  if (value.is_string()) return value.get<std::string>() + std::string(mark);
  if (!value.is_structured()) return value;
  Json made = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    const bool is_ours = key == "role" || key == "type" || key == "task" || key == "id" || key == "tool_call_id" ||
                         (key == "arguments" && member.is_string());
    Json changed = is_ours ? member : marked(member, mark);
    if (value.is_array())
      made.push_back(std::move(changed));
    else
      made[key] = std::move(changed);
  }
  return made;
}

TEST(DeepseekEncoding, KnowsWhoWroteWhat) {
  constexpr std::string_view mark = "<｜User｜>\xee\x80\x80";
  for (const Json& golden : goldens()) {
    Conversation conversation = conversation_of(golden);
    conversation.messages = marked(conversation.messages, mark);
    conversation.tools = marked(conversation.tools, mark);
    const auto pieces = encode_deepseek(format_named(golden["format"]), conversation);
    ASSERT_TRUE(pieces) << pieces.error().what;
    for (size_t i = 0; i < pieces->size(); ++i) {
      const Piece& piece = (*pieces)[i];
      EXPECT_FALSE(piece.text.empty());
      EXPECT_TRUE(i == 0 || piece.author != (*pieces)[i - 1].author);
      EXPECT_TRUE(piece.author == Author::the_request || piece.text.find("\xee\x80\x80") == std::string::npos);
    }
    EXPECT_EQ(pieces->front().text.rfind("<｜begin▁of▁sentence｜>", 0), 0u);
  }
}

TEST(DeepseekEncoding, Efforts) {
  Conversation conversation = talk(R"([{"role":"user","content":"x"}])");
  const std::string plain = "<｜begin▁of▁sentence｜><｜User｜>x<｜Assistant｜><think>";
  const auto with = [&](DeepseekFormat format, std::string effort) {
    conversation.effort = std::move(effort);
    return encoded(format, conversation);
  };
  const auto begins = [](const std::string& prompt, std::string_view words) {
    return prompt.starts_with("<｜begin▁of▁sentence｜>Reasoning Effort: " + std::string(words)) &&
           prompt.ends_with("\n\n<｜User｜>x<｜Assistant｜><think>");
  };
  for (const char* word : {"", "minimal", "low", "medium"}) {
    for (const DeepseekFormat format : formats) EXPECT_EQ(with(format, word), plain);
  }
  EXPECT_EQ(with(DeepseekFormat::v4, "high"), plain);
  EXPECT_TRUE(begins(with(DeepseekFormat::v4, "max"), "Absolute maximum"));
  EXPECT_TRUE(begins(with(DeepseekFormat::v4_0731, "high"), "Absolute maximum"));
  EXPECT_TRUE(begins(with(DeepseekFormat::v4_0731, "xhigh"), "Beyond maximum — exhaustive"));
  EXPECT_TRUE(begins(with(DeepseekFormat::v4_0731, "max"), "Beyond maximum — exhaustive"));
  EXPECT_EQ(with(DeepseekFormat::v32, "max"), plain);
  EXPECT_TRUE(with(DeepseekFormat::v4, "none").ends_with("<｜Assistant｜></think>"));
  EXPECT_TRUE(with(DeepseekFormat::v4, "more").starts_with("error: reasoning effort: expected none"));
  conversation.thinking = false;
  EXPECT_TRUE(with(DeepseekFormat::v4, "max").ends_with("<｜begin▁of▁sentence｜><｜User｜>x<｜Assistant｜></think>"));
}

TEST(DeepseekEncoding, OpenEnds) {
  Conversation question = talk(R"([{"role":"user","content":"x"}])");
  question.add_generation_prompt = false;
  Conversation answer = talk(R"([{"role":"user","content":"x"},{"role":"assistant","reasoning":"r","content":"a"}])");
  answer.continue_final_message = true;
  for (const DeepseekFormat format : formats) {
    EXPECT_EQ(encoded(format, question), "<｜begin▁of▁sentence｜><｜User｜>x");
    EXPECT_EQ(encoded(format, answer), "<｜begin▁of▁sentence｜><｜User｜>x<｜Assistant｜><think>r</think>a");
  }
  question.continue_final_message = true;
  EXPECT_TRUE(encoded(DeepseekFormat::v4, question).starts_with("error: chat: continue"));
}

// Contents and arguments as clients may send them too.
TEST(DeepseekEncoding, TakesPartsNullsAndObjects) {
  const Conversation parts = talk(R"([
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":{"k":"v"}}}]},
    {"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"c"}]}])");
  EXPECT_EQ(
      encoded(DeepseekFormat::v4, parts),
      "<｜begin▁of▁sentence｜><｜User｜>ab<｜Assistant｜></think>\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke "
      "name=\"f\">\n"
      "<｜DSML｜parameter name=\"k\" string=\"true\">v</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>"
      "<｜end▁of▁sentence｜><｜User｜><tool_result>c</tool_result><｜Assistant｜><think>");
}

TEST(DeepseekEncoding, DevelopersBeforeTheLastQuestionGoWithTheReasoning) {
  const Conversation chat =
      talk(R"([{"role":"developer","content":"d"},{"role":"assistant","content":"a"},{"role":"user","content":"u"}])");
  EXPECT_EQ(encoded(DeepseekFormat::v32, chat),
            "<｜begin▁of▁sentence｜>a<｜end▁of▁sentence｜><｜User｜>u<｜Assistant｜><think>");
}

TEST(DeepseekEncoding, RefusesWhatItDoesNotUnderstand) {
  const char* bad[] = {
      R"({})",
      R"([7])",
      R"([{"content":"x"}])",
      R"([{"role":"king","content":"x"}])",
      R"([{"role":7,"content":"x"}])",
      R"([{"role":"user","content":7}])",
      R"([{"role":"user","content":[{"type":"image_url","image_url":{}}]}])",
      R"([{"role":"user","content":["x"]}])",
      R"([{"role":"developer","content":""}])",
      R"([{"role":"assistant","content":"x","tool_calls":{}}])",
      R"([{"role":"assistant","content":"x","tool_calls":[{}]}])",
      R"([{"role":"assistant","content":"x","tool_calls":[{"function":{}}]}])",
      R"([{"role":"assistant","content":"x","tool_calls":[{"function":{"name":"f","arguments":[1]}}]}])",
      R"([{"role":"system","content":"x","tools":[{"name":"f"}]}])",
      R"([{"role":"system","content":"x","tools":"f"}])",
  };
  for (const DeepseekFormat format : formats)
    for (const char* messages : bad) {
      const auto pieces = encode_deepseek(format, talk(messages));
      ASSERT_FALSE(pieces) << messages << joined(*pieces);
      EXPECT_TRUE(is_clean_utf8(pieces.error().what));
    }
  EXPECT_TRUE(
      encoded(DeepseekFormat::v32, talk(R"([{"role":"tool","content":"x"}])")).starts_with("error: messages: 0"));
  EXPECT_TRUE(encoded(DeepseekFormat::v32, talk(R"([{"role":"user","content":"u"},{"role":"assistant","content":"x"},
      {"role":"tool","content":"x"}])"))
                  .starts_with("error: messages: 2: result 1 of 0"));
  EXPECT_TRUE(
      encoded(DeepseekFormat::v32, talk(R"([{"role":"latest_reminder","content":"x"}])")).starts_with("error: "));
  EXPECT_TRUE(
      encoded(DeepseekFormat::v4, talk(R"([{"role":"user","content":"x","task":"poem"}])")).starts_with("error: "));

  Conversation large = talk(R"([{"role":"user","content":""}])");
  large.messages[0]["content"] = std::string(limits::template_output_bytes, 'x');
  EXPECT_EQ(encode_deepseek(DeepseekFormat::v4, large).error().fault, Fault::resources);
  large.messages[0]["content"] = "\xff";
  EXPECT_EQ(encode_deepseek(DeepseekFormat::v4, large).error().fault, Fault::malformed);
  Json deep = 1;
  for (int i = 0; i < 200; ++i) deep = Json::array({deep});
  large.messages[0] = {{"role", "system"}, {"content", "x"}, {"response_format", {{"x", deep}}}};
  EXPECT_EQ(encode_deepseek(DeepseekFormat::v4, large).error().fault, Fault::resources);
}

}  // namespace
}  // namespace freehold
