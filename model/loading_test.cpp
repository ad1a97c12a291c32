// Checkpoints that lie about themselves: each lie is a named error while loading, never a crash in the pass.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/model.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

// A copy of a golden checkpoint whose configuration can be changed.
class Loading : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / fmt::format("freehold_loading_{}", ::getpid());
    copy_from("qwen2_untied");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void copy_from(const std::string& golden) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    for (const auto& file : fs::directory_iterator(fs::path("tests/golden/models") / golden))
      fs::copy_file(file, folder_ / file.path().filename());
    std::ifstream in(folder_ / "config.json");
    config_ = Json::parse(in);
  }
  Result<std::unique_ptr<Model>> load() {
    std::ofstream(folder_ / "config.json") << config_.dump();
    TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(folder_));
    return load_model(checkpoint, {NumericMode::exact(), {}}, pool_);
  }
  void refused(Fault fault, std::string_view word) {
    const auto model = load();
    ASSERT_FALSE(model) << config_.dump();
    EXPECT_EQ(name_of(model.error().fault), name_of(fault)) << model.error().what;
    EXPECT_NE(model.error().what.find(word), std::string::npos) << model.error().what;
  }

  // Names in the header and the index of the files change in place: they keep their length.
  void rename(const std::string& from, const std::string& to) {
    for (const auto& file : fs::directory_iterator(folder_)) {
      if (file.path().filename() == "config.json") continue;
      std::ifstream in(file.path(), std::ios::binary);
      std::string bytes((std::istreambuf_iterator<char>(in)), {});
      for (size_t at = 0; (at = bytes.find(from, at)) != std::string::npos;) bytes.replace(at, from.size(), to);
      std::ofstream(file.path(), std::ios::binary) << bytes;
    }
  }

  fs::path folder_;
  Json config_;
  Pool pool_{1};
};

TEST_F(Loading, TheGoldenItselfLoads) { ASSERT_TRUE(load()); }

TEST_F(Loading, MissingKeys) {
  for (const char* key : {"num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads",
                          "rms_norm_eps", "max_position_embeddings"}) {
    const Json kept = config_;
    config_.erase(key);
    refused(Fault::malformed, key);
    config_ = kept;
  }
}

TEST_F(Loading, NumbersOutOfRange) {
  for (const char* key : {"num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads",
                          "num_key_value_heads", "vocab_size"})
    for (const Json& value : {Json(0), Json(-1), Json(int64_t{1} << 40), Json(18446744073709551615u), Json("3"),
                              Json(2.5), Json::array()}) {
      const Json kept = config_;
      config_[key] = value;
      refused(Fault::malformed, key);
      config_ = kept;
    }
  for (const Json& value : {Json(0), Json(-1e-6), Json("x")}) {
    config_["rms_norm_eps"] = value;
    refused(Fault::malformed, "rms_norm_eps");
  }
}

TEST_F(Loading, ContradictingNumbers) {
  const Json kept = config_;
  config_["num_key_value_heads"] = 3;
  refused(Fault::inconsistent, "3 key heads");
  config_ = kept;
  config_["head_dim"] = 15;
  refused(Fault::inconsistent, "odd");
  config_ = kept;
  config_["num_hidden_layers"] = 2;  // the third layer's tensors are left over
  refused(Fault::unsupported, "model.layers.2.");
  config_ = kept;
  config_["num_hidden_layers"] = 4;
  refused(Fault::malformed, "model.layers.3.");
  config_ = kept;
  config_["hidden_size"] = 128;
  refused(Fault::inconsistent, "[");
  config_ = kept;
  config_["vocab_size"] = 1000;
  refused(Fault::inconsistent, "vocab_size");
}

