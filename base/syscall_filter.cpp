#include "base/syscall_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "base/check.h"

namespace freehold {
namespace {

constexpr uint32_t x32_calls = 0x40000000;  // the same calls under other numbers
constexpr sock_filter load_call = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
constexpr sock_filter allowed = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

sock_filter load_argument(unsigned argument, bool high) {  // little-endian: the low half comes first
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                  static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * argument + (high ? 4 : 0)));
}

}  // namespace

SyscallFilter::SyscallFilter()
    : program_{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
               load_call,
               BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_calls, 0, 1),
               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)} {}

SyscallFilter::~SyscallFilter() = default;

void SyscallFilter::when(int call, uint32_t action) {
  program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
  program_.push_back(BPF_STMT(BPF_RET | BPF_K, action));
}

void SyscallFilter::allow(std::span<const int> calls) {
  for (const int call : calls) when(call, SECCOMP_RET_ALLOW);
}

void SyscallFilter::refuse(std::span<const int> calls, int error) {
  for (const int call : calls) when(call, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error));
}

// Each leaves the number of the call loaded again, for the rules that follow.
void SyscallFilter::allow_if(int call, unsigned argument, uint32_t value) {
  const sock_filter rule[] = {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 4),
                              load_argument(argument, false), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), allowed,
                              load_call};
  program_.insert(program_.end(), std::begin(rule), std::end(rule));
}

void SyscallFilter::allow_if_zero(int call, unsigned argument) {
  const sock_filter rule[] = {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 6),
                              load_argument(argument, false),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
                              load_argument(argument, true),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
                              allowed,
                              load_call};
  program_.insert(program_.end(), std::begin(rule), std::end(rule));
}

void SyscallFilter::allow_without(int call, unsigned argument, uint32_t bits) {
  const sock_filter rule[] = {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 4),
                              load_argument(argument, false), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0), allowed,
                              load_call};
  program_.insert(program_.end(), std::begin(rule), std::end(rule));
}

bool SyscallFilter::install(Otherwise otherwise, Threads threads) {
  const uint32_t action = otherwise == Otherwise::allow    ? SECCOMP_RET_ALLOW
                          : otherwise == Otherwise::refuse ? SECCOMP_RET_ERRNO | EPERM
                                                           : SECCOMP_RET_KILL_PROCESS;
  program_.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  CHECK(program_.size() <= BPF_MAXINSNS);
  const sock_fprog filter = {static_cast<unsigned short>(program_.size()), program_.data()};
  const unsigned long flags = threads == Threads::all ? SECCOMP_FILTER_FLAG_TSYNC : 0;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) == 0;
}

}  // namespace freehold
