// Encoders against transformers, on a tiny random model (tools/make_bert_golden.py): tokens, states, vectors, what
// enters each block, gradients; as a folder with either kind of tokenizer file and as GGUF. And what is promised of all
// models: the same bits alone and in company, watched or not. What is not computed is refused by name while loading.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/testing/temporary_folder.h"
#include "model/model.h"
#include "model/text_side.h"
#include "ops/tape.h"
#include "run/scheduler.h"
#include "tools/golden_file.h"

namespace freehold {
namespace {

const Path golden_folder = "tests/golden/encoders/bert_tiny";

template <class T>
T or_fail(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(*result);
}

struct Text {
  std::string text;
  std::vector<Token> ids;
};

std::vector<Text> golden_texts() {
  std::ifstream file(golden_folder / "golden.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const Json json = or_fail(parse_json(text, "golden.json"));
  std::vector<Text> texts;
  for (const Json& one : json["texts"]) texts.push_back({one["text"], one["ids"].get<std::vector<Token>>()});
  return texts;
}

struct Loaded {
  Checkpoint checkpoint;
  Pool pool{2};
  std::unique_ptr<Model> model;
  Tokenizer tokenizer;
  VectorForm form;
  explicit Loaded(const Path& path, NumericMode mode = NumericMode::exact())
      : checkpoint(or_fail(Checkpoint::open(path))),
        model(or_fail(load_model(checkpoint, {mode, {}}, pool))),
        tokenizer(or_fail(load_tokenizer(checkpoint))),
        form(or_fail(vector_form_for(checkpoint, tokenizer)).value()) {}

  std::vector<Token> tokens(std::string_view text) const {
    return form.around(tokenizer.encode(text, Specials::as_text));
  }
  // The final states of texts in one pass, [rows, hidden].
  std::vector<float> states(const std::vector<std::vector<Token>>& texts, std::span<Observer* const> observers = {},
                            const Kernels& kernels = best_kernels(), Tape* tape = nullptr) {
    arena.reset();
    context.emplace(Context{kernels, pool, arena, model->mode().arithmetic, tape});
    batch.sequences.clear();
    for (const auto& tokens : texts)
      batch.sequences.push_back({.tokens = tokens, .logits = Batch::Sequence::Logits::none, .final_states = true});
    Pass pass(*context, batch, model->facts().layers, observers);
    EXPECT_FALSE(model->forward(pass));
    final = pass.final_states();
    return {final.all().begin(), final.all().end()};
  }
  std::vector<float> vector(const std::vector<Token>& tokens) {
    const std::vector<float> rows = states({tokens});
    Pooled pooled(form.pooling);
    const auto hidden = static_cast<size_t>(model->facts().hidden);
    for (size_t at = 0; at < rows.size(); at += hidden) pooled.add(std::span(rows).subspan(at, hidden));
    return or_fail(pooled.vector());
  }
  Arena arena;
  std::optional<Context> context;
  Batch batch;
  Tensor final;
};

double largest_difference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    most = std::max(most, std::abs(double{a[i]} - double{b[i]}));
  return most;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0;
  for (size_t i = 0; i < a.size(); ++i) product += double{a[i]} * double{b[i]};
  return product;
}

// States are about 1 in size: layer norms see to that.
constexpr double bound = 2e-5;

TEST(Encoder, StatesAndVectorsAreThoseOfTransformers) {
  Loaded loaded(golden_folder);
  const auto golden = or_fail(GoldenFile::open(golden_folder / "golden.safetensors"));
  EXPECT_EQ(loaded.form.most_tokens, 80);
  const std::vector<Text> texts = golden_texts();
  ASSERT_GE(texts.size(), 6u);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(loaded.tokens(texts[i].text), texts[i].ids) << texts[i].text;
    EXPECT_LT(largest_difference(loaded.states({texts[i].ids}), golden.floats(fmt::format("states.{}", i))), bound)
        << i;
    EXPECT_LT(largest_difference(loaded.vector(texts[i].ids), golden.floats(fmt::format("vector.{}", i))), bound) << i;
  }
}

TEST(Encoder, TheSameModelAsGguf) {
  Loaded exact(golden_folder / "model.gguf"), usual(golden_folder / "model.gguf", NumericMode{});
  const auto golden = or_fail(GoldenFile::open(golden_folder / "golden.safetensors"));
  const std::vector<Text> texts = golden_texts();
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(exact.tokens(texts[i].text), texts[i].ids) << texts[i].text;
    const std::vector<float> expected = golden.floats(fmt::format("vector.{}", i));
    EXPECT_LT(largest_difference(exact.vector(texts[i].ids), expected), bound) << i;
    // Activations of 32 numbers rounded to 8 bits: a half of 1/127 of the largest each, over few and random weights.
    EXPECT_GT(cosine(usual.vector(texts[i].ids), expected), 0.999) << i;
  }
}

