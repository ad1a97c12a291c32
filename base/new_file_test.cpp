#include "base/new_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/testing/temporary_folder.h"

namespace freehold {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class NewFileTest : public ::testing::Test {
 protected:
  bool only(const std::string& name) const {  // nothing else is left in the folder
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
      ++files;
      if (file.path().filename() != name) return false;
    }
    return files == 1;
  }
  // What a child makes of it, with its exit status.
  static int in_child(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
  testing::TemporaryFolder folder_;
  const Path path_ = folder_ / "a.bin";
};

TEST_F(NewFileTest, IsSeenWhenItIsWhole) {
  folder_.write("a.bin", "old");
  {
    auto file = NewFile::create(path_, 10);
    ASSERT_TRUE(file) << file.error().what;
    ASSERT_TRUE(file->write(2, bytes_of("new")));
    EXPECT_EQ(*read_file(path_, 100), "old");
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(*read_file(path_, 100), std::string("\0\0new\0\0\0\0\0", 10));
  EXPECT_TRUE(only("a.bin"));
}

TEST_F(NewFileTest, GivingUpLeavesTheOldOne) {
  folder_.write("a.bin", "old");
  {
    auto file = NewFile::create(path_, 10);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(0, bytes_of("new")));
  }
  EXPECT_EQ(*read_file(path_, 100), "old");
  EXPECT_TRUE(only("a.bin"));
}

TEST_F(NewFileTest, OneWriterAtATime) {
  auto first = NewFile::create(path_, 10);
  ASSERT_TRUE(first);
  const auto second = NewFile::create(path_, 10);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find("another process"), std::string::npos);
  ASSERT_TRUE(first->write(0, bytes_of("mine")));
  ASSERT_TRUE(first->commit());
  EXPECT_TRUE(NewFile::create(path_, 10));
}

TEST_F(NewFileTest, AKilledWriterIsFollowedByTheNext) {
  folder_.write("a.bin", "old");
  const int status = in_child([&] {
    auto file = NewFile::create(path_, 1000);
    if (file && file->write(0, bytes_of("half"))) ::raise(SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(*read_file(path_, 100), "old");
  {
    auto file = NewFile::create(path_, 3);
    ASSERT_TRUE(file) << file.error().what;
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(*read_file(path_, 100), std::string(3, '\0'));  // nothing of the half one
  EXPECT_TRUE(only("a.bin"));
}

TEST_F(NewFileTest, NoRoomIsRefusedBeforeItIsWritten) {
  folder_.write("a.bin", "old");
  const auto huge = NewFile::create(path_, uint64_t{1} << 60);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().fault, Fault::resources) << huge.error().what;
  // A full disk, as a limit of the process.
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto file = NewFile::create(path_, 2000);
    ::_exit(!file && file.error().fault == Fault::resources ? 3 : 4);
  });
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(*read_file(path_, 100), "old");
  EXPECT_TRUE(only("a.bin"));
}

TEST_F(NewFileTest, NoFolderNoFile) {
  EXPECT_EQ(NewFile::create(folder_ / "none" / "a", 1).error().fault, Fault::io);
  EXPECT_EQ(NewFile::create(Path(folder_.path().native() + "/"), 1).error().fault, Fault::usage);
}

}  // namespace
}  // namespace freehold
