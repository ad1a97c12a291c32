// Models from packed files: the same logits to the bit as packed in memory, and damage is found while loading.
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temporary_folder.h"
#include "files/weight_cache.h"
#include "model/model.h"

namespace freehold {
namespace {

constexpr const char* goldens = "tests/golden/models";

class PackedModel : public ::testing::TestWithParam<std::string> {
 protected:
  Result<std::unique_ptr<Model>> load(const Checkpoint& checkpoint, NumericMode mode, bool predict, bool packed,
                                      uint64_t memory = 0) {
    LoadOptions options{.mode = mode, .progress = {}, .predict = predict};
    options.memory = memory;
    if (packed) {
      TRY_ASSIGN(PackedFile file, PackedFile::open(path_));
      EXPECT_EQ(file.source(), checkpoint.identity());
      options.packed = std::make_shared<const PackedFile>(std::move(file));
    }
    return load_model(checkpoint, options, pool_);
  }
  std::vector<float> logits(const Model& model, int piece = 40) {
    std::vector<Token> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back((i * 53 + 7) % model.facts().vocabulary);
    const auto cache = model.make_cache(40);
    std::vector<float> all;
    for (int first = 0; first < 40; first += piece) {
      Arena arena;
      Context context{best_kernels(), pool_, arena, model.mode().arithmetic, nullptr};
      Batch batch{
          {{.tokens = std::span<const Token>(tokens).subspan(static_cast<size_t>(first), static_cast<size_t>(piece)),
            .start = first,
            .cache = cache.get(),
            .logits = Batch::Sequence::Logits::all}}};
      Pass pass(context, batch, model.facts().layers, {});
      const Tensor some = model.forward(pass);
      all.insert(all.end(), some.all().begin(), some.all().end());
    }
    return all;
  }

  Pool pool_{2};
  testing::TemporaryFolder folder_;
  const Path path_ = folder_ / "m.fhpack";
};

std::vector<std::string> all_goldens() {
  std::vector<std::string> names;
  for (const auto& golden : std::filesystem::directory_iterator(goldens)) names.push_back(golden.path().filename());
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

// Experts read as they are needed: the same bits with the smallest cache, with some, and with one for all.
TEST_P(PackedModel, StreamedIsResident) {
  const auto checkpoint = Checkpoint::open(Path(goldens) / GetParam());
  ASSERT_TRUE(checkpoint);
  ASSERT_TRUE(pack_to_file(*checkpoint, path_, false, {}, pool_));
  const auto file = PackedFile::open(path_);
  ASSERT_TRUE(file);
  uint64_t others = 0, routed = 0, largest = 0;
  for (const PackedMatrix& m : file->matrices()) {
    const bool expert = m.name.find(".experts.") != std::string::npos;
    (expert ? routed : others) += m.bytes;
    if (expert) largest = std::max(largest, m.bytes);
  }
  if (routed == 0) {
    const auto refused = load(*checkpoint, {}, false, true, others - 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::resources) << refused.error().what;
    return;
  }
  const uint64_t least = others + WeightCache::least_bytes(largest);
  EXPECT_EQ(load(*checkpoint, {}, false, true, least - 1).error().fault, Fault::resources);
  EXPECT_EQ(load(*checkpoint, {}, false, false, least).error().fault,
            Fault::resources);  // there is nothing to read from
  for (const NumericMode& mode : {NumericMode(), NumericMode::exact(), NumericMode{.mla = MlaForm::expanded}}) {
    const auto resident = load(*checkpoint, mode, false, true);
    ASSERT_TRUE(resident) << resident.error().what;
    EXPECT_EQ((*resident)->store(), nullptr);
    const std::vector<float> whole = logits(**resident), steps = logits(**resident, 1);
    for (const uint64_t memory : {least, others + routed / 3, others + routed * 9 / 10}) {
      const auto streamed = load(*checkpoint, mode, false, true, std::max(memory, least));
      ASSERT_TRUE(streamed) << streamed.error().what;
      ASSERT_NE((*streamed)->store(), nullptr);
      EXPECT_EQ(logits(**streamed), whole) << memory;
      EXPECT_EQ(logits(**streamed, 1), steps) << memory;
      EXPECT_TRUE((*streamed)->store()->check());
      const WeightStoreCounts counts = (*streamed)->store()->counts();
      EXPECT_GT(counts.asked, 0u);
      if (memory == least) {
        EXPECT_GT(counts.reads, 0u);
      }
      EXPECT_LE(counts.held_bytes, std::max(memory, least) - others);
      EXPECT_EQ((*streamed)->facts().weight_bytes, (*resident)->facts().weight_bytes);
    }
    const auto roomy = load(*checkpoint, mode, false, true, others + routed + 1);
    ASSERT_TRUE(roomy);
    EXPECT_EQ((*roomy)->store(), nullptr);  // everything fits
  }
}

TEST(PackedModelUses, TheLayerThatPredictsHasToBeInIt) {
  Pool pool(2);
  const testing::TemporaryFolder folder;
  const Path path = folder / "m.fhpack";
  const auto checkpoint = Checkpoint::open(Path(goldens) / "deepseek_v3_mtp");
  ASSERT_TRUE(checkpoint);
  const auto load = [&](bool predict) {
    return load_model(*checkpoint,
                      {.mode = {},
                       .progress = {},
                       .predict = predict,
                       .packed = std::make_shared<const PackedFile>(std::move(*PackedFile::open(path)))},
                      pool);
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
