// Files of changes over the golden models: an adapter gives what a model with merged weights gives, steering what the
// same edits give, each session sees its own changes alone, and files that do not fit are refused.
#include "inspect/change_files.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/testing/temporary_folder.h"
#include "files/safetensors_fixture.h"
#include "files/testing/safetensors_writer.h"
#include "run/session.h"

namespace freehold {
namespace {

using testing::SafetensorsEntry;

std::string bytes_of(std::span<const float> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

struct Loaded {
  Checkpoint checkpoint;
  std::unique_ptr<Model> model;
};

struct ChangeFilesTest : ::testing::Test {
  testing::TemporaryFolder folder;
  Pool pool{2};
  Random random{11};

  static Path golden(const std::string& name) { return Path("tests/golden/models") / name; }
  Loaded load(const Path& path, bool exact = true) {
    Result<Checkpoint> checkpoint = Checkpoint::open(path);
    EXPECT_TRUE(checkpoint) << checkpoint.error().what;
    auto model = load_model(*checkpoint, {exact ? NumericMode::exact() : NumericMode(), {}}, pool);
    EXPECT_TRUE(model) << model.error().what;
    return {std::move(*checkpoint), std::move(*model)};
  }
  std::vector<float> numbers(size_t count, float deviation) {
    std::vector<float> all(count);
    for (float& number : all) number = deviation * random.normal();
    return all;
  }
  static std::vector<Token> tokens(int count, int seed = 7) {
    std::vector<Token> all;
    for (int i = 0; i < count; ++i) all.push_back((i * 53 + seed) % 250);
    return all;
  }
  std::vector<float> logits(Loaded& loaded, std::shared_ptr<const Changes> changes, int count = 24) {
    Engine engine(*loaded.model, best_kernels(), pool);
    Session session = std::move(*Session::make(engine, {.positions = 64, .changes = std::move(changes)}));
    EXPECT_TRUE(session.sync(tokens(count)));
    return {session.logits().begin(), session.logits().end()};
  }
  static double distance(std::span<const float> a, std::span<const float> b) {  // of the largest of a
    double most = 0, apart = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      most = std::max(most, std::abs(double{a[i]}));
      apart = std::max(apart, std::abs(double{a[i]} - double{b[i]}));
    }
    return apart / most;
  }
  static std::shared_ptr<const Changes> at(const ChangeFile& file, double factor) {
    const Strength one{&file, factor};
    auto changes = changes_of({&one, 1});
    EXPECT_TRUE(changes) << changes.error().what;
    return *changes;
  }

  // An adapter of rank 3 for these weights of a golden model, and the model with it merged.
  void write_adapter(const std::string& model, const std::vector<std::string>& weights, Json config, double factor) {
    config.update({{"peft_type", "LORA"}, {"r", 3}});
    folder.write("adapter/adapter_config.json", config.dump());
    StoredTensors merged = StoredTensors::read(golden(model) / "model.safetensors");
    std::vector<SafetensorsEntry> entries;
    for (const std::string& name : weights) {
      const uint64_t out = merged.header[name + ".weight"]["shape"][0],
                     in = merged.header[name + ".weight"]["shape"][1];
      const std::vector<float> a = numbers(3 * in, 0.3f), b = numbers(out * 3, 0.3f);
      entries.push_back({"base_model.model." + name + ".lora_A.weight", "F32", {3, in}, bytes_of(a)});
      entries.push_back({"base_model.model." + name + ".lora_B.weight", "F32", {out, 3}, bytes_of(b)});
      auto* w = reinterpret_cast<float*>(merged.at(name + ".weight"));
      for (size_t row = 0; row < out; ++row)
        for (size_t column = 0; column < in; ++column)
          for (size_t r = 0; r < 3; ++r)
            w[row * in + column] += static_cast<float>(factor) * b[row * 3 + r] * a[r * in + column];
    }
    folder.write("adapter/adapter_model.safetensors", testing::safetensors(entries));
    std::filesystem::create_directories(folder / "merged");
    std::filesystem::copy_file(golden(model) / "config.json", folder / "merged/config.json",
                               std::filesystem::copy_options::overwrite_existing);
    merged.write(folder / "merged/model.safetensors");
  }
  ChangeFile adapter_for(Loaded& loaded) {
    auto file = read_adapter("one", folder / "adapter", loaded.checkpoint, *loaded.model);
    EXPECT_TRUE(file) << file.error().what;
    return std::move(*file);
  }
};

TEST_F(ChangeFilesTest, AnAdapterEqualsItsMergedWeights) {
  struct Case {
    std::string model;
    std::vector<std::string> weights;
    Json config;
    double factor;
  };
  const std::string layer = "model.layers.1.", first = "model.layers.0.";
  for (const Case& one :
       {Case{"llama_tied",
             {layer + "self_attn.q_proj", layer + "self_attn.k_proj", layer + "self_attn.o_proj",
              first + "mlp.down_proj"},
             {{"lora_alpha", 6}},
             2},
        Case{"llama_tied", {first + "self_attn.v_proj"}, {{"lora_alpha", 3}, {"use_rslora", true}}, std::sqrt(3.0)},
        Case{"deepseek_v3",
             {first + "self_attn.q_b_proj", layer + "self_attn.kv_b_proj", first + "self_attn.kv_a_proj_with_mqa",
              first + "mlp.gate_proj"},
             {{"lora_alpha", 3}, {"bias", "none"}, {"lora_dropout", 0.05}},
             1}}) {
    SCOPED_TRACE(one.model + " " + one.config.dump());
    write_adapter(one.model, one.weights, one.config, one.factor);
    Loaded base = load(golden(one.model)), merged = load(folder / "merged");
    const ChangeFile file = adapter_for(base);
    const auto plain = logits(base, nullptr), with = logits(base, at(file, 1));
    EXPECT_GT(distance(plain, with), 0.01);
    EXPECT_LT(distance(logits(merged, nullptr), with), 2e-5);
    EXPECT_EQ(at(file, 0), nullptr);
    EXPECT_NE(at(file, 0.5)->id, at(file, 1)->id);
    EXPECT_EQ(at(file, 1)->id, at(adapter_for(base), 1)->id);
  }
}

// GGUF keeps rows of q and k of this family as pairs.
TEST_F(ChangeFilesTest, AnAdapterMeansTheSameOverGguf) {
  const std::string model = "llama_tied";
  const std::vector<std::string> changed = {"model.layers.1.self_attn.q_proj", "model.layers.0.self_attn.k_proj",
                                            "model.layers.2.self_attn.v_proj"};
  write_adapter(model, changed, {{"lora_alpha", 6}}, 2);
  StoredTensors from = StoredTensors::read(golden(model) / "model.safetensors");
  testing::GgufWriter gguf;
  gguf.key("general.architecture", "llama").key("llama.block_count", uint32_t{3});
  gguf.key("llama.context_length", uint32_t{4096}).key("llama.embedding_length", uint32_t{64});
  gguf.key("llama.feed_forward_length", uint32_t{96}).key("llama.attention.head_count", uint32_t{4});
  gguf.key("llama.attention.head_count_kv", uint32_t{2}).key("llama.vocab_size", uint32_t{272});
  gguf.key("llama.attention.layer_norm_rms_epsilon", 1e-5f).key("llama.rope.freq_base", 1e5f);
  const auto copy = [&](const std::string& name, const std::string& to, size_t head) {
    const Json& about = from.header[name];
    const std::vector<uint64_t> shape = about["shape"];
    const size_t row = 4 * (shape.size() > 1 ? shape[1] : 1);
    std::string data;
    for (size_t i = 0; i < shape[0]; ++i) {
      const size_t in_head = head ? i % head : 0;
      const size_t source = head ? i - in_head + in_head / 2 + in_head % 2 * (head / 2) : i;
      data.append(from.at(name) + source * row, row);
    }
    gguf.tensor(to, shape, 0, data);
  };
  copy("model.embed_tokens.weight", "token_embd.weight", 0);
  copy("model.norm.weight", "output_norm.weight", 0);
  for (int i = 0; i < 3; ++i) {
    const std::string name = fmt::format("model.layers.{}.", i), to = fmt::format("blk.{}.", i);
    copy(name + "input_layernorm.weight", to + "attn_norm.weight", 0);
    copy(name + "post_attention_layernorm.weight", to + "ffn_norm.weight", 0);
    copy(name + "self_attn.q_proj.weight", to + "attn_q.weight", 16);
    copy(name + "self_attn.k_proj.weight", to + "attn_k.weight", 16);
    copy(name + "self_attn.v_proj.weight", to + "attn_v.weight", 0);
    copy(name + "self_attn.o_proj.weight", to + "attn_output.weight", 0);
    copy(name + "mlp.gate_proj.weight", to + "ffn_gate.weight", 0);
    copy(name + "mlp.up_proj.weight", to + "ffn_up.weight", 0);
    copy(name + "mlp.down_proj.weight", to + "ffn_down.weight", 0);
  }
  Loaded paired = load(folder.write("model.gguf", gguf.bytes())), merged = load(folder / "merged");
  const ChangeFile file = adapter_for(paired);
  EXPECT_GT(distance(logits(paired, nullptr), logits(paired, at(file, 1))), 0.01);
  EXPECT_LT(distance(logits(merged, nullptr), logits(paired, at(file, 1))), 2e-5);
}

TEST_F(ChangeFilesTest, SteeringEqualsTheSameEdits) {
  Loaded base = load(golden("llama_tied"));
  const std::vector<float> first = numbers(64, 0.5f), last = numbers(64, 0.5f);
  const Path tensors =
      folder.write("a.safetensors", testing::safetensors({{"direction.0", "F32", {64}, bytes_of(first)},
                                                          {"direction.2", "F32", {64}, bytes_of(last)}}));
  testing::GgufWriter gguf;
  gguf.key("general.architecture", "controlvector").key("controlvector.model_hint", "llama");
  gguf.tensor("direction.0", {64}, 0, bytes_of(first)).tensor("direction.2", {64}, 0, bytes_of(last));
  const Path other = folder.write("a.gguf", gguf.bytes());
  Edits edits = std::move(
      *Edits::make({{.layer = 0, .vector = first, .factor = -1.5f}, {.layer = 2, .vector = last, .factor = -1.5f}}));
  Engine engine(*base.model, best_kernels(), pool);
  Session session = std::move(*Session::make(engine, {.positions = 64, .observers = {&edits}}));
  ASSERT_TRUE(session.sync(tokens(24)));
  const std::vector<float> expected(session.logits().begin(), session.logits().end());
  EXPECT_NE(expected, logits(base, nullptr));
  for (const Path& path : {tensors, other}) {
    const auto file = read_steering("calm", path, *base.model);
    ASSERT_TRUE(file) << file.error().what;
    EXPECT_EQ(logits(base, at(*file, -1.5)), expected);
  }
}

// Sessions with no change, an adapter, two strengths of it, steering, and both, in the same passes.
TEST_F(ChangeFilesTest, EachSessionSeesItsOwnChangesAlone) {
  for (const auto& [model, weight] :
       {std::pair{"llama_tied", "self_attn.q_proj"}, {"deepseek_v3", "self_attn.kv_b_proj"}})
    for (const bool exact : {true, false}) {
      SCOPED_TRACE(fmt::format("{} {}", model, exact ? "exact" : "fast"));
      write_adapter(model, {std::string("model.layers.1.") + weight, "model.layers.0.mlp.down_proj"},
                    {{"lora_alpha", 6}}, 2);
      Loaded base = load(golden(model), exact);
      const ChangeFile adapter = adapter_for(base);
      const ChangeFile steering = std::move(*read_steering(
          "calm",
          folder.write("calm.safetensors",
                       testing::safetensors({{"direction.1", "F32", {64}, bytes_of(numbers(64, 0.5f))}})),
          *base.model));
      const Strength both[] = {{&adapter, 1}, {&steering, 2}};
      const std::vector<std::shared_ptr<const Changes>> changes = {
          nullptr, at(adapter, 1), at(steering, 1), at(adapter, -0.5), *changes_of(both), nullptr};
      Engine engine(*base.model, best_kernels(), pool);
      std::vector<Session> sessions;
      std::vector<std::vector<Token>> prompts;
      for (size_t i = 0; i < changes.size(); ++i) {
        sessions.push_back(std::move(*Session::make(engine, {.positions = 64, .changes = changes[i]})));
        prompts.push_back(tokens(9 + 5 * static_cast<int>(i)));
      }
      for (int step = 0; step < 3; ++step) {
        std::vector<Session::Work> work;
        for (size_t i = 0; i < sessions.size(); ++i) {
          const size_t third = prompts[i].size() / 3, first = static_cast<size_t>(step) * third;
          const size_t count = step == 2 ? prompts[i].size() - first : third;
          work.push_back({&sessions[i], std::span(prompts[i]).subspan(first, count)});
        }
        ASSERT_TRUE(run_pass(engine, work));
      }
      std::vector<std::vector<float>> seen;
      for (size_t i = 0; i < sessions.size(); ++i) {
        const std::vector<float> together(sessions[i].logits().begin(), sessions[i].logits().end());
        EXPECT_EQ(together, logits(base, changes[i], static_cast<int>(prompts[i].size()))) << i;
      }
      EXPECT_NE(logits(base, changes[1]), logits(base, changes[3]));
      EXPECT_NE(logits(base, changes[1]), logits(base, changes[4]));
    }
}

TEST_F(ChangeFilesTest, AdaptersThatDoNotFitAreRefused) {
  Loaded base = load(golden("llama_tied"));
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj";
  const SafetensorsEntry a{q + ".lora_A.weight", "F32", {3, 64}, bytes_of(numbers(192, 1))};
  const SafetensorsEntry b{q + ".lora_B.weight", "F32", {64, 3}, bytes_of(numbers(192, 1))};
  const Json good = {{"peft_type", "LORA"}, {"r", 3}, {"lora_alpha", 3}};
  const auto fault = [&](const std::vector<SafetensorsEntry>& tensors, const std::string& config) {
    folder.write("adapter/adapter_config.json", config);
    folder.write("adapter/adapter_model.safetensors", testing::safetensors(tensors));
    const auto file = read_adapter("one", folder / "adapter", base.checkpoint, *base.model);
    return file ? "" : file.error().what;
  };
  const auto with = [&](const char* key, const Json& value) {
    Json config = good;
    config[key] = value;
    return config.dump();
  };
  EXPECT_EQ(fault({a, b}, good.dump()), "");
  EXPECT_EQ(fault({a, b}, with("rank_pattern", Json::object())), "");
  for (const auto& [key, value, words] :
       std::vector<std::tuple<const char*, Json, const char*>>{{"peft_type", "IA3", "peft_type 'IA3'"},
                                                               {"r", 0, "r: expected"},
                                                               {"r", 1e9, "r: expected"},
                                                               {"lora_alpha", "6", "lora_alpha"},
                                                               {"use_dora", true, "use_dora"},
                                                               {"bias", "all", "bias"},
                                                               {"alpha_pattern", {{"q_proj", 4}}, "alpha_pattern"},
                                                               {"modules_to_save", {"lm_head"}, "modules_to_save"},
                                                               {"r", 4, "expected [4, 64], found [3, 64]"}})
    EXPECT_NE(fault({a, b}, with(key, value)).find(words), std::string::npos) << fault({a, b}, with(key, value));
  EXPECT_NE(fault({a, b}, "[]").find("expected LORA"), std::string::npos);
  EXPECT_NE(fault({a, b}, "{").find("adapter_config.json"), std::string::npos);
  EXPECT_NE(fault({a}, good.dump()).find("lora_A alone"), std::string::npos);
  EXPECT_NE(fault({}, good.dump()).find("changes no weight"), std::string::npos);
  SafetensorsEntry wide = b, whole = b, nowhere_a = a, nowhere_b = b, broken = a;
  wide.shape = {3, 64};
  whole.dtype = "I32";
  nowhere_a.name = "base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight";
  nowhere_b.name = "base_model.model.model.layers.9.self_attn.q_proj.lora_B.weight";
  const float infinite = std::numeric_limits<float>::infinity();
  std::memcpy(broken.data.data() + 4 * 100, &infinite, 4);
  EXPECT_NE(fault({a, wide}, good.dump()).find("expected [64, 3], found [3, 64]"), std::string::npos);
  EXPECT_NE(fault({a, whole}, good.dump()), "");
  EXPECT_NE(fault({nowhere_a, nowhere_b}, good.dump()).find("no such weight"), std::string::npos);
  EXPECT_NE(fault({broken, b}, good.dump()).find("not finite"), std::string::npos);
  const SafetensorsEntry other{"base_model.model.x", "F32", {1}, bytes_of(numbers(1, 1))};
  EXPECT_NE(fault({a, b, other}, good.dump()).find("expected names"), std::string::npos);
}

TEST_F(ChangeFilesTest, SteeringThatDoesNotFitIsRefused) {
  Loaded base = load(golden("llama_tied"));
  const auto fault = [&](const SafetensorsEntry& tensor) {
    const auto file = read_steering("calm", folder.write("a.safetensors", testing::safetensors({tensor})), *base.model);
    return file ? "" : file.error().what;
  };
  const std::string vector = bytes_of(numbers(64, 1));
  EXPECT_EQ(fault({"direction.2", "F32", {64}, vector}), "");
  for (const char* name : {"direction.3", "direction.-1", "direction.", "direction.1x", "direction", "x"})
    EXPECT_NE(fault({name, "F32", {64}, vector}).find("expected direction.0 to direction.2"), std::string::npos)
        << name;
  EXPECT_NE(fault({"direction.1", "F32", {8, 8}, vector}).find("expected [64]"), std::string::npos);
  testing::GgufWriter gguf;
  gguf.key("general.architecture", "llama").tensor("direction.0", {64}, 0, vector);
  const auto model = read_steering("calm", folder.write("a.gguf", gguf.bytes()), *base.model);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().what.find("expected controlvector"), std::string::npos);
  EXPECT_FALSE(read_steering("calm", folder / "none.gguf", *base.model));
}

TEST_F(ChangeFilesTest, StrengthsAndSumsOfFiles) {
  Loaded base = load(golden("llama_tied"));
  write_adapter("llama_tied", {"model.layers.1.self_attn.q_proj"}, {{"lora_alpha", 3}}, 1);
  const ChangeFile adapter = adapter_for(base), other = adapter_for(base);
  const Strength twice[] = {{&adapter, 1}, {&other, 1}}, off[] = {{&adapter, 0}, {&other, 1}};
  EXPECT_FALSE(changes_of(twice));
  EXPECT_EQ((*changes_of(off))->id, at(adapter, 1)->id);
  const Strength infinite{&adapter, std::numeric_limits<double>::infinity()};
  EXPECT_FALSE(changes_of({&infinite, 1}));
  EXPECT_EQ(*changes_of({}), nullptr);
}

}  // namespace
}  // namespace freehold
