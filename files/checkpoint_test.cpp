// Checkpoints as folders and files on disk: shards, indexes, links, scales, cut files.
#include "files/checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/testing/temporary_folder.h"
#include "files/testing/safetensors_writer.h"

namespace freehold {
namespace {

using testing::floats;
using testing::GgufWriter;
using testing::safetensors;
using testing::TemporaryFolder;

constexpr const char* index_file = "model.safetensors.index.json";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string refused(const Path& path, Fault fault, Links links = Links::refuse) {
  const auto checkpoint = Checkpoint::open(path, links);
  if (checkpoint) {
    ADD_FAILURE() << "was accepted";
    return "";
  }
  EXPECT_EQ(checkpoint.error().fault, fault) << checkpoint.error().what;
  EXPECT_TRUE(is_clean_utf8(checkpoint.error().what));
  return checkpoint.error().what;
}

std::string sharded(int number, int count, int total, std::string_view tensor) {
  GgufWriter writer;
  writer.key("split.no", static_cast<uint16_t>(number)).key("split.count", static_cast<uint16_t>(count));
  writer.key("split.tensors.count", static_cast<int32_t>(total)).tensor(tensor, {2, 2}, 0, floats(4));
  if (number == 0) writer.key("general.architecture", "llama");
  return writer.bytes();
}

std::string one_tensor(const std::string& name) { return safetensors({{name, "F32", {2, 2}, floats(4)}}); }

TEST(Checkpoint, opens_a_gguf) {
  TemporaryFolder folder;
  GgufWriter writer;
  writer.key("general.architecture", "llama").strings("tokens", {"a", "b"}).numbers<int32_t>("types", {1, 2});
  writer.tensor("w", {3, 32}, 8, std::string(3 * 34, 'q')).tensor("norm", {8}, 0, floats(8));
  writer.tensor("experts", {2, 3, 8}, 0, floats(48)).tensor("ids", {2, 2}, 26, std::string(16, '\0'));
  auto opened = Checkpoint::open(folder.write("tiny.gguf", writer.bytes()));
  ASSERT_TRUE(opened) << opened.error().what;
  const Checkpoint checkpoint = *opened;  // a copy shares everything
  EXPECT_EQ(checkpoint.source(), Checkpoint::Source::gguf);
  EXPECT_EQ(checkpoint.name(), "tiny.gguf");
  EXPECT_EQ(checkpoint.config()["general.architecture"], "llama");
  EXPECT_EQ(checkpoint.strings("tokens")[1], "b");
  EXPECT_EQ(checkpoint.integers("types")[1], 2);
  EXPECT_TRUE(checkpoint.strings("types").empty());
  EXPECT_TRUE(checkpoint.floats("absent").empty());
  EXPECT_EQ(checkpoint.tensors().size(), 4u);
  EXPECT_EQ(checkpoint.find("norm")->shape, (Shape{8}));
  EXPECT_EQ(checkpoint.find("nor"), nullptr);
  EXPECT_EQ(checkpoint.file_bytes(), writer.bytes().size());
  EXPECT_FALSE(checkpoint.has_side_file("config.json"));
  EXPECT_EQ(checkpoint.side_file("config.json").error().fault, Fault::unsupported);

  const auto weight = checkpoint.weight("w");
  ASSERT_TRUE(weight) << weight.error().what;
  EXPECT_EQ(weight->rows, 3);
  EXPECT_EQ(weight->cols, 32);
  EXPECT_EQ(weight->format, Format::q8_0);
  EXPECT_EQ(weight->bytes.size(), 102u);
  EXPECT_EQ(checkpoint.weight("norm").error().fault, Fault::inconsistent);
  EXPECT_EQ(checkpoint.weight("absent").error().fault, Fault::inconsistent);
  EXPECT_EQ(checkpoint.weight("experts").error().fault, Fault::inconsistent);
  EXPECT_EQ(checkpoint.weight("ids").error().fault, Fault::unsupported);
  const auto stack = checkpoint.stacked_weight("experts");
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->rows, 6);
  EXPECT_EQ(stack->cols, 8);
  EXPECT_EQ(checkpoint.stacked_weight("w").error().fault, Fault::inconsistent);
  checkpoint.drop(weight->bytes);
  EXPECT_TRUE(checkpoint.check_intact());
}

TEST(Checkpoint, a_tensor_twice_is_refused) {
  TemporaryFolder folder;
  const std::string twice = GgufWriter().tensor("a", {8}, 0, floats(8)).tensor("a", {8}, 0, floats(8)).bytes();
  EXPECT_TRUE(contains(refused(folder.write("t.gguf", twice), Fault::malformed), "tensor 'a' occurs twice"));
}

TEST(Checkpoint, what_is_not_there_or_no_file) {
  TemporaryFolder folder;
  refused(folder / "absent.gguf", Fault::io);
  refused(folder.write("empty.gguf", ""), Fault::malformed);
  refused(folder.path(), Fault::io);  // no config.json
}

TEST(Checkpoint, joins_shards) {
  TemporaryFolder folder;
  const Path first = folder.write("m-00001-of-00002.gguf", sharded(0, 2, 2, "a"));
  const Path second = folder.write("m-00002-of-00002.gguf", sharded(1, 2, 2, "b"));
  const auto checkpoint = Checkpoint::open(first);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->weight("b")->bytes.size(), 16u);
  EXPECT_EQ(checkpoint->config()["general.architecture"], "llama");
  checkpoint->drop(checkpoint->find("b")->bytes);
  EXPECT_TRUE(contains(refused(second, Fault::usage), "open the first"));
  EXPECT_EQ(Checkpoint::open_header(first)->tensors().size(), 1u);
}

