#include "files/sealed_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/testing/temporary_folder.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

struct SealedStoreTest : ::testing::Test {
  testing::TemporaryFolder root;
  const Path folder = root / "pieces", key = root / "pieces.key";
  std::vector<Error> said;
  std::unique_ptr<SealedStore> store;

  void open(uint64_t most_bytes = 1 << 20) {
    store.reset();
    auto opened = SealedStore::open(folder, key, most_bytes, [this](const Error& error) { said.push_back(error); });
    ASSERT_TRUE(opened) << opened.error().what;
    store = std::move(*opened);
  }
  SealedStore::Name name(int i) const { return store->name_of(std::to_string(i)); }
  Path file(int i) const { return folder / hex_of(name(i)); }
  void put(int i, std::string bytes) {
    store->put(name(i), store->times(1), [&] { return bytes; });
  }
  std::string got(int i) { return store->get(name(i)).value_or("(nothing)"); }
};

TEST_F(SealedStoreTest, KeepsAcrossARestartWhatNobodyElseCanRead) {
  open();
  EXPECT_EQ(got(1), "(nothing)");
  put(1, "the canary sings");
  put(2, "");
  store->wait_until_written();
  EXPECT_EQ(got(1), "the canary sings");
  const std::string bytes = *read_file(file(1), 1 << 20);
  EXPECT_EQ(bytes.find("canary"), std::string::npos);
  const Path first = file(1);
  open();
  EXPECT_EQ(file(1), first);  // the same key gives the same names
  EXPECT_EQ(got(1), "the canary sings");
  EXPECT_EQ(got(2), "");
  struct stat of_key;
  ASSERT_EQ(::stat(key.c_str(), &of_key), 0);
  EXPECT_EQ(of_key.st_mode & 0777, 0600u);
  EXPECT_EQ(of_key.st_size, 32);
  EXPECT_TRUE(said.empty());
}

TEST_F(SealedStoreTest, TheLongestUnusedGoFirstAlsoAfterARestart) {
  const uint64_t each = 1000 + sealed_overhead;
  open(4 * each);
  for (int i = 0; i < 4; ++i) put(i, std::string(1000, 'x'));
  put(0, "not asked for");  // used again
  store->wait_until_written();
  open(4 * each);
  put(4, std::string(1000, 'y'));
  put(5, std::string(1000, 'y'));
  store->wait_until_written();
  for (const int gone : {1, 2}) EXPECT_EQ(got(gone), "(nothing)") << gone;
  for (const int kept : {0, 3, 4, 5}) EXPECT_EQ(got(kept).size(), 1000u) << kept;
  EXPECT_LE(store->counts().bytes, 4 * each);
  EXPECT_EQ(store->counts().evicted, 2u);
  put(6, std::string(5000, 'z'));  // larger than all there may be
  store->wait_until_written();
  EXPECT_EQ(store->counts().files, 4u);
  open(2 * each);  // less room than there was
  EXPECT_EQ(store->counts().files, 2u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 3);  // and the lock
}

TEST_F(SealedStoreTest, WhatIsDamagedForeignCutOffOrOfTheFutureIsRemovedAndCounted) {
  open();
  const std::string text(500, 'x');
  for (int i = 0; i < 6; ++i) put(i, text);
  store->wait_until_written();
  const auto change = [&](int i, const std::function<void(std::string&)>& how) {
    std::string bytes = *read_file(file(i), 1 << 20);
    how(bytes);
    ASSERT_TRUE(replace_file(file(i), bytes));
  };
  change(0, [](std::string& b) { b[100] = static_cast<char>(b[100] ^ 4); });
  change(1, [](std::string& b) { b.resize(200); });
  change(2, [](std::string& b) { b = "GGUF"; });
  change(3, [](std::string& b) { b[7] = '2'; });
  fs::copy_file(file(5), file(4), fs::copy_options::overwrite_existing);  // another piece under this name
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(got(i), "(nothing)") << i;
    EXPECT_FALSE(fs::exists(file(i))) << i;
  }
  EXPECT_EQ(got(5), text);
  EXPECT_EQ(store->counts().refused, 5u);
  ASSERT_EQ(said.size(), 1u);  // of the first
  EXPECT_EQ(said[0].fault, Fault::integrity);
  put(0, text);  // and is written anew
  store->wait_until_written();
  EXPECT_EQ(got(0), text);
}

TEST_F(SealedStoreTest, OtherFilesAreLeftAloneAndHalfWrittenOnesRemoved) {
  open();
  const std::string digits = hex_of(name(1));
  store.reset();
  root.write("pieces/notes.txt", "mine");
  root.write("pieces/" + digits + ".tmp.7", "half");
  fs::create_symlink(root / "elsewhere", folder / digits);
  open();
  EXPECT_TRUE(fs::exists(folder / "notes.txt"));
  EXPECT_FALSE(fs::exists(folder / (digits + ".tmp.7")));
  EXPECT_EQ(got(1), "(nothing)");
  EXPECT_EQ(store->counts().bytes, 0u);
}

TEST_F(SealedStoreTest, OneProgramHoldsAFolder) {
  open();
  const auto second = SealedStore::open(folder, key, 1 << 20, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::resources);
  put(1, "x");
  store->wait_until_written();
  EXPECT_EQ(got(1), "x");
}

TEST_F(SealedStoreTest, ADiskThatRefusesEndsWritingAndIsToldOnce) {
  open();
  put(1, "x");
  store->wait_until_written();
  const Path away = root / "away";
  fs::rename(folder, away);  // nothing can be written there any more, whoever asks
  for (int i = 2; i < 5; ++i) put(i, "y");
  store->wait_until_written();
  EXPECT_EQ(said.size(), 1u);
  EXPECT_FALSE(store->counts().writes);
  EXPECT_EQ(store->counts().files, 1u);
  fs::rename(away, folder);
  EXPECT_EQ(got(1), "x");
  put(6, "z");
  store->wait_until_written();
  EXPECT_EQ(got(6), "(nothing)");
}

TEST_F(SealedStoreTest, AKeyOfAnotherSizeIsRefusedAndAnotherKeyOpensNothing) {
  open();
  put(1, "x");
  store->wait_until_written();
  const SealedStore::Name old = name(1);
  store.reset();
  root.write("pieces.key", "short");
  const auto refused = SealedStore::open(folder, key, 1 << 20, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("found 5"), std::string::npos) << refused.error().what;
  fs::remove(key);
  open();
  EXPECT_NE(name(1), old);
  EXPECT_FALSE(store->get(old));
  EXPECT_EQ(store->counts().refused, 1u);
}

}  // namespace
}  // namespace freehold
