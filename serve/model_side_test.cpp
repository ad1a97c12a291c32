#include "serve/model_side.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "run/byte_tokenizer.h"
#include "serve/fields.h"

namespace freehold {
namespace {

struct Rendered : testing::Test {
  ModelFacts facts;
  Tokenizer tokenizer = byte_tokenizer();
  RenderedChat rendered(PromptFormat format, const char* kwargs) {
    const ModelSide side{.name = "m",
                         .facts = facts,
                         .tokenizer = tokenizer,
                         .format = std::move(format),
                         .context = 4096,
                         .fingerprint = "f"};
    const Json body = {{"messages", Json::array({{{"role", "user"}, {"content", "Hi"}}})},
                       {"chat_template_kwargs", Json::parse(kwargs)}};
    Fields fields(body);
    auto chat = render_request(side, fields);
    EXPECT_TRUE(chat) << chat.error().message;
    return chat ? std::move(*chat) : RenderedChat{};
  }
  RenderedChat by_template(const char* kwargs) {
    return rendered(
        *ChatTemplate::parse("{{ messages[0].content }}{% if enable_thinking is defined and enable_thinking %}"
                             "<think>{% endif %}{{ mood }}",
                             "test"),
        kwargs);
  }
};

using Names = std::vector<std::string>;

TEST_F(Rendered, FormatsWithoutATemplateKnowTheSwitchOfThinking) {
  for (const char* name : {"thinking", "enable_thinking"}) {
    const auto on = rendered(DeepseekFormat::v32, fmt::format(R"({{"{}":true}})", name).c_str());
    const auto off = rendered(DeepseekFormat::v32, fmt::format(R"({{"{}":false}})", name).c_str());
    EXPECT_TRUE(on.thinking_open && !off.thinking_open) << name;
    EXPECT_EQ(on.ignored, Names{});
    EXPECT_EQ(off.ignored, Names{});
  }
  EXPECT_EQ(rendered(DeepseekFormat::v32, R"({"mood":"good"})").ignored, Names{"chat_template_kwargs.mood"});
}

TEST_F(Rendered, WhatATemplateDoesNotReadIsNamed) {
  EXPECT_EQ(by_template("{}").text, "Hi");
  EXPECT_EQ(by_template(R"({"mood":"!"})").text, "Hi!");
  EXPECT_EQ(by_template(R"({"mood":"!"})").ignored, Names{});
  EXPECT_EQ(by_template(R"({"moods":"!","depth":3})").ignored,
            (Names{"chat_template_kwargs.moods", "chat_template_kwargs.depth"}));
  for (const char* name : {"thinking", "enable_thinking"}) {
    EXPECT_EQ(by_template(fmt::format(R"({{"{}":true}})", name).c_str()).text, "Hi<think>") << name;
    EXPECT_EQ(by_template(fmt::format(R"({{"{}":false}})", name).c_str()).text, "Hi") << name;
  }
  EXPECT_EQ(by_template(R"({"thinking":"yes"})").ignored, Names{});  // the word stands in the template: enable_thinking
  EXPECT_EQ(rendered(*ChatTemplate::parse("{{ messages[0].content }}", "plain"), R"({"thinking":true})").ignored,
            Names{"chat_template_kwargs.thinking"});
}

TEST_F(Rendered, ThinkingSwitchedOffLeavesNoRoomForItInAForm) {
  EXPECT_TRUE(by_template("{}").may_think);
  EXPECT_FALSE(by_template(R"({"enable_thinking":false})").may_think);
}

}  // namespace
}  // namespace freehold
