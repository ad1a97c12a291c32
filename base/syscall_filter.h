// SyscallFilter: which calls of the system a process may still make (Linux' seccomp). Rules are looked at in the order
// in which they were added; calls that none fits get what install() says. Calls of another architecture end the
// process. Once installed it holds for good, and for all children.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

struct sock_filter;

namespace freehold {

class SyscallFilter {
 public:
  SyscallFilter();
  ~SyscallFilter();
  void allow(std::span<const int> calls);
  void refuse(std::span<const int> calls, int error);  // the call fails with that errno
  // Of one argument (0 to 5): its low 32 bits are `value`; it is 0; none of `bits` is set in it.
  void allow_if(int call, unsigned argument, uint32_t value);
  void allow_if_zero(int call, unsigned argument);
  void allow_without(int call, unsigned argument, uint32_t bits);

  enum class Otherwise : uint8_t { allow, refuse, kill };  // refuse: EPERM; kill: the process
  enum class Threads : uint8_t { this_one, all };
  bool install(Otherwise otherwise, Threads threads);  // false: the kernel refused. Also takes away new privileges

 private:
  void when(int call, uint32_t action);
  std::vector<sock_filter> program_;
};

}  // namespace freehold