TEST_F(Loading, OtherMathematicsIsRefused) {
  const Json kept = config_;
  config_["model_type"] = "gpt_neox";
  refused(Fault::unsupported, "gpt_neox");
  config_ = kept;
  config_["hidden_act"] = "gelu";
  refused(Fault::unsupported, "gelu");
  config_ = kept;
  config_["use_sliding_window"] = true;
  refused(Fault::unsupported, "use_sliding_window");
  config_ = kept;
  config_["rope_scaling"] = {{"rope_type", "longrope"}, {"factor", 2.0}};
  refused(Fault::unsupported, "longrope");
  config_["rope_scaling"] = {{"rope_type", "linear"}};
  refused(Fault::malformed, "factor");
  config_["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 0}};
  refused(Fault::malformed, "factor");
  config_ = kept;
  config_["rope_theta"] = 1;
  refused(Fault::malformed, "rotary base");
}

TEST_F(Loading, BiasesMustFitTheConfiguration) {
  config_["model_type"] = "llama";  // llama without attention_bias has none
  refused(Fault::inconsistent, "bias");
  copy_from("llama_tied");
  config_["attention_bias"] = true;
  refused(Fault::inconsistent, "bias");
}

TEST_F(Loading, LatentAttentionSizes) {
  copy_from("deepseek_v3_yarn");
  ASSERT_TRUE(load());
  for (const char* key : {"kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"}) {
    const Json kept = config_;
    config_.erase(key);
    refused(Fault::malformed, key);
    for (const Json& value : {Json(0), Json(-8), Json("8"), Json(int64_t{1} << 40)}) {
      config_[key] = value;
      refused(Fault::malformed, key);
    }
    config_[key] = kept.at(key).get<int>() + 2;  // contradicts the stored matrices
    refused(Fault::inconsistent, "model.layers.0.self_attn.");
    config_ = kept;
  }
  const Json kept = config_;
  config_["qk_rope_head_dim"] = 7;
  refused(Fault::inconsistent, "pairs");
  config_ = kept;
  config_["q_lora_rank"] = nullptr;  // then one matrix makes the queries, and it is not there
  refused(Fault::inconsistent, "q_proj");
  config_ = kept;
  config_["num_key_value_heads"] = 1;
  refused(Fault::inconsistent, "1 key heads beside 4");
}

TEST_F(Loading, LatentAttentionVariants) {
  copy_from("deepseek_v3_yarn");
  const Json kept = config_;
  config_["attention_bias"] = true;
  refused(Fault::unsupported, "attention_bias");
  config_ = kept;
  config_["rope_interleave"] = false;
  refused(Fault::unsupported, "rope_interleave");
  config_ = kept;
  config_["rope_scaling"]["type"] = "longrope";
  refused(Fault::unsupported, "longrope");
  config_["rope_scaling"] = 3;
  refused(Fault::malformed, "rope_scaling");
  config_ = kept;
}

TEST_F(Loading, Fp8ScalesMustFit) {
  copy_from("deepseek_v3_fp8");
  ASSERT_TRUE(load());
  const Json kept = config_;
  config_["quantization_config"]["weight_block_size"] = {64, 64};
  refused(Fault::unsupported, "128 x 128");
  config_ = kept;
  config_["quantization_config"]["quant_method"] = "gptq";
  refused(Fault::unsupported, "gptq");
  config_ = kept;
  rename("layers.0.self_attn.kv_b_proj.weight_scale_inv", "layers.0.self_attn.kv_b_proj.weight_scale_xyz");
  refused(Fault::inconsistent, "scales are missing");
  copy_from("deepseek_v3_fp8");
  rename("kv_b_proj.weight_scale_inv\":{\"dtype\":\"F32\",\"shape\":[2,2]",
         "kv_b_proj.weight_scale_inv\":{\"dtype\":\"F32\",\"shape\":[4,1]");
  refused(Fault::inconsistent, "scale");
}

TEST_F(Loading, IndexerOfSparseAttention) {
  copy_from("deepseek_v32");
  ASSERT_TRUE(load());
  for (const char* key : {"index_n_heads", "index_head_dim", "index_topk"}) {
    const Json kept = config_;
    config_.erase(key);
    refused(Fault::malformed, key);
    for (const Json& value : {Json(0), Json(-8), Json("8"), Json(1.5), Json(int64_t{1} << 40)}) {
      config_[key] = value;
      refused(Fault::malformed, key);
    }
    config_ = kept;
  }
  const Json kept = config_;
  config_["index_n_heads"] = 4;  // contradicts the stored matrices
  refused(Fault::inconsistent, "indexer.wq_b");
  config_ = kept;
  config_["index_head_dim"] = 32;
  refused(Fault::inconsistent, "indexer.wq_b");
  config_["index_n_heads"] = 4;  // as many rows of wq_b as before
  refused(Fault::inconsistent, "indexer.wk");
  config_ = kept;
  config_["index_head_dim"] = 6;
  refused(Fault::inconsistent, "8 of them to be rotated");
  config_ = kept;
  config_["q_lora_rank"] = nullptr;
  refused(Fault::inconsistent, "q_lora_rank");
  config_ = kept;
  config_["model_type"] = "deepseek_v3";  // which has no indexer
  refused(Fault::unsupported, "indexer");
  config_ = kept;
  config_["index_topk"] = 100'000;  // more than there are: everything is read
  EXPECT_TRUE(load());
  config_ = kept;
  for (const char* name : {"wq_b.weight", "wk.weight", "k_norm.weight", "k_norm.bias", "weights_proj.weight"}) {
    const std::string stored = fmt::format("layers.1.self_attn.indexer.{}", name);
    rename(stored, fmt::format("layers.1.self_attn.indexed.{}", name));
    refused(std::string_view(name).starts_with("k_norm") ? Fault::malformed : Fault::inconsistent, stored);
    copy_from("deepseek_v32");
  }
}

TEST_F(Loading, ExpertsOfTheFirstKind) {
  copy_from("deepseek_moe");
  ASSERT_TRUE(load());
  for (const char* key : {"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"}) {
    const Json kept = config_;
    config_.erase(key);
    refused(Fault::malformed, key);
    for (const Json& value : {Json(0), Json(-1), Json("3"), Json(int64_t{1} << 40)}) {
      config_[key] = value;
      refused(Fault::malformed, key);
    }
    config_ = kept;
  }
  const Json kept = config_;
  const int experts = kept.at("n_routed_experts").get<int>(), shared = kept.at("n_shared_experts").get<int>();
  config_["num_experts_per_tok"] = experts + 1;
  refused(Fault::inconsistent, fmt::format("{} experts a token of {}", experts + 1, experts));
  config_ = kept;
  for (const int other : {experts - 1, experts + 1}) {
    config_["n_routed_experts"] = other;
    refused(Fault::inconsistent, "mlp.gate.weight");
  }
  config_ = kept;
  config_["moe_intermediate_size"] = kept.at("moe_intermediate_size").get<int>() + 8;
  refused(Fault::inconsistent, "mlp.experts.0.gate_proj");
  config_ = kept;
  config_["n_shared_experts"] = shared + 1;
  refused(Fault::inconsistent, "mlp.shared_experts.gate_proj");
  config_["n_shared_experts"] = 0;
  refused(Fault::unsupported, "mlp.shared_experts.");
  config_ = kept;
  config_["first_k_dense_replace"] = 0;  // the first layer has no experts
  refused(Fault::inconsistent, "model.layers.0.mlp.gate.weight");
  config_["first_k_dense_replace"] = 2;  // and the second no other MLP
  refused(Fault::inconsistent, "model.layers.1.mlp.gate_proj");
  config_["first_k_dense_replace"] = 100;
  refused(Fault::malformed, "first_k_dense_replace");
  config_ = kept;
  config_["scoring_func"] = "tanh";
  refused(Fault::unsupported, "tanh");
  config_ = kept;
  rename("layers.1.mlp.experts.2.up_proj", "layers.1.mlp.experts.2.xp_proj");
  refused(Fault::inconsistent, "layers.1.mlp.experts.2.up_proj");
}

TEST_F(Loading, BothSpellingsOfRotaryParameters) {
  config_.erase("rope_theta");
  config_.erase("rope_scaling");
  config_["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 10000.0}};
  EXPECT_TRUE(load());
}

}  // namespace
}  // namespace freehold
