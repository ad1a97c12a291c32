#include "serve/seal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <functional>
#include <thread>

#include "base/sanitized.h"
#include "library/readers/sealed.h"

namespace freehold {
namespace {

// The exit status of a child that does this once sealed; -1: a signal ended it.
int sealed(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(seal() ? work() : 99);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool refused(long result) { return result == -1 && errno == EPERM; }

TEST(Seal, NothingOpensAConnectionOrStartsAProgram) {
  EXPECT_EQ(sealed([] {
              if (!refused(::socket(AF_INET, SOCK_STREAM, 0))) return 1;
              if (!refused(::socket(AF_UNIX, SOCK_STREAM, 0))) return 2;
              int pair[2];
              if (!refused(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair))) return 3;
              char program[] = "/bin/true";
              char* words[] = {program, nullptr};
              if (!refused(::execv(program, words))) return 4;
              return 0;
            }),
            0);
}

TEST(Seal, SocketsThatAreThereCannotGoAnywhereElse) {
  const int end = ::socket(AF_INET, SOCK_DGRAM, 0);
  ASSERT_GE(end, 0);
  EXPECT_EQ(sealed([&] {
              sockaddr_in address = {};
              address.sin_family = AF_INET, address.sin_port = htons(9),
              address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              const auto* to = reinterpret_cast<const sockaddr*>(&address);
              if (!refused(::connect(end, to, sizeof address))) return 1;
              if (!refused(::bind(end, to, sizeof address))) return 2;
              if (!refused(::listen(end, 1))) return 3;
              if (!sanitized && !refused(::sendto(end, "x", 1, 0, to, sizeof address))) return 4;
              msghdr message = {};
              if (!refused(::sendmsg(end, &message, 0))) return 5;
              return 0;
            }),
            0);
  ::close(end);
}

TEST(Seal, OtherProcessesAndMemoryAreOutOfReach) {
  if (sanitized) GTEST_SKIP() << "a sanitizer needs these calls";
  EXPECT_EQ(sealed([] {
              if (!refused(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr))) return 1;
              if (!refused(::kill(::getppid(), 0))) return 2;
              if (!refused(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))) return 3;
              void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              if (page == MAP_FAILED) return 4;
              if (!refused(::mprotect(page, 4096, PROT_READ | PROT_EXEC))) return 5;
              if (::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
                return 6;
              rlimit cores;
              if (::getrlimit(RLIMIT_CORE, &cores) != 0 || cores.rlim_max != 0) return 7;
              std::ifstream status("/proc/self/status");
              std::string text(std::istreambuf_iterator<char>(status), {});
              if (text.find("NoNewPrivs:\t1") == std::string::npos || text.find("Seccomp:\t2") == std::string::npos)
                return 8;
              return 0;
            }),
            0);
}

TEST(Seal, WhatServingNeedsGoesOn) {
  const Path folder = std::filesystem::temp_directory_path() / ("seal_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  EXPECT_EQ(sealed([&] {
              if (!replace_file(folder / "a", "x")) return 1;
              if (read_file(folder / "a", 10).value_or("") != "x") return 2;
              std::error_code error;
              if (std::filesystem::file_size(folder / "a", error) != 1 || !std::filesystem::remove(folder / "a", error))
                return 3;
              int seen = 0;
              std::thread([&] { seen = 1; }).join();
              if (seen != 1) return 4;
              const auto paper = papers::read_paper_sealed("a.csv", "name,count\nx,1\n");
              return paper && paper->grids.size() == 1 ? 0 : 5;
            }),
            0);
  std::filesystem::remove_all(folder);
}

TEST(Seal, ThreadsThatRunAlreadyAreSealedToo) {
  EXPECT_EQ(sealed([] { return 0; }), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::atomic<int> stage = 0, found = 0;
    std::thread other([&] {
      while (stage == 0) std::this_thread::yield();
      found = refused(::socket(AF_INET, SOCK_STREAM, 0)) ? 1 : 2;
    });
    const bool done = seal().has_value();
    stage = 1;
    other.join();
    ::_exit(done && found == 1 ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace freehold
