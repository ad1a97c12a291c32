// Which points a model has, and what is said about those that it has not.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/model.h"

namespace freehold {
namespace {

std::unique_ptr<Model> load(const char* golden, Pool& pool) {
  const auto checkpoint = Checkpoint::open(Path("tests/golden/models") / golden);
  EXPECT_TRUE(checkpoint) << checkpoint.error().what;
  auto model = load_model(*checkpoint, {NumericMode::exact(), {}}, pool);
  EXPECT_TRUE(model) << model.error().what;
  return std::move(*model);
}

void refused(const Model& model, PointId id, std::string_view word) {
  const auto checked = check_point(model, id);
  ASSERT_FALSE(checked) << text_of(id);
  EXPECT_NE(checked.error().what.find(word), std::string::npos) << checked.error().what;
}

// Every point that is said to be shown is shown, and no other: a pass under an observer of all of them.
struct All final : Observer {
  std::vector<PointId> shown;
  std::vector<int64_t> widths;
  bool wants(Point, int) const override { return true; }
  void seen(Pass&, const Site& site, Tensor& x) override {
    shown.push_back({site.point, site.layer});
    widths.push_back(x.width());
  }
};

void expect_true_of(const Model& model, Pool& pool) {
  All all;
  Observer* observers[] = {&all};
  Arena arena;
  Context context{best_kernels(), pool, arena, Arithmetic::exact, nullptr};
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  const auto cache = model.make_cache(16);
  Batch batch{{{.tokens = tokens, .cache = cache.get()}}};
  Pass pass(context, batch, model.facts().layers, observers);
  model.forward(pass);
  for (int p = 0; p < point_count; ++p)
    for (int layer = 0; layer < model.facts().layers; ++layer) {
      const auto point = static_cast<Point>(p);
      if (!is_per_layer(point) && layer > 0) continue;
      const bool shown = std::find(all.shown.begin(), all.shown.end(), PointId{point, layer}) != all.shown.end();
      EXPECT_EQ(shown, model.shows(point, layer)) << text_of({point, layer});
    }
  for (size_t i = 0; i < all.shown.size(); ++i) {
    const Point point = all.shown[i].point;
    const bool of_the_pass =
        point == Point::index_selected || point == Point::attn_scores || point == Point::attn_probs;
    EXPECT_EQ(model.width(point), of_the_pass ? std::nullopt : std::optional(all.widths[i])) << text_of(all.shown[i]);
  }
}

TEST(CheckPoint, GroupedKeys) {
  Pool pool(2);
  const auto model = load("llama_tied", pool);
  expect_true_of(*model, pool);
  EXPECT_TRUE(check_point(*model, {Point::k, 0}));
  refused(*model, {Point::kv_latent, 0}, "llama");
  refused(*model, {Point::resid_pre, 3}, "layers 0 to 2");
}

TEST(CheckPoint, LatentAttention) {
  Pool pool(2);
  for (const char* golden : {"deepseek_v3", "deepseek_v2_lite", "deepseek_v32"}) {
    const auto model = load(golden, pool);
    expect_true_of(*model, pool);
    EXPECT_TRUE(check_point(*model, {Point::kv_latent, 0}));
    refused(*model, {Point::k, 1}, "kv_latent.1 and z.1");
    refused(*model, {Point::v, 3}, "latent attention");
  }
}

TEST(CheckPoint, Streams) {
  Pool pool(2);
  const auto model = load("deepseek_v4", pool);
  expect_true_of(*model, pool);
  EXPECT_TRUE(check_point(*model, {Point::resid_streams, 0}));
  refused(*model, {Point::resid_post, 2}, "attn_stream_collapse.2");
  refused(*model, {Point::kv_latent, 0}, "does not have it");
}

}  // namespace
}  // namespace freehold