TEST(Encoder, PointsShowWhatEntersEachBlock) {
  Loaded loaded(golden_folder);
  const auto golden = or_fail(GoldenFile::open(golden_folder / "golden.safetensors"));
  struct Keep final : Observer {
    std::map<std::pair<Point, int>, std::vector<float>> seen_at;
    bool wants(Point, int) const override { return true; }
    void seen(Pass&, const Site& site, Tensor& x) override {
      seen_at[{site.point, site.layer}].assign(x.all().begin(), x.all().end());
    }
  } keep;
  Observer* observers[] = {&keep};
  const std::vector<Token> ids = golden_texts()[1].ids;
  const std::vector<float> watched = loaded.states({ids}, observers);
  EXPECT_EQ(watched, loaded.states({ids}));
  for (int layer = 0; layer < 3; ++layer) {
    EXPECT_LT(
        largest_difference(keep.seen_at.at({Point::resid_pre, layer}), golden.floats(fmt::format("hidden.{}", layer))),
        bound);
    // Each row of a pattern, all of which is seen, sums to 1.
    const std::vector<float>& pattern = keep.seen_at.at({Point::attn_probs, layer});
    ASSERT_EQ(pattern.size(), ids.size() * 4 * ids.size());
    for (size_t at = 0; at < pattern.size(); at += ids.size()) {
      double sum = 0;
      for (size_t j = 0; j < ids.size(); ++j) sum += pattern[at + j];
      EXPECT_NEAR(sum, 1, 1e-5);
      EXPECT_GT(*std::min_element(&pattern[at], &pattern[at] + ids.size()), 0);
    }
  }
  for (int p = 0; p < point_count; ++p)
    for (int layer = 0; layer < 3; ++layer) {
      const auto point = static_cast<Point>(p);
      if (!is_per_layer(point) && layer > 0) continue;
      EXPECT_EQ(keep.seen_at.contains({point, layer}), loaded.model->shows(point, layer)) << name_of(point);
      const auto width = loaded.model->width(point);
      if (!width || !loaded.model->shows(point, layer)) continue;
      EXPECT_EQ(static_cast<size_t>(*width) * ids.size(), keep.seen_at.at({point, layer}).size()) << name_of(point);
    }
}

TEST(Encoder, GradientsAreThoseOfTransformers) {
  Loaded loaded(golden_folder);
  const auto golden = or_fail(GoldenFile::open(golden_folder / "golden.safetensors"));
  Tape tape;
  loaded.model->each_linear([&](std::string_view, Linear& linear) { tape.track(linear); });
  loaded.states({golden_texts()[1].ids}, {}, best_kernels(), &tape);
  const std::vector<float> weights = golden.floats("loss_weights");
  ASSERT_EQ(weights.size(), static_cast<size_t>(loaded.final.shape().elements()));
  const Tensor loss = Tensor::zeros({1}, loaded.arena);
  tape.record(loss, [&](Tape& t) {
    const std::span<float> d = t.grad(loaded.final);
    for (size_t i = 0; i < d.size(); ++i) d[i] += weights[i];
  });
  tape.backward(loss);
  size_t compared = 0;
  const auto compare = [&](std::string_view name, std::span<const float> gradient) {
    const std::vector<float> expected = golden.floats("grad." + std::string(name));
    if (expected.empty()) return;
    double most = 0;
    for (const float g : expected) most = std::max(most, std::abs(double{g}));
    if (name.ends_with("key.bias")) most = 1;  // 0 but for rounding: a softmax does not see what all keys share
    EXPECT_LT(largest_difference(gradient, expected), 5e-5 * most) << name;
    ++compared;
  };
  loaded.model->each_linear([&](std::string_view name, Linear& linear) { compare(name, tape.weight_grad(linear)); });
  loaded.model->each_tensor([&](std::string_view name, Tensor& tensor) { compare(name, tape.grad(tensor)); });
  EXPECT_EQ(compared, 18u);  // a block's and the first norm's
}

TEST(Encoder, CompanyAndKernelsChangeNoBit) {
  for (const NumericMode mode : {NumericMode::exact(), NumericMode{}}) {
    Loaded loaded(golden_folder / "model.gguf", mode);
    std::vector<std::vector<Token>> all;
    for (const Text& text : golden_texts()) all.push_back(text.ids);
    const std::vector<float> together = loaded.states(all);
    size_t at = 0;
    for (const auto& tokens : all) {
      const std::vector<float> alone = loaded.states({tokens});
      ASSERT_LE(at + alone.size(), together.size());
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(at)));
      at += alone.size();
    }
    for (const Kernels* kernels : runnable_kernels())
      EXPECT_EQ(loaded.states(all, {}, *kernels), together) << kernels->name;
  }
}

