#include "base/append_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/file_lock.h"

namespace freehold {
namespace {

class AppendFiles : public testing::Test {
 protected:
  AppendFiles() : path_(std::filesystem::temp_directory_path() / ("append_test." + std::to_string(::getpid()))) {}
  ~AppendFiles() override { std::filesystem::remove(path_); }
  const Path path_;
};

TEST_F(AppendFiles, GrowsIsReadAndCut) {
  auto file = AppendFile::open(path_);
  ASSERT_TRUE(file);
  struct stat s;
  ASSERT_EQ(::stat(path_.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0600u);
  ASSERT_TRUE(file->append("one\n"));
  ASSERT_TRUE(file->append("two\n"));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(*file->size(), 8u);
  EXPECT_EQ(*file->read(4, 100), "two\n");
  EXPECT_EQ(*file->read(1, 2), "ne");
  EXPECT_EQ(*file->read(9, 2), "");
  ASSERT_TRUE(file->cut(4));
  auto again = AppendFile::open(path_);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->read(0, 100), "one\n");
}

TEST_F(AppendFiles, ManyWritersLoseNothing) {
  constexpr int writers = 4, lines = 200;
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&] {
      auto file = AppendFile::open(path_);
      for (int n = 0; n < lines; ++n)
        EXPECT_TRUE(file->locked([&]() -> Result<Done> {  // each line is the length of the file before it
          TRY_ASSIGN(const uint64_t size, file->size());
          return file->append(std::to_string(size) + "\n");
        }));
    });
  for (std::thread& thread : threads) thread.join();
  const std::string text = *read_file(path_, 1 << 20);
  int count = 0;
  for (size_t at = 0; at < text.size(); ++count) {
    const size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(text.substr(at, end - at), std::to_string(at));
    at = end + 1;
  }
  EXPECT_EQ(count, writers * lines);
}

TEST_F(AppendFiles, AWriteThatFailsLeavesNothingBehind) {
  auto file = AppendFile::open(path_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("0123456789"));
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {16, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto failed = file->append("more than fits");  // six bytes are written before the system says no
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::io);
  EXPECT_EQ(*file->read(0, 100), "0123456789");
  ASSERT_TRUE(file->append("!"));
  EXPECT_EQ(*file->read(0, 100), "0123456789!");
}

TEST_F(AppendFiles, WhatIsNoFileIsRefused) {
  const auto file = AppendFile::open(path_.parent_path());
  ASSERT_FALSE(file);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto pipe = AppendFile::open(path_);
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().fault, Fault::unsupported);
}

TEST_F(AppendFiles, ALockIsHeldByOne) {
  std::atomic<int> inside = 0, most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 100; ++n) {
        const auto lock = FileLock::wait(path_);
        ASSERT_TRUE(lock);
        most = std::max(most.load(), ++inside);
        --inside;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace freehold
