// Models from packed files: the same logits to the bit as packed in memory, and damage is found while loading.
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temporary_folder.h"
#include "model/model.h"

namespace freehold {
namespace {

constexpr const char* goldens = "tests/golden/models";

class PackedModel : public ::testing::TestWithParam<std::string> {
 protected:
  Result<std::unique_ptr<Model>> load(const Checkpoint& checkpoint, NumericMode mode, bool predict, bool packed) {
    LoadOptions options{.mode = mode, .progress = {}, .predict = predict};
    if (packed) {
      TRY_ASSIGN(PackedFile file, PackedFile::open(path_));
      EXPECT_EQ(file.source(), checkpoint.identity());
      options.packed = std::make_shared<const PackedFile>(std::move(file));
    }
    return load_model(checkpoint, options, pool_);
  }
  std::vector<float> logits(const Model& model) {
    std::vector<Token> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back((i * 53 + 7) % model.facts().vocabulary);
    const auto cache = model.make_cache(40);
    Arena arena;
    Context context{best_kernels(), pool_, arena, model.mode().arithmetic, nullptr};
    Batch batch{{{.tokens = tokens, .start = 0, .cache = cache.get(), .logits = Batch::Sequence::Logits::all}}};
    Pass pass(context, batch, model.facts().layers, {});
    const Tensor all = model.forward(pass);
    return {all.all().begin(), all.all().end()};
  }

  Pool pool_{2};
  testing::TemporaryFolder folder_;
  const Path path_ = folder_ / "m.fhpack";
};

std::vector<std::string> all_goldens() {
  std::vector<std::string> names;
  for (const auto& golden : std::filesystem::directory_iterator(goldens))
    names.push_back(golden.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}
INSTANTIATE_TEST_SUITE_P(Golden, PackedModel, ::testing::ValuesIn(all_goldens()),
                         [](const auto& golden) { return golden.param; });

TEST_P(PackedModel, TheSameBits) {
  const auto checkpoint = Checkpoint::open(Path(goldens) / GetParam());
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  ASSERT_TRUE(pack_to_file(*checkpoint, path_, false, {}, pool_));
  for (const NumericMode& mode : {NumericMode(), NumericMode::exact()}) {  // one file serves every mode
    const auto plain = load(*checkpoint, mode, false, false), packed = load(*checkpoint, mode, false, true);
    ASSERT_TRUE(plain && packed) << packed.error().what;
    EXPECT_EQ(logits(**packed), logits(**plain));
    EXPECT_EQ((*packed)->facts().weight_bytes, (*plain)->facts().weight_bytes);
  }
}

TEST_P(PackedModel, DamageIsFound) {
  const auto checkpoint = Checkpoint::open(Path(goldens) / GetParam());
  ASSERT_TRUE(checkpoint);
  ASSERT_TRUE(pack_to_file(*checkpoint, path_, false, {}, pool_));
  const auto file = PackedFile::open(path_);
  ASSERT_TRUE(file);
  const std::string whole = *read_file(path_, 1 << 30);
  for (const PackedMatrix& m : file->matrices()) {
    std::string damaged = whole;
    damaged[m.offset + m.bytes / 2] = static_cast<char>(damaged[m.offset + m.bytes / 2] ^ 1);
    std::ofstream(path_, std::ios::binary) << damaged;
    const auto model = load(*checkpoint, {}, false, true);
    ASSERT_FALSE(model) << m.name;
    EXPECT_EQ(model.error().fault, Fault::integrity);
    EXPECT_NE(model.error().what.find(m.name), std::string::npos) << model.error().what;
    if (&m - file->matrices().data() > 20) break;
  }
}

TEST(PackedModelUses, TheLayerThatPredictsHasToBeInIt) {
  Pool pool(2);
  const testing::TemporaryFolder folder;
  const Path path = folder / "m.fhpack";
  const auto checkpoint = Checkpoint::open(Path(goldens) / "deepseek_v3_mtp");
  ASSERT_TRUE(checkpoint);
  const auto load = [&](bool predict) {
    return load_model(*checkpoint, {.mode = {}, .progress = {}, .predict = predict,
                                    .packed = std::make_shared<const PackedFile>(std::move(*PackedFile::open(path)))}, pool);
  };
  ASSERT_TRUE(pack_to_file(*checkpoint, path, false, {}, pool));
  const auto without = load(true);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().fault, Fault::inconsistent) << without.error().what;
  ASSERT_TRUE(pack_to_file(*checkpoint, path, true, {}, pool));
  EXPECT_TRUE(load(true));
  EXPECT_TRUE(load(false));
}

TEST(PackedModelUses, AFileThatChangedIsAnother) {
  const testing::TemporaryFolder folder;
  const Path golden = Path(goldens) / "llama_tied";
  for (const auto& file : std::filesystem::directory_iterator(golden))
    std::filesystem::copy_file(file, folder / file.path().filename());
  const auto identity = [&] { return Checkpoint::open(folder.path())->identity(); };
  const uint64_t before = identity();
  EXPECT_EQ(identity(), before);
  const Path weights = folder / "model.safetensors";
  std::filesystem::last_write_time(weights, std::filesystem::last_write_time(weights) + std::chrono::seconds(1));
  EXPECT_NE(identity(), before);
}

}  // namespace
}  // namespace freehold
