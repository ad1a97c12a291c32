// Packed files: what was written is read back, and whatever is cut off, damaged or made to lie is refused by name.
#include "files/packed_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>

#include "base/checksum.h"
#include "base/testing/temporary_folder.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

class PackedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    add("a.weight", Format::q4_k, 37, 512);
    add("b.weight", Format::bf16, 16, 33);
    add("c.weight", Format::q2_k, 5, 256);     // has no packed form
    add("d.weight", Format::f32, 1500, 1024);  // of several pieces
    add("e.weight", Format::f8_e4m3, 3, 100);
  }
  void add(const char* name, Format format, int64_t rows, int64_t cols) {
    owned_.push_back(testing::random_weight(format, rows, cols, Layout::source, random_));
    owned_.back()->weight.name = name;
    weights_.push_back(&owned_.back()->weight);
  }
  Result<Done> write() {
    return write_packed_file(path_, weights_, {.source = 77, .progress = {}, .let_go = {}}, pool_);
  }
  std::string bytes() const { return *read_file(path_, 1 << 30); }
  // The header's checksum made to fit, as somebody would who damages it on purpose.
  static void mend(std::string& file) {
    uint64_t header;
    std::memcpy(&header, file.data() + 24, 8);
    if (header < 8 || header > file.size()) return;
    const uint64_t sum = checksum64(std::as_bytes(std::span<const char>(file.data(), header - 8)));
    std::memcpy(file.data() + header - 8, &sum, 8);
  }
  void refused(const std::string& file, Fault fault, std::string_view word) {
    const auto found = read_packed_header(std::as_bytes(std::span<const char>(file)), "x.fhpack");
    ASSERT_FALSE(found) << word;
    EXPECT_EQ(name_of(found.error().fault), name_of(fault)) << found.error().what;
    EXPECT_NE(found.error().what.find(word), std::string::npos) << found.error().what;
  }

  Random random_{1};
  std::vector<std::unique_ptr<testing::OwnedWeight>> owned_;
  std::vector<const Weight*> weights_;
  Pool pool_{2};
  testing::TemporaryFolder folder_;
  const Path path_ = folder_ / "m.fhpack";
};

TEST_F(PackedFileTest, HoldsTheBytesOfMemory) {
  ASSERT_TRUE(write());
  const auto file = PackedFile::open(path_);
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_EQ(file->source(), 77u);
  ASSERT_EQ(file->matrices().size(), weights_.size());
  for (const Weight* source : weights_) {
    const auto matrix = file->matrix_of(*source);
    ASSERT_TRUE(matrix) << matrix.error().what;
    EXPECT_EQ((*matrix)->offset % 4096, 0u);
    Weight packed = *source;
    become_packed(packed, **matrix, file->bytes(**matrix).data());
    EXPECT_EQ(checksum_of(packed, pool_), (*matrix)->checksum);
    if (packs(source->format)) {
      std::vector<std::byte> to(packed_bytes(source->format, source->rows, source->cols));
      pack(*source, to.data(), pool_);
      EXPECT_TRUE(std::ranges::equal(to, packed.bytes)) << source->name;
    } else {
      EXPECT_TRUE(std::ranges::equal(source->bytes, packed.bytes)) << source->name;
    }
  }
  EXPECT_EQ(file->matrices()[0].offset % (2u << 20), 0u);
}

TEST_F(PackedFileTest, OtherMatricesAreRefused) {
  ASSERT_TRUE(write());
  const auto file = PackedFile::open(path_);
  ASSERT_TRUE(file);
  Weight other = *weights_[0];
  other.name = "z.weight";
  EXPECT_EQ(file->matrix_of(other).error().fault, Fault::inconsistent);
  other = *weights_[0];
  other.rows = 36;
  EXPECT_EQ(file->matrix_of(other).error().fault, Fault::inconsistent);
  other = *weights_[0];
  other.format = Format::q5_k;
  EXPECT_EQ(file->matrix_of(other).error().fault, Fault::inconsistent);
}

TEST_F(PackedFileTest, CutOffAnywhere) {
  ASSERT_TRUE(write());
  const std::string whole = bytes();
  for (size_t size = 0; size < 500; ++size)
    EXPECT_FALSE(read_packed_header(std::as_bytes(std::span<const char>(whole.data(), size)), "x"));
  refused(whole.substr(0, whole.size() - 1), Fault::malformed, "cut off");
  refused(whole + '\0', Fault::malformed, "grown");
  refused("", Fault::malformed, "magic");
}

