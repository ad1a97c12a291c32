// DeepSeek-V3.2's selection as a point: seen, replaced, and what follows from it.
#include "model/deepseek32.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/deepseek32_fixture.h"
#include "model/model.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

constexpr int rows = 40, most = 8;  // of the golden's configuration

// Replaces what is selected by what `read` says of (row, position).
struct Choose final : Observer {
  explicit Choose(std::function<float(int row, int position, float was)> what) : read(std::move(what)) {}
  bool wants(Point point, int) const override { return point == Point::index_selected; }
  void seen(Pass& pass, const Site& site, Tensor& x) override {
    ++shown;
    Tensor changed = Tensor::empty(x.shape(), pass.context().arena);
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t i = 0; i < x.width(); ++i)
        changed.mutable_row(r)[static_cast<size_t>(i)] =
            read(site.rows[static_cast<size_t>(r)].position, static_cast<int>(i), x.row(r)[static_cast<size_t>(i)]);
    x = changed;
  }
  std::function<float(int, int, float)> read;
  int shown = 0;
};

class SparseAttention : public ::testing::TestWithParam<MlaForm> {
 protected:
  std::unique_ptr<Model> load(int topk) {
    const fs::path golden = "tests/golden/models/deepseek_v32",
                   folder = fs::path(::testing::TempDir()) / fmt::format("freehold_v32_{}", ::getpid());
    fs::create_directories(folder);
    fs::copy_file(golden / "model.safetensors", folder / "model.safetensors", fs::copy_options::overwrite_existing);
    std::ifstream in(golden / "config.json");
    Json config = Json::parse(in);
    config["index_topk"] = topk;
    std::ofstream(folder / "config.json") << config.dump();
    NumericMode mode;
    mode.mla = GetParam();
    const auto checkpoint = Checkpoint::open(folder);
    EXPECT_TRUE(checkpoint);
    auto model = load_model(*checkpoint, {mode, {}}, pool_);
    EXPECT_TRUE(model) << model.error().what;
    return std::move(*model);
  }
  // Logits of all rows, fed in pieces, with or without a cache.
  std::vector<float> logits(const Model& model, Observer* observer, int piece = rows, bool cached = true) {
    std::vector<Token> tokens;
    for (int i = 0; i < rows; ++i) tokens.push_back((i * 53 + 7) % model.facts().vocabulary);
    const auto cache = model.make_cache(rows);
    std::vector<float> all;
    for (int first = 0; first < rows; first += piece) {
      Arena arena;
      Context context{best_kernels(), pool_, arena, model.mode().arithmetic, nullptr};
      Batch batch{{{.tokens = std::span<const Token>(tokens).subspan(
                        static_cast<size_t>(first), static_cast<size_t>(std::min(piece, rows - first))),
                    .start = first,
                    .cache = cached ? cache.get() : nullptr,
                    .logits = Batch::Sequence::Logits::all}}};
      Pass pass(context, batch, model.facts().layers, std::span(&observer, observer ? 1 : 0));
      const Tensor part = model.forward(pass);
      all.insert(all.end(), part.all().begin(), part.all().end());
    }
    return all;
  }
  Pool pool_{2};
};

INSTANTIATE_TEST_SUITE_P(Form, SparseAttention, ::testing::Values(MlaForm::absorbed, MlaForm::expanded),
                         [](const auto& form) { return form.param == MlaForm::absorbed ? "Absorbed" : "Expanded"; });

TEST_P(SparseAttention, SelectsTheBestAndEverythingWhileThereIsNoMore) {
  const auto model = load(most);
  Choose look([](int row, int position, float was) {
    EXPECT_TRUE(was == 0 || was == 1);
    if (position > row) {
      EXPECT_EQ(was, 0) << row << " reads " << position;
    } else if (row < most) {
      EXPECT_EQ(was, 1) << row << " does not read " << position;
    }
    return was;
  });
  std::vector<float> sums(rows);
  Choose count([&](int row, int, float was) { return sums[static_cast<size_t>(row)] += was, was; });
  const auto plain = logits(*model, nullptr);
  EXPECT_EQ(logits(*model, &look), plain);
  EXPECT_EQ(look.shown, model->facts().layers);
  EXPECT_EQ(logits(*model, &count, 7), plain);
  for (int row = 0; row < rows; ++row)
    EXPECT_EQ(sums[static_cast<size_t>(row)], std::min(row + 1, most) * model->facts().layers) << row;
}

