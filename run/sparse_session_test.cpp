// Sessions of a model whose cache also keeps index keys (DeepSeek-V3.2): saved, copied and rewound they go on as if
// nothing had happened.
#include <gtest/gtest.h>

#include <filesystem>

#include "files/checkpoint.h"
#include "run/session.h"

namespace freehold {
namespace {

class SparseSession : public ::testing::TestWithParam<NumericMode> {};

TEST_P(SparseSession, GoesOnWhereverItCameFrom) {
  Pool pool(1);
  const auto checkpoint = Checkpoint::open("tests/golden/models/deepseek_v32");
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  const auto model = load_model(*checkpoint, {GetParam(), {}}, pool);
  ASSERT_TRUE(model) << model.error().what;
  Engine engine(**model, best_kernels(), pool);
  std::vector<Token> tokens;
  for (int i = 0; i < 120; ++i) tokens.push_back((i * 53 + 7) % 256);
  const std::span<const Token> all(tokens), prefix = all.first(90);
  const auto made = [&] {
    auto session = Session::make(engine, {.positions = 256});
    EXPECT_TRUE(session) << session.error().what;
    return std::move(*session);
  };
  const auto finished = [&](Session& session) {
    EXPECT_TRUE(session.sync(all));
    return std::vector<float>(session.logits().begin(), session.logits().end());
  };
  auto fresh = made();
  const auto expected = finished(fresh);

  auto session = made();
  ASSERT_TRUE(session.sync(prefix));
  const auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("freehold_sparse_{}.state", ::getpid());
  ASSERT_TRUE(session.save(path));
  auto restored = made();
  const auto done = restored.restore(path);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(restored.position(), 90);
  EXPECT_EQ(finished(restored), expected);
  std::filesystem::remove(path);

  auto copied = made();
  ASSERT_TRUE(copied.copy_prefix(session, 70));
  EXPECT_EQ(finished(copied), expected);

  ASSERT_TRUE(session.rewind(33));
  std::vector<Token> other(tokens.begin(), tokens.begin() + 33);
  for (int i = 0; i < 40; ++i) other.push_back(i);
  ASSERT_TRUE(session.sync(other));
  EXPECT_EQ(finished(session), expected);
}

INSTANTIATE_TEST_SUITE_P(Cache, SparseSession,
                         ::testing::Values(NumericMode{}, NumericMode{Arithmetic::int8, KvType::q8},
                                           NumericMode{Arithmetic::exact, KvType::f32, MlaForm::expanded}),
                         [](const auto& mode) { return std::string(name_of(mode.param.kv)); });

}  // namespace
}  // namespace freehold