TEST_F(PackedFileTest, EveryDamagedByteOfTheHeaderIsFound) {
  ASSERT_TRUE(write());
  const std::string whole = bytes();
  uint64_t header;
  std::memcpy(&header, whole.data() + 24, 8);
  std::string file = whole;
  for (size_t i = 0; i < header; ++i) {
    file[i] = static_cast<char>(file[i] ^ 0x41);
    EXPECT_FALSE(read_packed_header(std::as_bytes(std::span<const char>(file)), "x")) << i;
    file[i] = whole[i];
  }
}

TEST_F(PackedFileTest, LiesWithAFittingChecksum) {
  ASSERT_TRUE(write());
  const std::string whole = bytes();
  const auto lie = [&](size_t at, auto number, Fault fault, std::string_view word) {
    std::string file = whole;
    std::memcpy(file.data() + at, &number, sizeof number);
    mend(file);
    refused(file, fault, word);
  };
  // Offsets of the fields: the head of packed_file.h. The first row: name at 40, "Q4_K" behind it.
  const size_t row = 40, layout = row + 8 + 8 + 8 + 4;
  lie(8, uint32_t{2}, Fault::unsupported, "layout version 2");
  for (const uint32_t count : {0u, 4u, 6u, 0xffffffffu}) lie(12, count, Fault::malformed, "");
  for (const uint64_t size : {uint64_t{0}, uint64_t{47}, uint64_t{1} << 40, ~uint64_t{0}})
    lie(24, size, Fault::malformed, "header");
  for (const uint64_t length : {uint64_t{0}, uint64_t{256}, ~uint64_t{0}}) lie(row, length, Fault::malformed, "name");
  lie(row + 8, '\n', Fault::malformed, "named");
  lie(row + 8, 'b', Fault::malformed, "twice");
  lie(row + 8 + 8 + 8, 'X', Fault::malformed, "no format");
  lie(layout, uint32_t{2}, Fault::malformed, "layout 2");
  for (const uint64_t rows : {uint64_t{0}, uint64_t{1} << 47, ~uint64_t{0}})
    lie(layout + 4, rows, Fault::malformed, "can be");
  lie(layout + 4, uint64_t{1} << 30, Fault::malformed, "reaches beyond");
  lie(layout + 4, uint64_t{20}, Fault::malformed, "stands at");  // the next one is no longer where it belongs
  for (const uint64_t cols : {uint64_t{0}, uint64_t{511}, ~uint64_t{0}})
    lie(layout + 12, cols, Fault::malformed, "can be");
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4096}, ~uint64_t{4095}})
    lie(layout + 20, offset, Fault::malformed, "stands at");
  std::string foreign = whole;
  foreign[0] = 'G';
  refused(foreign, Fault::unsupported, "expected a packed file");
}

TEST_F(PackedFileTest, KilledWhilePacking) {
  add("f.weight", Format::q8_0, 9000, 4096);  // more pieces than are packed at once
  ASSERT_TRUE(write());
  const std::string whole = bytes();
  const pid_t child = ::fork();
  if (child == 0) {  // one thread: those of a pool do not come along
    Pool alone(1);
    PackingOptions options{.source = 1, .progress = {}, .let_go = {}};
    options.progress = [](double done) { return done > 0.1 ? ::raise(SIGKILL) != 0 : true; };
    (void)write_packed_file(path_, weights_, options, alone);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(bytes(), whole);
  ASSERT_TRUE(write());  // takes over what the killed one left
  EXPECT_EQ(bytes(), whole);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(PackedFileTest, CancelledOrWithoutRoom) {
  PackingOptions options{.source = 1, .progress = [](double) { return false; }, .let_go = {}};
  EXPECT_EQ(write_packed_file(path_, weights_, options, pool_).error().fault, Fault::cancelled);
  const pid_t child = ::fork();
  if (child == 0) {
    Pool alone(1);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{3 << 20, 3 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto done = write_packed_file(path_, weights_, {.source = 1, .progress = {}, .let_go = {}}, alone);
    ::_exit(!done && done.error().fault == Fault::resources ? 3 : 4);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(PackedFileTest, TheSourceIsLetGo) {
  std::atomic<size_t> bytes = 0;
  PackingOptions options{
      .source = 1, .progress = {}, .let_go = [&](std::span<const std::byte> part) { bytes += part.size(); }};
  ASSERT_TRUE(write_packed_file(path_, weights_, options, pool_));
  size_t all = 0;
  for (const Weight* w : weights_) all += w->bytes.size();
  EXPECT_GE(bytes, all);
}

}  // namespace
}  // namespace freehold
