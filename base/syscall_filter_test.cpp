#include "base/syscall_filter.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>

namespace freehold {
namespace {

// The exit status of a child that does this; -1 when a signal ended it.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

using Otherwise = SyscallFilter::Otherwise;
using Threads = SyscallFilter::Threads;

TEST(SyscallFilters, RefusedCallsFailAndOthersWork) {
  EXPECT_EQ(in_child([] {
              const int refused[] = {SYS_getppid, SYS_getuid};
              SyscallFilter filter;
              filter.refuse(refused, EBADF);
              if (!filter.install(Otherwise::allow, Threads::this_one)) return 1;
              if (::syscall(SYS_getppid) != -1 || errno != EBADF) return 2;
              if (::syscall(SYS_getuid) != -1 || errno != EBADF) return 3;
              return ::syscall(SYS_getpid) > 0 ? 0 : 4;
            }),
            0);
}

TEST(SyscallFilters, ArgumentsDecide) {
  EXPECT_EQ(in_child([] {
              SyscallFilter filter;
              filter.allow_if(SYS_dup2, 0, 1);
              filter.allow_if(SYS_dup2, 0, 2);
              filter.allow_if_zero(SYS_pread64, 3);
              filter.allow_without(SYS_mprotect, 2, PROT_EXEC);
              const int refused[] = {SYS_dup2, SYS_pread64, SYS_mprotect};
              filter.refuse(refused, EBADF);
              void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              if (!filter.install(Otherwise::allow, Threads::this_one)) return 1;
              if (::syscall(SYS_dup2, 1, 1) != 1 || ::syscall(SYS_dup2, 2, 2) != 2) return 2;
              if (::syscall(SYS_dup2, 0, 0) != -1 || errno != EBADF) return 3;
              char byte;
              if (::syscall(SYS_pread64, 0, &byte, 0, 1) != -1 || errno != EBADF) return 4;
              if (::syscall(SYS_pread64, 0, &byte, 0, int64_t{1} << 40) != -1 || errno != EBADF)
                return 5;  // the high half too
              if (::syscall(SYS_pread64, -1, &byte, 0, 0) != -1 || errno != EBADF) return 6;
              if (::syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE) != 0) return 7;
              if (::syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC) != -1 || errno != EBADF) return 8;
              return 0;
            }),
            0);
}

TEST(SyscallFilters, AllThreadsAreHeld) {
  EXPECT_EQ(in_child([] {
              std::atomic<int> stage = 0, found = 0;
              std::thread other([&] {
                while (stage == 0) std::this_thread::yield();
                found = ::syscall(SYS_getppid) == -1 ? errno : 0;
              });
              const int refused[] = {SYS_getppid};
              SyscallFilter filter;
              filter.refuse(refused, EBADF);
              const bool installed = filter.install(Otherwise::allow, Threads::all);
              stage = 1;
              other.join();
              return installed && found == EBADF ? 0 : 1;
            }),
            0);
}

TEST(SyscallFilters, ThirtyTwoBitNumbersOfTheSameCallsEndTheProcess) {
  EXPECT_EQ(in_child([] {
              SyscallFilter filter;
              if (!filter.install(Otherwise::allow, Threads::this_one)) return 1;
              ::syscall(0x40000000 + SYS_getpid);
              return 0;
            }),
            -1);
}

}  // namespace
}  // namespace freehold