TEST(Checkpoint, shards_must_agree) {
  TemporaryFolder folder;
  const Path first = folder.write("m-00001-of-00002.gguf", sharded(0, 2, 2, "a"));
  const auto with_second = [&](std::string_view bytes) { return folder.write("m-00002-of-00002.gguf", bytes), first; };
  refused(first, Fault::io);  // the second is absent
  refused(with_second(sharded(0, 2, 2, "b")), Fault::inconsistent);
  refused(with_second(sharded(1, 3, 2, "b")), Fault::inconsistent);
  refused(with_second(sharded(1, 2, 3, "b")), Fault::inconsistent);
  refused(with_second(GgufWriter().tensor("b", {2, 2}, 0, floats(4)).bytes()), Fault::inconsistent);
  refused(with_second(sharded(1, 2, 2, "a")), Fault::malformed);  // the same name in both
  refused(with_second(sharded(1, 2, 2, "b").substr(0, 100)), Fault::malformed);
  refused(with_second("PK\x03\x04"), Fault::unsupported);
  EXPECT_TRUE(Checkpoint::open(with_second(sharded(1, 2, 2, "b"))));
  folder.write("m-00001-of-00002.gguf", sharded(0, 2, 5, "a"));
  refused(with_second(sharded(1, 2, 5, "b")), Fault::inconsistent);  // five are claimed, two are there

  refused(folder.write("renamed.gguf", sharded(0, 2, 2, "a")), Fault::inconsistent);
  refused(folder.write("n-00001-of-00003.gguf", sharded(0, 2, 2, "a")), Fault::inconsistent);
  refused(folder.write("o-00001-of-00002.gguf", GgufWriter().tensor("a", {4}, 0, floats(4)).bytes()),
          Fault::inconsistent);
  EXPECT_TRUE(Checkpoint::open(folder.write("p-00001-of-00001.gguf", sharded(0, 1, 1, "a"))));
  for (uint16_t count : {uint16_t{0}, uint16_t{1001}, uint16_t{65535}})
    refused(folder.write("q-00001-of-00002.gguf", GgufWriter().key("split.count", count).bytes()), Fault::malformed);
  refused(folder.write("r.gguf", GgufWriter().key("split.count", int32_t{-1}).bytes()), Fault::malformed);
  refused(folder.write("s.gguf", GgufWriter().key("split.count", "2").bytes()), Fault::malformed);
}

