// Sessions over a cache that cannot go back everywhere: a short way back is kept, a long one starts over, and the
// answers are those of a session that never went elsewhere.
#include <gtest/gtest.h>

#include "files/checkpoint.h"
#include "run/session.h"

namespace freehold {
namespace {

TEST(WindowSession, KeepsWhatItCanAndStartsOverElse) {
  Pool pool(1);
  const auto checkpoint = Checkpoint::open("tests/golden/models/deepseek_v4");
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  const auto model = load_model(*checkpoint, {NumericMode{}, {}}, pool);
  ASSERT_TRUE(model) << model.error().what;
  Engine engine(**model, best_kernels(), pool);

  std::vector<Token> tokens;
  for (int i = 0; i < 120; ++i) tokens.push_back((i * 53 + 7) % 264);
  const auto fresh = [&](std::span<const Token> prefix) {
    auto session = Session::make(engine, {.positions = 256});
    EXPECT_TRUE(session && session->sync(prefix));
    return std::vector<float>(session->logits().begin(), session->logits().end());
  };
  auto session = Session::make(engine, {.positions = 256});
  ASSERT_TRUE(session) << session.error().what;
  for (const int common : {100, 30}) {
    ASSERT_TRUE(session->sync(tokens));
    std::vector<Token> other(tokens.begin(), tokens.begin() + common);
    for (int i = 0; i < 5; ++i) other.push_back(200 + i);
    ASSERT_TRUE(session->sync(other));
    EXPECT_EQ(session->reused(), common == 100 ? 100 : 0);
    EXPECT_EQ(std::vector<float>(session->logits().begin(), session->logits().end()), fresh(other));
  }
  ASSERT_TRUE(session->sync(tokens));
  const auto far = session->rewind(20);
  ASSERT_FALSE(far);
  EXPECT_NE(far.error().what.find("20"), std::string::npos) << far.error().what;
  EXPECT_EQ(session->position(), 120);
  ASSERT_TRUE(session->rewind(110));
  ASSERT_TRUE(session->sync(tokens));
  EXPECT_EQ(session->reused(), 110);

  const auto saved = session->save("never_written.state");  // not yet: nothing is written
  ASSERT_FALSE(saved);
  EXPECT_EQ(name_of(saved.error().fault), name_of(Fault::unsupported));
}

}  // namespace
}  // namespace freehold
