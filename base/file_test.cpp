#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapping_guard.h"
#include "base/testing/temporary_folder.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  Path write(const Path& name, std::string_view text) { return folder_.write(name, text); }
  testing::TemporaryFolder folder_;
  const Path root_ = folder_.path();
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(File, maps_and_reads_a_file) {
  const Path path = write("a.txt", "hello");
  auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(text_of(*file), "hello");
  EXPECT_EQ(file->name(), "a.txt");
  MappedFile moved = std::move(*file);
  EXPECT_EQ(text_of(moved), "hello");
  EXPECT_TRUE(moved.intact());
  EXPECT_FALSE(file->intact());
  EXPECT_EQ(*read_file(path, 5), "hello");
  EXPECT_EQ(read_file(path, 4).error().fault, Fault::resources);
}

TEST_F(File, an_empty_file_has_no_bytes) {
  const auto file = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
  EXPECT_TRUE(file->intact());
  EXPECT_EQ(*read_file(root_ / "empty", 0), "");
}

TEST_F(File, refuses_what_is_no_regular_file) {
  EXPECT_EQ(MappedFile::open(root_).error().fault, Fault::unsupported);
  EXPECT_EQ(MappedFile::open("/dev/null").error().fault, Fault::unsupported);
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(root_ / "pipe").error().fault, Fault::unsupported);  // and does not wait for a writer
  EXPECT_EQ(read_file(root_ / "pipe", 10).error().fault, Fault::unsupported);
  EXPECT_EQ(MappedFile::open(root_ / "absent").error().fault, Fault::io);
  EXPECT_EQ(read_file(root_ / "absent", 10).error().fault, Fault::io);
}

TEST_F(File, notices_a_change_under_the_mapping) {
  const Path path = write("a", std::string(10'000, 'x'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file && file->intact());
  ASSERT_EQ(::truncate(path.c_str(), 100), 0);
  EXPECT_FALSE(file->intact());
}

TEST_F(File, a_read_of_what_was_cut_off_finds_zeros_under_the_guard) {
  install_mapping_guard();
  const Path path = write("a", std::string(100'000, 'x'));
  const auto file = MappedFile::open(path), other = MappedFile::open(write("b", std::string(100'000, 'y')));
  ASSERT_TRUE(file && other);
  ASSERT_EQ(::truncate(path.c_str(), 5'000), 0);
  size_t left = 0;
  for (std::byte b : file->bytes()) left += b == std::byte{'x'};
  EXPECT_EQ(left, 5'000u);  // the rest of the last page is zero, as always
  EXPECT_FALSE(file->intact());
  EXPECT_TRUE(other->intact());
  write("a", std::string(100'000, 'z'));  // whole again, but what was read may have been zeros
  EXPECT_FALSE(file->intact());
}

TEST_F(File, drop_keeps_the_numbers) {
  const Path path = write("a", std::string(3 * 4096 + 7, 'x'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  file->drop(file->bytes());
  file->drop(file->bytes().subspan(5, 5000));
  EXPECT_EQ(text_of(*file), std::string(3 * 4096 + 7, 'x'));
}

TEST_F(File, plain_names) {
  for (const char* good : {"a", "model-00001-of-00002.safetensors", "\xc3\xa9", "..a", "a b"})
    EXPECT_TRUE(is_plain_name(good));
  for (std::string_view bad : {"", ".", "..", "a/b", "/a", "a\\b", "c:a", "file://a", "a\n", "\xff"})
    EXPECT_FALSE(is_plain_name(bad));
  EXPECT_FALSE(is_plain_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_plain_name(std::string(256, 'a')));
}

TEST_F(File, a_folder_leads_nowhere_else) {
  write("outside", "secret");
  write("model/inside", "fine");
  fs::create_symlink("../outside", root_ / "model/link");
  fs::create_symlink("inside", root_ / "model/near");
  fs::create_directory(root_ / "model/sub");
  const auto folder = Folder::open(root_ / "model");
  ASSERT_TRUE(folder);
  EXPECT_EQ(text_of(*folder->map("inside")), "fine");
  EXPECT_EQ(*folder->read("inside", 4), "fine");
  EXPECT_EQ(folder->read("inside", 3).error().fault, Fault::resources);
  EXPECT_TRUE(folder->has("inside"));
  for (const char* name : {"../outside", "..", "/etc/passwd", "sub/../inside", ""}) {
    EXPECT_EQ(folder->map(name).error().fault, Fault::malformed) << name;
    EXPECT_FALSE(folder->has(name));
  }
  for (const char* name : {"link", "near", "sub"}) {
    EXPECT_EQ(folder->map(name).error().fault, Fault::unsupported) << name;
    EXPECT_FALSE(folder->has(name));
  }
  EXPECT_EQ(folder->map("absent").error().fault, Fault::io);
  EXPECT_FALSE(Folder::open(root_ / "outside"));
}

TEST_F(File, a_model_cache_may_link_to_its_blobs_only) {
  write("repo/blobs/0123abcd", "blob");
  write("repo/secret", "secret");
  const Path snapshot = root_ / "repo/snapshots/rev";
  fs::create_directories(snapshot);
  fs::create_symlink("../../blobs/0123abcd", snapshot / "config.json");
  fs::create_symlink("../../secret", snapshot / "secret");
  fs::create_symlink("../../blobs/../secret", snapshot / "sly");
  fs::create_symlink("../../../other", root_ / "repo/blobs/chain");
  fs::create_symlink("../../blobs/chain", snapshot / "chain");
  const auto strict = Folder::open(snapshot), cache = Folder::open(snapshot, Links::model_cache);
  ASSERT_TRUE(strict && cache);
  EXPECT_EQ(strict->map("config.json").error().fault, Fault::unsupported);
  EXPECT_EQ(text_of(*cache->map("config.json")), "blob");
  EXPECT_TRUE(cache->has("config.json"));
  for (const char* name : {"secret", "sly", "chain"}) EXPECT_FALSE(cache->map(name)) << name;
}

TEST_F(File, replaces_a_file_whole) {
  const Path path = root_ / "out";
  ASSERT_TRUE(replace_file(path, "one", 0600));
  EXPECT_EQ(*read_file(path, 10), "one");
  struct stat s;
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0600u);
  const std::string large(1 << 20, 'z');
  write("out.tmp." + std::to_string(::gettid()), "left behind");
  ASSERT_TRUE(replace_file(path, large));
  EXPECT_EQ(*read_file(path, 1 << 20), large);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);  // no temporary file stays
}

TEST_F(File, a_failed_replacement_leaves_the_old_file) {
  write("folder/keep", "x");
  EXPECT_EQ(replace_file(root_ / "folder", "text").error().fault, Fault::io);  // a folder stands there
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
  EXPECT_EQ(replace_file(root_ / "absent/out", "text").error().fault, Fault::io);
  EXPECT_EQ(replace_file(root_ / "", "text").error().fault, Fault::usage);
}

}  // namespace
}  // namespace freehold