TEST(Checkpoint, a_shard_behind_a_link_is_refused) {
  TemporaryFolder folder;
  const Path first = folder.write("model/m-00001-of-00002.gguf", sharded(0, 2, 2, "a"));
  folder.write("elsewhere.gguf", sharded(1, 2, 2, "b"));
  std::filesystem::create_symlink("../elsewhere.gguf", folder / "model/m-00002-of-00002.gguf");
  refused(first, Fault::unsupported);
  refused(first, Fault::unsupported, Links::model_cache);
}

TEST(Checkpoint, a_model_cache_opens_when_allowed) {
  TemporaryFolder folder;
  folder.write("repo/blobs/c0", R"({"model_type":"llama"})");
  folder.write("repo/blobs/50", one_tensor("a"));
  const Path snapshot = folder / "repo/snapshots/rev";
  std::filesystem::create_directories(snapshot);
  std::filesystem::create_symlink("../../blobs/c0", snapshot / "config.json");
  std::filesystem::create_symlink("../../blobs/50", snapshot / "model.safetensors");
  refused(snapshot, Fault::unsupported);
  const auto checkpoint = Checkpoint::open(snapshot, Links::model_cache);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  EXPECT_EQ(checkpoint->tensors().size(), 1u);
}

TEST(Checkpoint, opens_a_cut_file_for_its_header) {
  TemporaryFolder folder;
  const std::string whole = sharded(0, 1, 1, "a");
  const Path cut = folder.write("cut.gguf", whole.substr(0, whole.size() - 4));
  refused(cut, Fault::malformed);
  const auto checkpoint = Checkpoint::open_header(cut);
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  EXPECT_TRUE(checkpoint->find("a")->bytes.empty());
  EXPECT_EQ(checkpoint->weight("a").error().fault, Fault::malformed);
}

TEST(Checkpoint, notices_that_its_file_changed) {
  TemporaryFolder folder;
  const Path path = folder.write("t.gguf", sharded(0, 1, 1, "a"));
  const auto checkpoint = Checkpoint::open(path);
  ASSERT_TRUE(checkpoint && checkpoint->check_intact());
  ASSERT_EQ(::truncate(path.c_str(), 10), 0);
  EXPECT_EQ(checkpoint->check_intact().error().fault, Fault::io);
}

TEST(Checkpoint, opens_a_folder) {
  TemporaryFolder folder;
  folder.write("m/config.json", R"({"model_type":"llama","hidden_size":64})");
  folder.write("m/model.safetensors", one_tensor("a.weight"));
  folder.write("m/tokenizer.json", "{}");
  const auto checkpoint = Checkpoint::open(folder / "m/");
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  EXPECT_EQ(checkpoint->source(), Checkpoint::Source::folder);
  EXPECT_EQ(checkpoint->name(), "m");
  EXPECT_EQ(checkpoint->config()["hidden_size"], 64);
  EXPECT_EQ(checkpoint->weight("a.weight")->rows, 2);
  EXPECT_TRUE(checkpoint->has_side_file("tokenizer.json"));
  EXPECT_FALSE(checkpoint->has_side_file("vocab.txt"));
  EXPECT_EQ(*checkpoint->side_file("tokenizer.json"), "{}");
  EXPECT_EQ(checkpoint->side_file("../m/config.json").error().fault, Fault::malformed);
  EXPECT_EQ(Checkpoint::open_header(folder / "m").error().fault, Fault::unsupported);
}

TEST(Checkpoint, a_folder_needs_a_configuration_and_weights) {
  TemporaryFolder folder;
  folder.write("model.safetensors", one_tensor("a"));
  refused(folder.path(), Fault::io);
  for (const char* bad : {"", "[]", "7", "{", R"({"a":1,"a":2})", "{\"a\":NaN}"}) {
    folder.write("config.json", bad);
    refused(folder.path(), Fault::malformed);
  }
  folder.write("config.json", std::string(3 << 20, ' '));
  refused(folder.path(), Fault::resources);
  folder.write("config.json", "{}");
  EXPECT_TRUE(Checkpoint::open(folder.path()));

  folder.write("model.safetensors", "PK\x03\x04 a zip of pickles");
  EXPECT_TRUE(contains(refused(folder.path(), Fault::unsupported), "pickle"));
  std::filesystem::remove(folder / "model.safetensors");
  refused(folder.path(), Fault::malformed);
  folder.write("pytorch_model.bin", "\x80\x02");
  EXPECT_TRUE(contains(refused(folder.path(), Fault::unsupported), "pickle"));
}

