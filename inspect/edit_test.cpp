// Edits of DeepSeek's own points: refused before a pass where they cannot fit; else they act, and on what they name alone.
#include "inspect/edit.h"

#include <gtest/gtest.h>

#include "inspect/recorder.h"
#include "model/model.h"

namespace freehold {
namespace {

struct EditTest : testing::Test {
  Pool pool{2};
  std::unique_ptr<Model> model;

  void load(const char* golden) {
    const auto checkpoint = Checkpoint::open(Path("tests/golden/models") / golden);
    ASSERT_TRUE(checkpoint) << checkpoint.error().what;
    auto loaded = load_model(*checkpoint, {NumericMode::exact(), {}}, pool);
    ASSERT_TRUE(loaded) << loaded.error().what;
    model = std::move(*loaded);
  }
  static Edit add(PointId id, size_t width, float number = 0.5f) {
    Edit edit{.point = id.point, .layer = id.layer, .action = Edit::Action::add};
    edit.vector.assign(width, number);
    edit.expert = id.expert;
    return edit;
  }
  std::string fault(Edit edit) {
    const auto edits = Edits::make({std::move(edit)});
    if (!edits) return edits.error().what;
    const auto fits = edits->fits(*model);
    return fits ? "" : fits.error().what;
  }
  // Logits of all rows, or of those at the last position alone.
  std::vector<float> logits(std::vector<Observer*> observers) {
    std::vector<Token> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back((i * 53 + 7) % 256);
    const auto cache = model->make_cache(32);
    Arena arena;
    Context context{best_kernels(), pool, arena, Arithmetic::exact, nullptr};
    Batch batch{{{.tokens = tokens, .cache = cache.get(), .logits = Batch::Sequence::Logits::all}}};
    Pass pass(context, batch, model->facts().layers, observers);
    const Tensor made = model->forward(pass);
    return {made.all().begin(), made.all().end()};
  }
};

TEST_F(EditTest, VectorsMustBeAsWideAsThePoint) {
  load("deepseek_v3");
  for (const auto& [point, width] : {std::pair{Point::kv_latent, 24}, {Point::q_latent, 32}, {Point::z, 4 * 12},
                                     {Point::router_logits, 8}, {Point::expert_out, 64}}) {
    EXPECT_EQ(fault(add({point, 2}, static_cast<size_t>(width))), "") << name_of(point);
    EXPECT_NE(fault(add({point, 2}, static_cast<size_t>(width) + 1)).find(fmt::format("has {}", width)),
              std::string::npos)
        << name_of(point);
  }
  EXPECT_NE(fault(add({Point::router_margin, 2}, 2)).find("not edited"), std::string::npos);
  load("deepseek_v4");
  for (const auto& [point, width] :
       {std::pair{Point::resid_streams, 4 * 64}, {Point::attn_stream_collapse, 64}, {Point::mlp_stream_write, 4},
        {Point::attn_stream_mix, 16}, {Point::compressed_kv, 32}, {Point::q_latent, 24}}) {
    EXPECT_EQ(fault(add({point, 1}, static_cast<size_t>(width))), "") << name_of(point);
    EXPECT_NE(fault(add({point, 1}, 3)).find(fmt::format("has {}", width)), std::string::npos) << name_of(point);
  }
}

TEST_F(EditTest, ActsOnWhatItNames) {
  for (const char* golden : {"deepseek_v3", "deepseek_v32", "deepseek_v4"}) {
    load(golden);
    const std::vector<float> plain = logits({});
    const int last = model->facts().layers - 1;
    for (const PointId id : {PointId{Point::kv_latent, 1}, PointId{Point::q_latent, last}, PointId{Point::expert_out, last},
                             PointId{Point::shared_out, last}, PointId{Point::resid_streams, 1},
                             PointId{Point::attn_stream_write, last}, PointId{Point::mlp_stream_mix, 0},
                             PointId{Point::attn_stream_collapse, 1}, PointId{Point::compressed_kv, 1}}) {
      if (!model->shows(id.point, id.layer)) continue;
      auto edits = Edits::make({add(id, static_cast<size_t>(*model->width(id.point)))});
      ASSERT_TRUE(edits && edits->fits(*model));
      EXPECT_NE(logits({&*edits}), plain) << golden << " " << text_of(id);
      // At one position: rows before it stay as they are.
      Edit late = add(id, static_cast<size_t>(*model->width(id.point)));
      late.positions = {12, 12};
      auto at_one = Edits::make({late});
      ASSERT_TRUE(at_one);
      const std::vector<float> found = logits({&*at_one});
      const auto before = static_cast<std::ptrdiff_t>(12 * model->facts().vocabulary);
      EXPECT_TRUE(std::equal(found.begin(), found.begin() + before, plain.begin())) << golden << " " << text_of(id);
      EXPECT_NE(found, plain) << golden << " " << text_of(id);
    }
  }
}

// One expert silenced: rows that do not visit it in that layer, the last one, keep their logits to the bit.
TEST_F(EditTest, OfOneExpertAlone) {
  load("deepseek_v3");
  const int layer = model->facts().layers - 1;
  Recorder recorder({{Point::expert_indices, layer}}, Recorder::Rows::all);
  const std::vector<float> plain = logits({&recorder});
  const Recorder::Entry* chosen = recorder.find({Point::expert_indices, layer});
  ASSERT_TRUE(chosen);
  const auto used = static_cast<size_t>(chosen->shape[1]), vocabulary = static_cast<size_t>(model->facts().vocabulary);
  const int expert = static_cast<int>(chosen->numbers[0]);
  Edit silence{.point = Point::expert_out, .layer = layer, .action = Edit::Action::scale, .factor = 0};
  silence.expert = expert;
  auto edits = Edits::make({silence});
  ASSERT_TRUE(edits && edits->fits(*model));
  const std::vector<float> found = logits({&*edits});
  int visits = 0;
  for (size_t row = 0; row < plain.size() / vocabulary; ++row) {
    const auto first = chosen->numbers.begin() + static_cast<std::ptrdiff_t>(row * used);
    const bool visited = std::find(first, first + static_cast<std::ptrdiff_t>(used), static_cast<float>(expert)) !=
                         first + static_cast<std::ptrdiff_t>(used);
    const auto at = static_cast<std::ptrdiff_t>(row * vocabulary);
    EXPECT_EQ(std::equal(plain.begin() + at, plain.begin() + at + static_cast<std::ptrdiff_t>(vocabulary),
                         found.begin() + at),
              !visited)
        << row;
    visits += visited;
  }
  EXPECT_GT(visits, 0);
  EXPECT_LT(visits, 20);
}

}  // namespace
}  // namespace freehold
