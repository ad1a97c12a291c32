// Tokenizers of real models against the reference's ids (tests/golden/tokenizer). Models are looked for in
// $FREEHOLD_TEST_MODELS, else in $FREEHOLD_HOME/models. SmolLM2 must be there (./test pulls it); the others are checked
// where their files are: a GGUF whose name begins with the model's, whole or cut off behind its header, or a folder
// with a tokenizer.json.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "model/model.h"
#include "text/tokenizer_cases.h"
#include "text/utf8.h"

namespace freehold {
namespace {

Path models_folder() {
  if (const char* folder = std::getenv("FREEHOLD_TEST_MODELS")) return folder;
  if (const char* home = std::getenv("FREEHOLD_HOME")) return Path(home) / "models";
  const char* home = std::getenv("HOME");
  return Path(home ? home : ".") / ".local/share/freehold/models";
}

// The first by name that begins so; empty when there is none.
Path model_file(const std::string& beginning) {
  Path found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(models_folder(), error)) {
    const std::string name = entry.path().filename().string();
    const bool fits = name.starts_with(beginning) && (name.ends_with(".gguf") || entry.is_directory());
    if (fits && (found.empty() || entry.path() < found)) found = entry.path();
  }
  return found;
}

std::string text_of_file(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<Tokenizer> tokenizer_of(const Path& path) {
  if (std::filesystem::is_directory(path))
    return Tokenizer::from_json(text_of_file(path / "tokenizer.json"), text_of_file(path / "tokenizer_config.json"),
                                path.filename().string());
  TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open_header(path));
  return load_tokenizer(checkpoint);
}

void check_texts_come_back(const Tokenizer& tokenizer, bool all_bytes) {
  std::ifstream cases("tests/golden/tokenizer/cases.jsonl");
  for (std::string line; std::getline(cases, line);) {
    const auto json = parse_json(line, "cases.jsonl");
    ASSERT_TRUE(json);
    const std::string text = (*json)["text"];
    const auto plain = tokenizer.encode(text, Specials::as_text);
    for (Token token : plain) EXPECT_FALSE(tokenizer.is_special(token)) << tokenizer.bytes_of(token) << " in " << text;
    if (all_bytes) {
      EXPECT_EQ(tokenizer.decode(plain), text);
    }
    StreamDecoder stream(tokenizer);
    std::string streamed;
    for (Token token : plain) streamed += stream.push(token);
    EXPECT_EQ(streamed + stream.finish(), tokenizer.decode(plain));
  }
}

void check_model(const std::string& file, const char* key, const std::string& kind, int size, bool all_bytes) {
  const Path path = model_file(file);
  if (path.empty()) GTEST_SKIP() << "no " << file << "* in the models folder";
  const auto tokenizer = tokenizer_of(path);
  ASSERT_TRUE(tokenizer) << tokenizer.error().what;
  EXPECT_EQ(tokenizer->kind(), kind);
  EXPECT_EQ(tokenizer->size(), size);
  std::ifstream cases("tests/golden/tokenizer/cases.jsonl");
  const auto report = check_tokenizer_cases(*tokenizer, key, cases, "cases.jsonl");
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->cases, 200);
  EXPECT_EQ(report->failed, 0);
  for (const std::string& failure : report->failures) ADD_FAILURE() << failure;
  check_texts_come_back(*tokenizer, all_bytes);
}

TEST(TokenizerModels, smollm2) {
  ASSERT_FALSE(model_file("smollm2-135m").empty()) << "freehold pull smollm2-135m-instruct gets it";
  check_model("smollm2-135m", "smollm2", "BPE smollm", 49152, false);
}
TEST(TokenizerModels, deepseek_r1_qwen) {
  check_model("deepseek-r1-distill-qwen-7b", "deepseek-r1-qwen", "BPE deepseek-r1-qwen", 152064, true);
}
TEST(TokenizerModels, deepseek_v4) { check_model("deepseek-v4", "deepseek-v4", "BPE deepseek-v3", 129280, true); }

TEST(TokenizerModels, smollm2_knows_its_ends) {
  const auto tokenizer = tokenizer_of(model_file("smollm2-135m"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().what;
  EXPECT_EQ(tokenizer->ends(), (std::vector<Token>{2, 0}));
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_FALSE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->id_of("<|im_start|>"), 1);
}

TEST(TokenizerModels, a_megabyte_without_a_word_boundary_takes_no_second) {
  const auto tokenizer = tokenizer_of(model_file("smollm2-135m"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().what;
  for (const char* unit : {"a", " ", "the", "\u4e2d", "="}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const std::clock_t start = std::clock();
    const auto tokens = tokenizer->encode(text, Specials::as_text);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_EQ(tokenizer->decode(tokens), text);
    EXPECT_LT(seconds, 10) << unit;  // far from quadratic, also under sanitizers
  }
}

}  // namespace
}  // namespace freehold
