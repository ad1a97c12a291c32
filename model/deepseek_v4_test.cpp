// DeepSeek-V4: checkpoints that lie are named errors; both spellings load; a cache goes back as far as it reaches.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "files/safetensors_fixture.h"
#include "model/model.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

class DeepseekV4 : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / fmt::format("freehold_v4_{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    start_from("deepseek_v4_fp4");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void start_from(const std::string& golden) {
    const fs::path from = fs::path("tests/golden/models") / golden;
    std::ifstream in(from / "config.json");
    config_ = Json::parse(in);
    tensors_ = StoredTensors::read(from / "model.safetensors");
  }
  Result<std::unique_ptr<Model>> load(NumericMode mode = NumericMode::exact()) {
    std::ofstream(folder_ / "config.json") << config_.dump();
    tensors_.write(folder_ / "model.safetensors");
    TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(folder_));
    LoadOptions options{mode, {}};
    options.predict = predict_;
    return load_model(checkpoint, options, pool_);
  }
  void refused(Fault fault, std::string_view word) {
    const auto model = load();
    ASSERT_FALSE(model) << "expected: " << word;
    EXPECT_EQ(name_of(model.error().fault), name_of(fault)) << model.error().what;
    EXPECT_NE(model.error().what.find(word), std::string::npos) << model.error().what;
  }
  // One lie about the configuration, told and taken back.
  void lie(std::string_view key, const Json& value, Fault fault, std::string_view word) {
    const Json kept = config_;
    config_[std::string(key)] = value;
    refused(fault, word);
    config_ = kept;
  }

  static std::vector<float> logits(const Model& model, std::span<const Token> tokens, int start, KvCache* cache) {
    Pool pool(1);
    Arena arena;
    Context context{best_kernels(), pool, arena, model.mode().arithmetic, nullptr};
    Batch batch{{{.tokens = tokens, .start = start, .cache = cache}}};
    Pass pass(context, batch, model.facts().layers);
    const Tensor result = model.forward(pass);
    return {result.all().begin(), result.all().end()};
  }

  fs::path folder_;
  Json config_;
  StoredTensors tensors_;
  bool predict_ = false;
  Pool pool_{1};
};

TEST_F(DeepseekV4, TheGoldensLoad) {
  ASSERT_TRUE(load());
  start_from("deepseek_v4");
  ASSERT_TRUE(load());
}

TEST_F(DeepseekV4, RatiosThatContradict) {
  lie("compress_ratios", {0, 4, 128}, Fault::inconsistent, "compress_ratios");
  lie("compress_ratios", {0, 4, 64, 4}, Fault::unsupported, "64");
  lie("compress_ratios", {0, 4, "128", 4}, Fault::unsupported, "layer 2");
  lie("compress_ratios", 4, Fault::inconsistent, "compress_ratios");
  lie("compress_ratios", {0, 0, 128, 4}, Fault::unsupported, "layers.1.attn.");  // an indexer nobody asked for
  lie("compress_ratios", {4, 4, 128, 4}, Fault::inconsistent, "layers.0.attn.compressor");
  lie("layer_types", {"sliding_attention", "sliding_attention", "heavily_compressed_attention", "sliding_attention"},
      Fault::inconsistent, "contradict");
  lie("layer_types", {"full_attention", "a", "b", "c"}, Fault::unsupported, "full_attention");
  config_.erase("compress_ratios");
  refused(Fault::malformed, "compress_ratios");
}

TEST_F(DeepseekV4, NumbersThatContradict) {
  lie("o_groups", 3, Fault::inconsistent, "3 output groups");
  lie("num_key_value_heads", 2, Fault::unsupported, "2 key heads");
  lie("qk_rope_head_dim", 7, Fault::inconsistent, "even");
  lie("qk_rope_head_dim", 30, Fault::inconsistent, "30 rotated");
  lie("hc_mult", 17, Fault::malformed, "hc_mult");
  lie("hc_mult", 3, Fault::inconsistent, "hc_attn_fn");
  lie("hc_sinkhorn_iters", 0, Fault::malformed, "hc_sinkhorn_iters");
  lie("sliding_window", 0, Fault::malformed, "sliding_window");
  lie("compress_rope_theta", 0.5, Fault::malformed, "rotary base");
  lie("swiglu_limit", -1, Fault::malformed, "swiglu_limit");
  lie("scoring_func", "tanh", Fault::unsupported, "tanh");
  lie("num_hash_layers", 3, Fault::malformed, "tid2eid");
  lie("num_hash_layers", 1, Fault::malformed, "layers.1.ffn.gate.bias");
  lie("mlp_layer_types", {"moe", "moe", "moe", "moe"}, Fault::inconsistent, "contradict");
  lie("num_nextn_predict_layers", 0, Fault::unsupported, "mtp.0.");
  lie("hidden_act", "gelu", Fault::unsupported, "gelu");
}