// Texts of more tokens than a step has place for wait for the next one, and none is cut in two.
TEST(Encoder, TheSchedulerMakesTheSameVectors) {
  Loaded loaded(golden_folder, NumericMode{});
  Engine engine(*loaded.model, best_kernels(), loaded.pool);
  const auto scheduler = or_fail(Scheduler::make(engine, loaded.tokenizer, {.context = 80}));
  const std::vector<Text> texts = golden_texts();
  std::vector<std::shared_ptr<Request>> requests;
  for (int round = 0; round < 5; ++round)
    for (const Text& text : texts) {
      Ask ask;
      ask.prompt = text.ids;
      ask.pooling = loaded.form.pooling;
      requests.push_back(or_fail(scheduler->submit(std::move(ask), {})));
    }
  while (scheduler->step()) {
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<float> vector;
    for (Event& event : requests[i]->take())
      if (event.kind == Event::Kind::ended) vector = event.vector;
    EXPECT_EQ(vector, loaded.vector(texts[i % texts.size()].ids)) << i;
  }
  Ask text;
  text.prompt = texts[0].ids;
  EXPECT_FALSE(scheduler->submit(std::move(text), {}));  // it writes none
}

// ---- folders that are made otherwise -------------------------------------------------------------------------------

struct Folders : ::testing::Test {
  testing::TemporaryFolder folder;
  void SetUp() override {
    std::filesystem::copy(golden_folder, folder.path(), std::filesystem::copy_options::recursive);
    std::filesystem::remove(folder.path() / "model.gguf");
  }
  void write(const Path& file, std::string_view text) { folder.write(file, text); }
  std::string refusal() {
    try {
      Loaded loaded(folder.path());
      return "loaded";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
};

TEST_F(Folders, VocabTxtGivesTheSameTokens) {
  std::filesystem::remove(folder.path() / "tokenizer.json");
  const Loaded loaded(folder.path());
  for (const Text& text : golden_texts()) EXPECT_EQ(loaded.tokens(text.text), text.ids) << text.text;
  const std::vector<Token> written = loaded.tokens("[SEP] [CLS]");  // of people: text
  for (const auto mark : {loaded.form.begin, loaded.form.end}) EXPECT_EQ(std::ranges::count(written, *mark), 1);
}

TEST_F(Folders, TheFirstTokenStandsForTheTextWhereThatIsStated) {
  write("1_Pooling/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  Loaded loaded(folder.path());
  const std::vector<Token> ids = golden_texts()[0].ids;
  const std::vector<float> states = loaded.states({ids}), vector = loaded.vector(ids);
  double squares = 0;
  for (size_t i = 0; i < 32; ++i) squares += double{states[i]} * double{states[i]};
  for (size_t i = 0; i < 32; ++i) EXPECT_NEAR(vector[i], states[i] / std::sqrt(squares), 1e-6);
}

TEST_F(Folders, WithoutModulesItIsTheMean) {
  std::filesystem::remove(folder.path() / "modules.json");
  std::filesystem::remove(folder.path() / "sentence_bert_config.json");
  const Loaded loaded(folder.path());
  EXPECT_EQ(loaded.form.pooling, Pooling::mean);
  EXPECT_EQ(loaded.form.most_tokens, 0);
}

TEST_F(Folders, WhatIsNotComputedIsRefusedByName) {
  const auto with = [&](const Path& file, std::string_view from, std::string_view to) {
    std::ifstream in(golden_folder / file);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_NE(text.find(from), text.npos) << from;
    if (text.find(from) != text.npos) text.replace(text.find(from), from.size(), to);
    write(file, text);
    std::string why = refusal();
    std::filesystem::copy_file(golden_folder / file, folder.path() / file,
                               std::filesystem::copy_options::overwrite_existing);
    return why;
  };
  const auto names = [](const std::string& why, std::string_view word) { return why.find(word) != why.npos; };
  EXPECT_EQ(refusal(), "loaded");
  EXPECT_PRED2(
      names, with("1_Pooling/config.json", R"("pooling_mode_max_tokens": false)", R"("pooling_mode_max_tokens": true)"),
      "pooling_mode_max_tokens");
  EXPECT_PRED2(
      names,
      with("1_Pooling/config.json", R"("pooling_mode_mean_tokens": true)", R"("pooling_mode_mean_tokens": false)"),
      "no 'pooling_mode'");
  EXPECT_PRED2(names, with("modules.json", "models.Normalize", "models.Dense"), "'Dense'");
  EXPECT_PRED2(names, with("modules.json", R"("1_Pooling")", R"("../1_Pooling")"), "path");
  EXPECT_PRED2(names, with("modules.json", R"("1_Pooling")", R"("2_Pooling")"), "2_Pooling");
  EXPECT_PRED2(names, with("sentence_bert_config.json", "80", "-1"), "max_seq_length");
  EXPECT_PRED2(names, with("config.json", R"("absolute")", R"("relative_key")"), "relative_key");
  EXPECT_PRED2(names, with("config.json", R"("gelu")", R"("gelu_new")"), "gelu_new");
  EXPECT_PRED2(names, with("config.json", R"("num_attention_heads": 4)", R"("num_attention_heads": 5)"), "5 heads");
  EXPECT_PRED2(names, with("config.json", R"("num_hidden_layers": 3)", R"("num_hidden_layers": 2)"), "encoder.layer.2");
  EXPECT_PRED2(names, with("config.json", R"("num_hidden_layers": 3)", R"("num_hidden_layers": 4)"), "encoder.layer.3");
}

}  // namespace
}  // namespace freehold
