// Sessions over a model whose experts are read as they are needed: the same logits, and what cannot be read is an error
// of the pass, after which the session goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/testing/temporary_folder.h"
#include "files/weight_cache.h"
#include "run/session.h"

namespace freehold {
namespace {

TEST(StreamedSession, DamageUnderItIsAnErrorAndNoToken) {
  Pool pool(2);
  const testing::TemporaryFolder folder;
  const Path path = folder / "m.fhpack";
  const auto checkpoint = Checkpoint::open("tests/golden/models/deepseek_v3");
  ASSERT_TRUE(checkpoint);
  ASSERT_TRUE(pack_to_file(*checkpoint, path, false, {}, pool));
  auto file = PackedFile::open(path);
  ASSERT_TRUE(file);
  uint64_t others = 0, largest = 0;
  std::vector<PackedMatrix> experts;
  for (const PackedMatrix& m : file->matrices())
    if (m.name.find(".experts.") != std::string::npos)
      experts.push_back(m), largest = std::max(largest, m.bytes);
    else
      others += m.bytes;
  const auto plain = load_model(*checkpoint, {}, pool);
  ASSERT_TRUE(plain);
  LoadOptions options;
  options.packed = std::make_shared<const PackedFile>(std::move(*file));
  options.memory = others + WeightCache::least_bytes(largest);
  const auto model = load_model(*checkpoint, options, pool);
  ASSERT_TRUE(model) << model.error().what;

  Engine engine(**model, best_kernels(), pool), resident(**plain, best_kernels(), pool);
  EXPECT_EQ(engine.fingerprint(), resident.fingerprint());  // states go from one to the other
  auto session = Session::make(engine, {.positions = 64}), other = Session::make(resident, {.positions = 64});
  ASSERT_TRUE(session && other);
  const std::vector<Token> prompt = {3, 1, 4, 1, 5, 9, 2, 6};
  ASSERT_TRUE(session->sync(prompt));
  ASSERT_TRUE(other->sync(prompt));
  EXPECT_TRUE(std::ranges::equal(session->logits(), other->logits()));

  std::fstream on_disk(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto flip_all = [&] {
    for (const PackedMatrix& m : experts) {
      on_disk.seekg(static_cast<std::streamoff>(m.offset));
      const auto byte = static_cast<char>(on_disk.get() ^ 1);
      on_disk.seekp(static_cast<std::streamoff>(m.offset)).put(byte);
    }
    on_disk.flush();
  };
  flip_all();
  const auto failed = session->step(7);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::integrity) << failed.error().what;
  EXPECT_EQ(session->position(), 8);
  flip_all();
  const auto again = session->step(7);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_TRUE(std::ranges::equal(*again, *other->step(7)));
}

}  // namespace
}  // namespace freehold
