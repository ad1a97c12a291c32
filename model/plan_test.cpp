// A plan from a configuration alone must say what loading the model finds.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "model/model.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;
const fs::path goldens = "tests/golden/models";

TEST(Plan, FromTheConfigurationAloneAsFromTheWeights) {
  Pool pool(1);
  int models = 0;
  for (const auto& entry : fs::directory_iterator(goldens)) {
    SCOPED_TRACE(entry.path());
    const auto config = Checkpoint::open_config(entry.path() / "config.json");
    ASSERT_TRUE(config) << config.error().what;
    const auto planned = plan_model(*config, NumericMode());
    ASSERT_TRUE(planned) << planned.error().what;
    const auto files = Checkpoint::open(entry.path());
    ASSERT_TRUE(files);
    const auto header = plan_model(*files, NumericMode());
    ASSERT_TRUE(header) << header.error().what;
    const auto model = load_model(*files, {NumericMode(), {}}, pool);
    ASSERT_TRUE(model);
    const ModelFacts& loaded = (*model)->facts();
    for (const ModelFacts* facts : {&*planned, &*header}) {
      EXPECT_EQ(facts->parameters, loaded.parameters);
      EXPECT_EQ(facts->active_parameters, loaded.active_parameters);
      EXPECT_EQ(facts->cache_bytes_per_position, loaded.cache_bytes_per_position);
      EXPECT_EQ(facts->tied, loaded.tied);
    }
    ++models;
  }
  EXPECT_GE(models, 6);
}

// Qwen2.5-Coder-1.5B: 1.54 billion parameters, of which its embedding, used as head too, is 0.23.
TEST(Plan, OfAReleasedConfiguration) {
  const fs::path path = fs::path(::testing::TempDir()) / "freehold_plan_config.json";
  std::ofstream(path) << R"({"model_type": "qwen2", "vocab_size": 151936, "hidden_size": 1536, "num_hidden_layers": 28,
    "intermediate_size": 8960, "num_attention_heads": 12, "num_key_value_heads": 2, "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0, "max_position_embeddings": 32768, "tie_word_embeddings": true})";
  const auto config = Checkpoint::open_config(path);
  ASSERT_TRUE(config);
  const auto facts = plan_model(*config, NumericMode());
  ASSERT_TRUE(facts) << facts.error().what;
  EXPECT_EQ(facts->parameters, 1'543'714'304u);
  EXPECT_EQ(facts->active_parameters, facts->parameters);
  EXPECT_EQ(facts->cache_bytes_per_position, 28u * 2 * 2 * 128 * 2);
}

// DeepSeek-V3.2: V3's 671 billion parameters, the indexer beside them, and its keys in the cache.
TEST(Plan, OfSparseAttention) {
  const auto config = Checkpoint::open_config("models/configs/deepseek-v3.2.json");
  ASSERT_TRUE(config) << config.error().what;
  const auto facts = plan_model(*config, NumericMode());
  ASSERT_TRUE(facts) << facts.error().what;
  const auto v3_config = Checkpoint::open_config("models/configs/deepseek-v3.json");
  ASSERT_TRUE(v3_config);
  const auto v3 = plan_model(*v3_config, NumericMode());
  ASSERT_TRUE(v3);
  const uint64_t indexer = 61u * (64u * 128 * 1536 + 128u * 7168 + 64u * 7168 + 2 * 128);
  EXPECT_EQ(facts->parameters, v3->parameters + indexer);
  EXPECT_EQ(facts->active_parameters, v3->active_parameters + indexer);
  EXPECT_EQ(facts->cache_bytes_per_position, 61u * (512 + 64 + 128) * 2);
  EXPECT_EQ(facts->index_bytes_per_position, 61u * 128 * 2);
  EXPECT_EQ(facts->positions_read, 2048);
  EXPECT_EQ(v3->positions_read, 0);
}

}  // namespace
}  // namespace freehold
