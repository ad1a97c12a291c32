// Prompt formats: our own templates of the DeepSeek family against what the models' templates produce, which format a
// model without template gets, and thinking on and off.
#include "text/prompt_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"

namespace freehold {
namespace {

using Tokens = std::vector<std::string_view>;

std::optional<PromptFormat> format_of(std::string_view architecture, const Tokens& tokens,
                                      std::string_view name = "m") {
  return deepseek_format({architecture, name, [&](std::string_view token) {
                            return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
                          }});
}

const Tokens v3_tokens = {"<｜User｜>"}, r1_tokens = {"<｜User｜>", "<think>"},
             v31_tokens = {"<｜User｜>", "<think>", "<｜search▁begin｜>"};

Conversation asked(std::string_view question) {
  Conversation conversation;
  conversation.messages = {{{"role", "user"}, {"content", std::string(question)}}};
  conversation.variables = {{"bos_token", "<｜begin▁of▁sentence｜>"}, {"eos_token", "<｜end▁of▁sentence｜>"}};
  return conversation;
}

Prompt written(const PromptFormat& format, const Conversation& conversation) {
  auto prompt = format.write(conversation);
  EXPECT_TRUE(prompt) << prompt.error().what;
  return prompt ? *prompt : Prompt{};
}

TEST(PromptFormat, OurTemplatesWriteWhatTheModelsOwnWrite) {
  const auto text = read_file("tests/golden/prompts/templates.jsonl", 1 << 20);
  ASSERT_TRUE(text.has_value());
  std::istringstream lines(*text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json golden = *parse_json(line, "golden");
    const std::string name = golden["format"];
    const auto format = format_of("deepseek_v3", name == "deepseek-v3"   ? v3_tokens
                                                 : name == "deepseek-r1" ? r1_tokens
                                                                         : v31_tokens);
    ASSERT_TRUE(format.has_value());
    EXPECT_EQ(format->name(), name);
    Conversation conversation = asked("");
    conversation.messages = golden["messages"];
    conversation.add_generation_prompt = golden["add_generation_prompt"];
    if (golden.contains("thinking")) conversation.thinking = golden["thinking"].get<bool>();
    EXPECT_EQ(joined(written(*format, conversation).pieces), golden["output"].get<std::string>())
        << name << ": " << golden["id"];
  }
  EXPECT_GE(count, 60);
}

TEST(PromptFormat, PicksByArchitectureVocabularyAndName) {
  EXPECT_FALSE(format_of("llama", v31_tokens).has_value());
  EXPECT_FALSE(format_of("", v31_tokens).has_value());
  EXPECT_EQ(format_of("deepseek2", {})->name(), "deepseek-v2");
  EXPECT_EQ(format_of("deepseek_v2", v3_tokens)->name(), "deepseek-v3");
  EXPECT_EQ(format_of("deepseek2", r1_tokens)->name(), "deepseek-r1");
  EXPECT_EQ(format_of("deepseek_v3", v31_tokens)->name(), "deepseek-v3.1");
  for (const char* architecture : {"deepseek32", "deepseek_v32"}) {
    const auto format = format_of(architecture, v31_tokens);
    EXPECT_EQ(format->name(), "deepseek-v3.2");
    EXPECT_EQ(format->tools(), ToolSyntax::deepseek_v32);
    EXPECT_TRUE(format->switches_thinking());
    EXPECT_FALSE(format->takes_effort());
  }
  for (const char* architecture : {"deepseek4", "deepseek_v4"}) {
    EXPECT_EQ(format_of(architecture, {})->name(), "deepseek-v4");
    const auto newer = format_of(architecture, {}, "DeepSeek-V4-Flash-0731");
    EXPECT_EQ(newer->name(), "deepseek-v4-0731");
    EXPECT_EQ(newer->tools(), ToolSyntax::deepseek_v4);
    EXPECT_TRUE(newer->takes_effort());
  }
  EXPECT_EQ(format_of("deepseek2", v3_tokens)->tools(), ToolSyntax::deepseek_v3);
  EXPECT_EQ(format_of("deepseek2", v31_tokens)->tools(), ToolSyntax::deepseek_v31);
  EXPECT_FALSE(format_of("deepseek2", r1_tokens)->switches_thinking());
  EXPECT_TRUE(format_of("deepseek2", v31_tokens)->switches_thinking());
}

TEST(PromptFormat, V2SpeaksInWords) {
  Conversation conversation = asked("Hi");
  conversation.messages = {{{"role", "system"}, {"content", "Be kind."}},
                           {{"role", "user"}, {"content", "Hi"}},
                           {{"role", "assistant"}, {"content", "Hello"}},
                           {{"role", "user"}, {"content", "1+1?"}}};
  EXPECT_EQ(
      joined(written(*format_of("deepseek_v2", {}), conversation).pieces),
      "<｜begin▁of▁sentence｜>Be kind.\n\nUser: Hi\n\nAssistant: Hello<｜end▁of▁sentence｜>User: 1+1?\n\nAssistant:");
}

TEST(PromptFormat, ToolsOfV31StandInItsSystemTurn) {
  Conversation conversation = asked("Hi");
  conversation.tools = {
      {{"type", "function"}, {"function", {{"name", "f"}, {"description", "d"}, {"parameters", {{"type", "object"}}}}}},
      {{"type", "function"}, {"function", {{"name", "g"}}}}};
  const std::string prompt = joined(written(*format_of("deepseek_v3", v31_tokens), conversation).pieces);
  EXPECT_TRUE(prompt.starts_with(
      "<｜begin▁of▁sentence｜>\n\n## Tools\nYou have access to the following tools:\n\n### f\nDescription: "
      "d\n\nParameters: "
      "{\"type\": \"object\"}\n\n### g\nDescription: \n\nParameters: {}\n\nIMPORTANT: ALWAYS adhere"))
      << prompt;
  EXPECT_TRUE(prompt.ends_with("without separators or spaces<｜User｜>Hi<｜Assistant｜></think>"));
}

TEST(PromptFormat, ThinkingOnAndOff) {
  const auto parsed = [](std::string_view source) { return PromptFormat(*ChatTemplate::parse(source, "test")); };
  const PromptFormat qwen = parsed(
      "{{ messages[0].content }}|{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>{% else "
      "%}"
      "<think>\n{% endif %}{{ reasoning_effort }}");
  EXPECT_TRUE(qwen.switches_thinking() && qwen.takes_effort());
  const PromptFormat plain = parsed("{{ messages[0].content }}<tool_call>");
  EXPECT_FALSE(plain.switches_thinking() || plain.takes_effort());
  EXPECT_EQ(plain.tools(), ToolSyntax::tagged_json);
  EXPECT_EQ(plain.name(), "test");

  Conversation conversation = asked("x");
  const std::pair<PromptFormat, std::optional<bool>> all[] = {
      {qwen, true},
      {*format_of("deepseek2", v31_tokens), false},
      {*format_of("deepseek32", {}), true},
      {*format_of("deepseek4", {}), true},
  };
  for (const auto& [format, usual] : all) {
    conversation.thinking.reset();
    EXPECT_EQ(written(format, conversation).thinking_open, usual) << format.name();
    conversation.thinking = true;
    EXPECT_TRUE(written(format, conversation).thinking_open) << format.name();
    conversation.thinking = false;
    EXPECT_FALSE(written(format, conversation).thinking_open) << format.name();
  }
  conversation.variables["enable_thinking"] = true;  // a variable of the request is stronger
  EXPECT_TRUE(written(qwen, conversation).thinking_open);
  EXPECT_TRUE(written(*format_of("deepseek2", r1_tokens), conversation).thinking_open);
  EXPECT_FALSE(written(*format_of("deepseek2", v3_tokens), conversation).thinking_open);
  conversation.effort = "high";
  EXPECT_EQ(joined(written(qwen, conversation).pieces), "x|<think>\nhigh");
}

TEST(PromptFormat, OnlyTheFormatOpensThinking) {
  EXPECT_TRUE(ends_thinking({{"<|Assistant|><think>\n", Author::the_template}}));
  EXPECT_FALSE(ends_thinking({{"x", Author::the_template}, {"<think>", Author::the_request}}));
  EXPECT_FALSE(ends_thinking({{"<think>\n\n</think>\n\n", Author::the_template}}));
  EXPECT_FALSE(ends_thinking({{"<think><｜action｜>", Author::the_template}}));
  EXPECT_FALSE(ends_thinking({}));
}

}  // namespace
}  // namespace freehold
