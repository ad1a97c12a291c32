// Weights read when they are asked for: the bytes of the file, whatever the size of the cache and the order of asking.
#include "files/weight_cache.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temporary_folder.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

constexpr int count = 40;

class WeightCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Random random(1);
    std::vector<const Weight*> sources;
    for (int i = 0; i < count; ++i) {  // three sizes, one of several pieces
      const bool large = i == 7 || i == 8 || i == 10;
      owned_.push_back(testing::random_weight(i % 3 ? Format::q4_k : Format::q6_k, large ? 4096 : 64,
                                              large ? 2048 : 512, Layout::source, random));
      owned_.back()->weight.name = fmt::format("{}.weight", i);
      sources.push_back(&owned_.back()->weight);
    }
    Pool pool(2);
    ASSERT_TRUE(write_packed_file(path_, sources, {}, pool));
  }
  // The weights, and a cache of so many bytes that they belong to.
  void open(uint64_t bytes) {
    auto file = PackedFile::open(path_);
    ASSERT_TRUE(file) << file.error().what;
    file_ = std::make_shared<const PackedFile>(std::move(*file));
    auto cache = WeightCache::make(file_, bytes);
    ASSERT_TRUE(cache) << cache.error().what;
    cache_ = std::move(*cache);
    weights_.clear();
    for (const auto& owned : owned_) weights_.push_back(owned->weight);
    for (Weight& weight : weights_) cache_->add(weight, **file_->matrix_of(weight));
  }
  bool same(const Weight& weight) const {
    return weight.bytes.data() &&
           std::ranges::equal(weight.bytes, file_->bytes(file_->matrices()[static_cast<size_t>(weight.place)]));
  }
  uint64_t largest() const { return file_->matrices()[7].bytes; }

  std::vector<std::unique_ptr<testing::OwnedWeight>> owned_;
  testing::TemporaryFolder folder_;
  const Path path_ = folder_ / "m.fhpack";
  std::shared_ptr<const PackedFile> file_;
  std::deque<Weight> weights_;
  std::unique_ptr<WeightCache> cache_;
};

TEST_F(WeightCacheTest, GivesTheBytesOfTheFile) {
  open(1 << 30);
  const uint64_t least = WeightCache::least_bytes(largest());
  for (const uint64_t bytes : {least, least + 100'000, 2 * least, uint64_t{1} << 30}) {
    open(bytes);
    Random random(2);
    for (int step = 0; step < 60; ++step) {
      std::vector<const Weight*> list;
      std::vector<int> numbers(count);
      for (int i = 0; i < count; ++i) numbers[static_cast<size_t>(i)] = i;
      for (int i = 0; i < count; ++i)
        std::swap(numbers[static_cast<size_t>(i)], numbers[static_cast<size_t>(random.below(count))]);
      for (int i = 0; i <= random.below(step % 5 ? 6 : count); ++i)
        list.push_back(&weights_[static_cast<size_t>(numbers[static_cast<size_t>(i)])]);
      if (step % 3) cache_->ahead(list);
      if (step % 7 == 0) continue;  // announced in vain
      for (size_t done = 0; done < list.size();) {
        const auto rest = std::span(list).subspan(done);
        const size_t held = cache_->hold(rest);
        ASSERT_GE(held, 1u);
        ASSERT_LE(held, rest.size());
        for (const Weight* weight : rest.first(held)) {
          ASSERT_TRUE(cache_->present(*weight));
          ASSERT_TRUE(same(*weight)) << weight->name;
        }
        done += held;
        ASSERT_LE(cache_->counts().held_bytes, bytes);
      }
    }
    EXPECT_TRUE(cache_->check());
    const WeightStoreCounts counts = cache_->counts();
    EXPECT_GT(counts.asked, 100u);
    if (bytes == 1 << 30) {
      EXPECT_LE(counts.reads, static_cast<uint64_t>(count));  // nothing twice
    }
  }
}

TEST_F(WeightCacheTest, WhatIsNotHeldHasNoBytes) {
  open(1 << 30);
  open(WeightCache::least_bytes(largest()));
  for (const Weight& weight : weights_) {
    EXPECT_EQ(weight.bytes.data(), nullptr);
    EXPECT_EQ(weight.bytes.size(), file_->matrices()[static_cast<size_t>(weight.place)].bytes);  // its size is known
  }
  const Weight* all[count];
  for (int i = 0; i < count; ++i) all[i] = &weights_[static_cast<size_t>(i)];
  for (int round = 0; round < 3; ++round)
    for (size_t done = 0; done < count;) done += cache_->hold(std::span(all).subspan(done));
  int without = 0;
  for (const Weight& weight : weights_) without += weight.bytes.data() == nullptr;
  EXPECT_GT(without, 0);
}

TEST_F(WeightCacheTest, TheOneUnusedLongestMakesRoom) {
  open(1 << 30);
  open(WeightCache::least_bytes(largest()));  // two of the three large ones
  const auto reads = [&](int i) {
    const uint64_t before = cache_->counts().reads;
    const Weight* weight = &weights_[static_cast<size_t>(i)];
    cache_->hold({&weight, 1});
    return cache_->counts().reads - before;
  };
  EXPECT_EQ(reads(7), 1u);
  EXPECT_EQ(reads(8), 1u);
  EXPECT_EQ(reads(10), 1u);  // in place of 7
  EXPECT_EQ(reads(8), 0u);
  EXPECT_EQ(reads(7), 1u);  // in place of 10
  EXPECT_EQ(reads(8), 0u);
  EXPECT_EQ(reads(10), 1u);
  const Weight* announced = &weights_[8];
  cache_->ahead({&announced, 1});  // now 8 stays
  EXPECT_EQ(reads(7), 1u);
  EXPECT_EQ(reads(8), 0u);
}

TEST_F(WeightCacheTest, DamageAndCutFilesAreNamed) {
  open(1 << 30);
  open(WeightCache::least_bytes(largest()));
  const std::string whole = *read_file(path_, 1 << 30);
  std::fstream on_disk(path_, std::ios::binary | std::ios::in | std::ios::out);
  const PackedMatrix& m = file_->matrices()[3];
  on_disk.seekp(static_cast<std::streamoff>(m.offset + 5)).put(static_cast<char>(whole[m.offset + 5] ^ 16)).flush();
  const Weight *bad = &weights_[3], *good = &weights_[4];
  cache_->hold({&bad, 1});
  for (const std::byte byte : bad->bytes) ASSERT_EQ(byte, std::byte{});
  const auto found = cache_->check();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().fault, Fault::integrity);
  EXPECT_NE(found.error().what.find("3.weight"), std::string::npos) << found.error().what;
  EXPECT_TRUE(cache_->check());  // said once
  cache_->hold({&good, 1});
  EXPECT_TRUE(same(*good));
  on_disk.seekp(static_cast<std::streamoff>(m.offset + 5)).put(whole[m.offset + 5]).flush();
  cache_->hold({&bad, 1});  // is read once more
  EXPECT_TRUE(cache_->check());
  EXPECT_TRUE(same(*bad));

  std::filesystem::resize_file(path_, m.offset);
  const Weight* lost = &weights_[20];
  cache_->hold({&lost, 1});
  const auto cut = cache_->check();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().fault, Fault::io) << cut.error().what;
}

}  // namespace
}  // namespace freehold
