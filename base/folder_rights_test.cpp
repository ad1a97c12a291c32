#include "base/folder_rights.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace freehold {
namespace {

class FolderRightsTest : public testing::Test {
 protected:
  FolderRightsTest() : folder_(std::filesystem::temp_directory_path() / ("rights_test." + std::to_string(::getpid()))) {
    for (const char* name : {"in", "out", "other"}) {
      std::filesystem::create_directories(folder_ / name);
      EXPECT_TRUE(replace_file(folder_ / name / "file", "x"));
    }
  }
  ~FolderRightsTest() override { std::filesystem::remove_all(folder_); }
  static bool opens(const Path& path, int flags) {
    const int handle = ::open(path.c_str(), flags, 0600);
    if (handle >= 0) ::close(handle);
    return handle >= 0;
  }
  const Path folder_;
};

TEST_F(FolderRightsTest, OnlyWhatIsNamedCanBeReached) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto kept = keep_only({.read = {folder_ / "in", folder_ / "missing"}, .write = {folder_ / "out"}, .run = {}});
    if (!kept) ::_exit(1);
    if (!*kept) ::_exit(77);
    if (!opens(folder_ / "in/file", O_RDONLY)) ::_exit(2);
    if (opens(folder_ / "in/file", O_WRONLY) || errno != EACCES) ::_exit(3);
    if (opens(folder_ / "in/new", O_WRONLY | O_CREAT)) ::_exit(4);
    if (opens(folder_ / "other/file", O_RDONLY) || errno != EACCES) ::_exit(5);
    if (!opens(folder_ / "out/new", O_RDWR | O_CREAT)) ::_exit(6);
    if (!replace_file(folder_ / "out/file", "y")) ::_exit(7);
    if (::unlink((folder_ / "out/new").c_str()) != 0) ::_exit(8);
    if (::unlink((folder_ / "in/file").c_str()) == 0) ::_exit(9);
    const int end = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET, address.sin_port = htons(9), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(end, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno != EACCES) ::_exit(10);
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace freehold