class Index : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("config.json", "{}");
    folder.write("x.safetensors", one_tensor("a"));
    folder.write("y.safetensors", one_tensor("b"));
  }
  Path with(std::string_view map) {
    folder.write(index_file, "{\"weight_map\":" + std::string(map) + "}");
    return folder.path();
  }
  TemporaryFolder folder;
};

TEST_F(Index, joins_the_shards_it_names) {
  const auto checkpoint = Checkpoint::open(with(R"({"a":"x.safetensors","b":"y.safetensors"})"));
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_TRUE(checkpoint->weight("b"));
}

TEST_F(Index, must_tell_the_truth) {
  // A tensor that no shard holds; one that the index does not know; one in another shard; a shard that is not there.
  EXPECT_TRUE(contains(
      refused(with(R"({"a":"x.safetensors","b":"y.safetensors","c":"x.safetensors"})"), Fault::inconsistent), "'c'"));
  EXPECT_TRUE(contains(refused(with(R"({"a":"x.safetensors","c":"y.safetensors"})"), Fault::inconsistent), "'b'"));
  refused(with(R"({"a":"y.safetensors","b":"x.safetensors"})"), Fault::inconsistent);
  refused(with(R"({"a":"x.safetensors","b":"z.safetensors"})"), Fault::io);
  // A shard that the index does not name is not read, and so cannot matter.
  EXPECT_EQ(Checkpoint::open(with(R"({"a":"x.safetensors"})"))->tensors().size(), 1u);
}

TEST_F(Index, leads_nowhere_else) {
  folder.write("outside/z.safetensors", one_tensor("b"));
  refused(with(R"({"a":"x.safetensors","b":"outside/z.safetensors"})"), Fault::malformed);
  refused(with(R"({"a":"x.safetensors","b":"../z.safetensors"})"), Fault::malformed);
  std::filesystem::create_symlink("outside/z.safetensors", folder / "link.safetensors");
  refused(with(R"({"a":"x.safetensors","b":"link.safetensors"})"), Fault::unsupported);
  std::filesystem::create_directory(folder / "dir.safetensors");
  refused(with(R"({"a":"x.safetensors","b":"dir.safetensors"})"), Fault::unsupported);
}

TEST_F(Index, beside_a_single_file_is_ambiguous) {
  folder.write("model.safetensors", one_tensor("a"));
  refused(with(R"({"a":"x.safetensors","b":"y.safetensors"})"), Fault::inconsistent);
}

TEST(Fp8, scales_come_with_the_weight) {
  TemporaryFolder folder;
  folder.write("config.json", "{}");
  const auto opened = [&](const std::vector<testing::SafetensorsEntry>& entries) {
    folder.write("model.safetensors", safetensors(entries));
    return *Checkpoint::open(folder.path());
  };
  const testing::SafetensorsEntry weight = {"p.weight", "F8_E4M3", {130, 128}, std::string(130 * 128, '8')};
  const auto inverse = opened({weight, {"p.weight_scale_inv", "F32", {2, 1}, floats(2)}}).weight("p.weight");
  ASSERT_TRUE(inverse) << inverse.error().what;
  EXPECT_EQ(inverse->scales.size(), 8u);
  EXPECT_EQ(inverse->scale_format, Format::f32);
  const auto power = opened({weight, {"p.scale", "F8_E8M0", {2, 1}, "\x7f\x7f"}}).weight("p.weight");
  ASSERT_TRUE(power) << power.error().what;
  EXPECT_EQ(power->scales.size(), 2u);
  EXPECT_EQ(power->scale_format, Format::f8_e8m0);

  EXPECT_EQ(opened({weight}).weight("p.weight").error().fault, Fault::inconsistent);
  EXPECT_EQ(opened({weight, {"p.scale", "F32", {1, 1}, floats(1)}}).weight("p.weight").error().fault,
            Fault::inconsistent);
  EXPECT_EQ(opened({weight, {"p.scale", "BF16", {2, 1}, "abcd"}}).weight("p.weight").error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace freehold