TEST_P(SparseAttention, AnEditDecidesWhatIsRead) {
  const auto selective = load(most), reading_all = load(1000);
  const auto all = logits(*reading_all, nullptr), some = logits(*selective, nullptr);
  EXPECT_NE(all, some);
  Choose everything([](int, int, float) { return 1.0f; });  // what lies ahead stays hidden
  EXPECT_EQ(logits(*selective, &everything), all);
  EXPECT_EQ(logits(*selective, &everything, 1), all);
  Choose own([](int row, int position, float) { return row == position ? 1.0f : 0.0f; });
  Choose nothing([](int, int, float) { return 0.0f; });  // then a row reads itself
  EXPECT_EQ(logits(*selective, &nothing), logits(*selective, &own));
  Choose odd_rows_all([](int row, int, float was) { return row % 2 ? 1.0f : was; });
  EXPECT_EQ(logits(*selective, &odd_rows_all), logits(*selective, &odd_rows_all, 3));
}

// While a row reads all there is, V3.2 computes what V3 does, in the layer that predicts too, whose own indexer chooses
// among its own keys; where it reads less, no longer.
TEST_P(SparseAttention, PredictsAsV3WhileItReadsEverything) {
  LoadOptions options{NumericMode::exact(), {}};
  options.mode.mla = GetParam();
  options.predict = true;
  const auto predicted = [&](const Checkpoint& checkpoint) {
    const auto model = load_model(checkpoint, options, pool_);
    EXPECT_TRUE(model) << model.error().what;
    std::vector<Token> tokens;
    for (int i = 0; i < rows; ++i) tokens.push_back((i * 53 + 7) % 256);
    const auto cache = (*model)->make_cache(rows);
    std::vector<float> all;
    for (int first = 0; first < rows - 1; first += 13) {
      const size_t count = static_cast<size_t>(std::min(13, rows - 1 - first));
      Arena arena;
      Context context{best_kernels(), pool_, arena, Arithmetic::exact, nullptr};
      const auto batch = [&](int from) {
        return Batch{{{.tokens = std::span<const Token>(tokens).subspan(static_cast<size_t>(from), count),
                       .start = first,
                       .cache = cache.get(),
                       .logits = Batch::Sequence::Logits::all}}};
      };
      const Batch here = batch(first), next = batch(first + 1);
      Pass pass(context, here, (*model)->facts().layers), predicting(context, next, (*model)->facts().layers + 1);
      pass.keep_states();
      (*model)->forward(pass);
      const Tensor part = (*model)->predict(predicting, pass.states());
      all.insert(all.end(), part.all().begin(), part.all().end());
    }
    return all;
  };
  const fs::path folder = fs::path(::testing::TempDir()) / fmt::format("freehold_v32_mtp_{}", ::getpid());
  const auto v3 = Checkpoint::open("tests/golden/models/deepseek_v3_mtp");
  const auto reads_all = deepseek32_that_predicts(folder / "all", 64), reads_few = deepseek32_that_predicts(folder, 8);
  ASSERT_TRUE(v3 && reads_all && reads_few);
  const std::vector<float> expected = predicted(*v3), found = predicted(*reads_all), other = predicted(*reads_few);
  ASSERT_EQ(found.size(), expected.size());
  float largest = 0;
  for (size_t i = 0; i < found.size(); ++i) largest = std::max(largest, std::abs(found[i] - expected[i]));
  EXPECT_LT(largest, 1e-4f);
  EXPECT_NE(other, found);
  fs::remove_all(folder);
}

// What no cache keeps is kept in floats of the pass's own, as a cache of floats does. Over a cache rows are absorbed,
// whatever the mode.
TEST_P(SparseAttention, WithoutACacheAsWithOne) {
  const fs::path golden = "tests/golden/models/deepseek_v32";
  const auto checkpoint = Checkpoint::open(golden);
  ASSERT_TRUE(checkpoint);
  NumericMode mode = NumericMode::exact();
  mode.mla = GetParam();
  const auto model = load_model(*checkpoint, {mode, {}}, pool_);
  ASSERT_TRUE(model);
  const std::vector<float> without = logits(**model, nullptr, rows, false), with = logits(**model, nullptr);
  if (GetParam() == MlaForm::absorbed) {
    EXPECT_EQ(without, with);
    return;
  }
  const auto absorbed = load_model(*checkpoint, {NumericMode::exact(), {}}, pool_);
  ASSERT_TRUE(absorbed);
  EXPECT_EQ(with, logits(**absorbed, nullptr));
  EXPECT_NE(without, with);
  for (size_t i = 0; i < with.size(); ++i) ASSERT_NEAR(without[i], with[i], 1e-4);
}

}  // namespace
}  // namespace freehold
