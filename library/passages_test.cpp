// The rows that share most words with a question, and what a model is asked with them.
#include "library/passages.h"

#include "library/testing/plant.h"
#include "text/grammar/json_schema.h"

namespace freehold::papers {
namespace {

TEST_F(Plant, TheModelIsAskedFromPassagesUnderAGrammar) {
  ingest();
  auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
  ASSERT_TRUE(store);
  const auto passages = Passages::load(store->database());
  ASSERT_TRUE(passages);
  const auto best = passages->best("When was BC-01 installed?", 10);
  ASSERT_FALSE(best.empty());
  EXPECT_NE(best[0].find("BC-01"), std::string::npos) << best[0];
  const Writer model = [](const Writing& writing) -> Result<std::string> {
    EXPECT_TRUE(json_schema_grammar(writing.schema)) << writing.schema.dump();
    EXPECT_NE(writing.text.find("Question: When was BC-01 installed?"), std::string::npos);
    return std::string(R"({"answer": "2019-05-01"})");
  };
  const auto answer = answer_from_passages(*passages, "When was BC-01 installed?", model);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->value, "2019-05-01");
  EXPECT_TRUE(answer->by_model);
}

}  // namespace
}  // namespace freehold::papers