TEST_F(DeepseekV4, TablesOfExperts) {
  char* table = tensors_.at("layers.0.ffn.gate.tid2eid");
  const auto set = [&](int64_t value) { std::memcpy(table, &value, sizeof value); };
  int64_t first, second;
  std::memcpy(&first, table, sizeof first);
  std::memcpy(&second, table + 8, sizeof second);
  for (const int64_t id : {int64_t{6}, int64_t{-1}, INT64_MAX}) {
    set(id);
    refused(Fault::malformed, "token 0");
  }
  set(second);
  refused(Fault::malformed, "twice");
  set(first);
  tensors_.header["layers.0.ffn.gate.tid2eid"]["dtype"] = "F64";
  refused(Fault::unsupported, "F64");
  tensors_.header["layers.0.ffn.gate.tid2eid"]["dtype"] = "I64";
  tensors_.header["layers.0.ffn.gate.tid2eid"]["shape"] = {132, 4};
  refused(Fault::inconsistent, "tid2eid");
}

TEST_F(DeepseekV4, ScalesThatAreMissingOrDoNotFit) {
  tensors_.rename("layers.0.attn.wkv.scale", "layers.0.attn.wkv.scales");
  refused(Fault::inconsistent, "layers.0.attn.wkv.weight");
  start_from("deepseek_v4_fp4");
  tensors_.rename("layers.1.ffn.experts.2.w1.scale", "elsewhere");
  refused(Fault::inconsistent, "layers.1.ffn.experts.2.w1.weight");
  start_from("deepseek_v4_fp4");
  tensors_.header["layers.1.ffn.experts.2.w1.scale"]["shape"] = {64, 1};
  refused(Fault::inconsistent, "[32, 2]");
  start_from("deepseek_v4_fp4");
  tensors_.header["layers.1.ffn.experts.2.w1.scale"]["dtype"] = "U8";
  refused(Fault::unsupported, "F8_E8M0");
}

TEST_F(DeepseekV4, TheBlockThatPredicts) {
  lie("compress_ratios", {0, 4, 128, 4, 4}, Fault::unsupported, "block that predicts");
  const auto without = load();
  ASSERT_TRUE(without) << without.error().what;
  EXPECT_EQ((*without)->state_numbers(), 0);
  predict_ = true;
  const auto with = load();
  ASSERT_TRUE(with) << with.error().what;
  EXPECT_EQ((*with)->state_numbers(), 4 * 64);
  const std::vector<Token> tokens{0, 5, 9, 200, 17, 33};
  EXPECT_EQ(logits(**with, tokens, 0, nullptr), logits(**without, tokens, 0, nullptr));
  std::set<std::string, std::less<>> names;
  (*with)->each_linear([&](std::string_view name, Linear&) { names.emplace(name); });
  (*with)->each_tensor([&](std::string_view name, Tensor&) { names.emplace(name); });
  for (const auto& [name, unused] : tensors_.header.items())
    EXPECT_TRUE(!name.starts_with("mtp.") || name.ends_with(".scale") || name.ends_with("gate.bias") ||
                names.contains(name))
        << name;
  for (const char* name : {"mtp.0.enorm.weight", "mtp.0.norm.weight", "mtp.0.hc_head_fn", "mtp.0.attn_norm.weight",
                           "mtp.0.ffn.gate.bias"}) {
    tensors_.rename(name, "mtp.0.elsewhere");
    refused(Fault::malformed, name);
    tensors_.rename("mtp.0.elsewhere", name);
  }
  tensors_.header["mtp.0.enorm.weight"]["shape"] = {32, 2};
  refused(Fault::inconsistent, "mtp.0.enorm.weight");
  start_from("deepseek_v4");
  refused(Fault::unsupported, "token after next");
}

