#include "apps/net/part_file.h"

#include <gtest/gtest.h>

#include <fstream>

namespace freehold {
namespace {

class PartFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "part_file_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    target = folder / "m.gguf";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  PartFile open(uint64_t bytes) {
    auto part = PartFile::open(target, bytes);
    EXPECT_TRUE(part) << part.error().what;
    return std::move(*part);
  }
  static void append(PartFile& part, std::string_view text) {
    const auto done = part.append(std::as_bytes(std::span(text)));
    ASSERT_TRUE(done) << done.error().what;
  }
  std::string content() const {
    std::ifstream in(target);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Path folder, target;
};

TEST_F(PartFileTest, GoesOnAfterTheLastWholePart) {
  {
    PartFile part = open(6);
    ASSERT_TRUE(part.begin("s"));
    append(part, "ab");
    ASSERT_TRUE(part.part_done());
    append(part, "cX");  // not whole: the program ended here
  }
  PartFile part = open(6);
  EXPECT_TRUE(part.is_of("s"));
  ASSERT_TRUE(part.begin("s"));
  EXPECT_EQ(part.size(), 4u);
  ASSERT_TRUE(part.to_last_part());
  EXPECT_EQ(part.size(), 2u);
  EXPECT_EQ(part.parts(), 1u);
  append(part, "cdef");
  EXPECT_EQ(part.room(), 0u);
  ASSERT_TRUE(part.become_target());
  EXPECT_EQ(content(), "abcdef");
  EXPECT_FALSE(std::filesystem::exists(Path(target) += ".part"));
  EXPECT_FALSE(std::filesystem::exists(Path(target) += ".part.json"));
}

TEST_F(PartFileTest, AnotherSourceStartsOver) {
  {
    PartFile part = open(6);
    ASSERT_TRUE(part.begin("one"));
    append(part, "ab");
  }
  PartFile part = open(6);
  ASSERT_TRUE(part.begin("two"));
  EXPECT_EQ(part.size(), 0u);
}

TEST_F(PartFileTest, NeverGrowsPastWhatIsExpected) {
  PartFile part = open(3);
  ASSERT_TRUE(part.begin("s"));
  append(part, "ab");
  const auto done = part.append(std::as_bytes(std::span(std::string_view("cd"))));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::inconsistent);
  EXPECT_EQ(part.size(), 2u);
}

TEST_F(PartFileTest, AStateThatLiesIsNoState) {
  for (const char* state :
       {"", "{", "[]", R"({"source": 1, "bytes": 0, "parts": 0})", R"({"source": "s", "bytes": 9, "parts": 1})",
        R"({"source": "s", "bytes": -1, "parts": 1})"}) {
    std::ofstream(Path(target) += ".part") << "abcd";
    std::ofstream(Path(target) += ".part.json") << state;
    PartFile part = open(6);
    EXPECT_FALSE(part.is_of("s")) << state;
    ASSERT_TRUE(part.begin("s"));
    EXPECT_EQ(part.size(), 0u) << state;
  }
}

TEST_F(PartFileTest, HashesAsEverybodyDoes) {
  std::ofstream(target) << "abc";
  const std::atomic<bool> no = false, yes = true;
  const auto hash = sha256_of_file(target, no, {});
  ASSERT_TRUE(hash);
  EXPECT_EQ(*hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
  const auto stopped = sha256_of_file(target, yes, {});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().fault, Fault::cancelled);
  EXPECT_FALSE(sha256_of_file(folder / "none", no, {}));
}

}  // namespace
}  // namespace freehold
