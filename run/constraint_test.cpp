#include "run/constraint.h"

#include <gtest/gtest.h>

#include "run/byte_tokenizer.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/regex_grammar.h"

namespace freehold {
namespace {

class ConstraintTest : public ::testing::Test {
 protected:
  static constexpr Token end_think_token = think_token + 1;
  Constraint constraint(std::string_view pattern, bool thinking_open = false, bool may_think = false,
                        std::string mark = {}) {
    auto grammar = CompiledGrammar::make(*regex_grammar(pattern), tree_);
    EXPECT_TRUE(grammar) << grammar.error().what;
    return {tokenizer_, {*grammar, may_think, std::move(mark)}, thinking_open};
  }
  // What is allowed: "*" for all, else the tokens as text; a control token as '$'.
  std::string allowed(Constraint& constraint, int left = any_number_left) {
    auto mask = constraint.mask(left);
    EXPECT_TRUE(mask) << mask.error().what;
    if (!*mask) return "*";
    std::string text;
    (*mask)->each([&](Token token) { text += token == end_token ? "$" : std::string(tokenizer_.bytes_of(token)); });
    return text;
  }
  void take(Constraint& constraint, std::string_view text) {
    for (const char c : text) ASSERT_TRUE(constraint.take(static_cast<unsigned char>(c)));
  }
  const Tokenizer tokenizer_ = byte_tokenizer();
  const std::shared_ptr<const VocabularyTree> tree_ =
      std::make_shared<const VocabularyTree>(tokenizer_, tokenizer_.size(), ToolSyntax::none);
};

TEST_F(ConstraintTest, holds_from_the_first_token) {
  Constraint one = constraint("a[xy]?b?");
  EXPECT_EQ(allowed(one), "a");
  take(one, "a");
  EXPECT_EQ(allowed(one), "bxy$");
  EXPECT_FALSE(one.finished());
  take(one, "yb");
  EXPECT_TRUE(one.finished());
  EXPECT_EQ(allowed(one), "$");
}

TEST_F(ConstraintTest, thinking_is_free) {
  Constraint one = constraint("[0-1]", true);
  EXPECT_EQ(allowed(one), "*");
  take(one, "so 7 it is");
  ASSERT_TRUE(one.take(end_token + 0));  // a control token that is no text
  EXPECT_EQ(allowed(one), "*");
  ASSERT_TRUE(one.take(end_think_token));
  EXPECT_EQ(allowed(one), "\n01");  // models write a line end here
  take(one, "\n\n");
  EXPECT_EQ(allowed(one), "01");
  take(one, "1");
  EXPECT_TRUE(one.finished());
}

TEST_F(ConstraintTest, the_end_of_thinking_in_pieces) {
  Constraint one = constraint("[0-1]+", true);
  take(one, "hm</think>\n\n0");
  EXPECT_EQ(allowed(one), "01$");
  EXPECT_FALSE(one.take('7'));
}

TEST_F(ConstraintTest, the_answer_is_whole_in_time) {
  Constraint one = constraint("[0-1]{2,9}x", true);
  EXPECT_EQ(allowed(one), "*");
  ASSERT_TRUE(one.take(end_think_token));
  EXPECT_EQ(allowed(one, 5), "\n01");  // room for both line ends
  take(one, "\n\n0");
  EXPECT_EQ(allowed(one, 3), "01");
  EXPECT_EQ(allowed(one, 2), "01");
  take(one, "1");
  EXPECT_EQ(allowed(one, 2), "01x");
  EXPECT_EQ(allowed(one, 1), "x");
  EXPECT_FALSE(one.whole());
  take(one, "x");
  EXPECT_TRUE(one.whole());
}

TEST_F(ConstraintTest, a_model_may_begin_to_think) {
  Constraint one = constraint("ab", false, true), other = constraint("ab", false, true);
  EXPECT_EQ(allowed(one), "a<think>");
  ASSERT_TRUE(one.take(think_token));
  EXPECT_EQ(allowed(one), "*");
  ASSERT_TRUE(one.take(end_think_token));
  take(one, "ab");
  EXPECT_TRUE(one.finished());
  take(other, "a");
  EXPECT_EQ(allowed(other), "b");
}

TEST_F(ConstraintTest, text_is_free_up_to_a_mark) {
  Constraint one = constraint("\\d\\]", false, false, "call[");
  EXPECT_EQ(allowed(one), "*");
  take(one, "I cal");
  EXPECT_EQ(allowed(one), "*");
  take(one, "l[");
  EXPECT_EQ(allowed(one), "0123456789");
  take(one, "5");
  EXPECT_EQ(allowed(one), "]");
  take(one, "]");
  EXPECT_EQ(allowed(one), "*");
  EXPECT_FALSE(one.finished());
  take(one, "call[");
  EXPECT_EQ(allowed(one), "0123456789");
}

}  // namespace
}  // namespace freehold