// The layer that predicts goes back by one position more, and may lag behind.
TEST_F(DeepseekV4, ThePredictingLayerGoesBackToo) {
  predict_ = true;
  const auto model = load({Arithmetic::int8, KvType::f16});
  ASSERT_TRUE(model) << model.error().what;
  const auto cache = (*model)->make_cache(200);
  std::vector<Token> tokens;
  for (int i = 0; i < 200; ++i) tokens.push_back((i * 37 + 11) % 264);
  Pool pool(1);
  Arena arena;
  Context context{best_kernels(), pool, arena, (*model)->mode().arithmetic, nullptr};
  const auto batch = [&](int from, int count) {
    return Batch{{{.tokens = std::span<const Token>(tokens).subspan(static_cast<size_t>(from), static_cast<size_t>(count)),
                   .cache = cache.get()}}};
  };
  const Batch here = batch(0, 150), next = batch(1, 150);
  Pass pass(context, here, (*model)->facts().layers), predicting(context, next, (*model)->facts().layers + 1);
  pass.keep_states();
  (*model)->forward(pass);
  EXPECT_TRUE(cache->can_continue(150 - rewind_positions));  // nothing is predicted yet
  (*model)->predict(predicting, pass.states());
  EXPECT_TRUE(cache->can_continue(150 - rewind_positions + 1));
  EXPECT_FALSE(cache->can_continue(150 - rewind_positions));
}

// As transformers 5.23 saves it.
TEST_F(DeepseekV4, SavedNames) {
  start_from("deepseek_v4");
  const auto first = load();
  ASSERT_TRUE(first) << first.error().what;
  const std::vector<Token> tokens{0, 5, 9, 200, 17, 33};
  const auto expected = logits(**first, tokens, 0, nullptr);

  std::vector<std::string> names;
  for (const auto& [name, unused] : tensors_.header.items()) names.push_back(name);
  for (const std::string& name : names) {
    if (name == "__metadata__" || name == "head.weight") continue;
    std::string saved = "model." + name;
    if (const size_t at = saved.find(".attn.kv_norm."); at != std::string::npos)
      saved.replace(at, std::string_view(".attn.kv_norm.").size(), ".attn.norm.");
    tensors_.rename(name, saved);
  }
  tensors_.rename("head.weight", "lm_head.weight");
  tensors_.rename("model.hc_head_fn", "model.hc_head.hc_fn");
  config_["rope_parameters"] = {
      {"main", {{"rope_type", "default"}, {"rope_theta", 10000.0}, {"partial_rotary_factor", 0.25}}},
      {"compress", config_["rope_scaling"]}};
  config_["rope_parameters"]["compress"]["rope_theta"] = 160000.0;
  for (const char* key : {"rope_scaling", "rope_theta", "compress_rope_theta", "qk_rope_head_dim"}) config_.erase(key);
  const auto again = load();
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(logits(**again, tokens, 0, nullptr), expected);
}

TEST_F(DeepseekV4, GoesBackAsFarAsItsCacheReaches) {
  const auto model = load({Arithmetic::int8, KvType::f16});
  ASSERT_TRUE(model) << model.error().what;
  std::vector<Token> tokens;
  for (int i = 0; i < 200; ++i) tokens.push_back((i * 37 + 11) % 264);
  const std::span<const Token> all(tokens);
  const auto cache = (*model)->make_cache(200);
  logits(**model, all.first(150), 0, cache.get());
  EXPECT_TRUE(cache->can_continue(150));
  EXPECT_TRUE(cache->can_continue(150 - rewind_positions));
  EXPECT_FALSE(cache->can_continue(150 - rewind_positions - 1));
  EXPECT_TRUE(cache->can_continue(0));
  EXPECT_FALSE(cache->can_continue(151));

  for (const int back : {1, 7, 30, rewind_positions}) {  // other tokens from there on, as a rejected draft leaves them
    const int from = 150 - back;
    const auto again = (*model)->make_cache(200);
    logits(**model, all.first(150), 0, again.get());
    const std::vector<float> continued = logits(**model, all.subspan(160, 30), from, again.get());
    const auto fresh = (*model)->make_cache(200);
    logits(**model, all.first(static_cast<size_t>(from)), 0, fresh.get());
    EXPECT_EQ(continued, logits(**model, all.subspan(160, 30), from, fresh.get())) << "back by " << back;
  }
  logits(**model, all.first(20), 0, cache.get());  // starting over forgets the rest
  EXPECT_FALSE(cache->can_continue(21));
  const auto fresh = (*model)->make_cache(200);
  logits(**model, all.first(20), 0, fresh.get());
  EXPECT_EQ(logits(**model, all.subspan(50, 90), 20, cache.get()),
            logits(**model, all.subspan(50, 90), 20, fresh.get()));
}

}  // namespace
}  // namespace freehold
