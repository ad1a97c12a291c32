#include "apps/net/tracer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

namespace freehold {
namespace {

constexpr size_t most_read = 1 << 20;  // of one buffer that is written
constexpr int cannot_be_traced = 120;

class Watch {
 public:
  Watch(const TraceTask& task, Traced& seen) : task_(task), seen_(seen) {}

  // A thread stands at the beginning or the end of a call.
  void look(pid_t thread) {
    __ptrace_syscall_info info = {};
    if (::ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), thread, sizeof info, &info) <= 0) return;
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    ++seen_.calls;
    const auto& a = info.entry.args;
    switch (info.entry.nr) {
      case SYS_socket:
      case SYS_socketpair:
        return seen_.sockets.push_back(family(a[0]));
      case SYS_connect:
        return seen_.reached.push_back("connect");
      case SYS_sendto:
        return a[4] != 0 ? seen_.reached.push_back("sendto an address") : void();
      case SYS_sendmsg:
        return seen_.reached.push_back("sendmsg");
      case SYS_sendmmsg:
        return seen_.reached.push_back("sendmmsg");
      case SYS_io_uring_setup:
        return seen_.reached.push_back("io_uring_setup");
      case SYS_execve:
        return seen_.started.push_back(text(thread, a[0]));
      case SYS_execveat:
        return seen_.started.push_back(text(thread, a[1]));
      case SYS_open:
        return opened(text(thread, a[0]), a[1]);
      case SYS_creat:
        return opened(text(thread, a[0]), O_CREAT);
      case SYS_openat:
        return opened(text(thread, a[1]), a[2]);
      case SYS_openat2:
        return opened(text(thread, a[1]), number(thread, a[2]));
      case SYS_write:
        return wrote("write", thread, static_cast<int>(a[0]), a[1], a[2]);
      case SYS_pwrite64:
        return wrote("pwrite", thread, static_cast<int>(a[0]), a[1], a[2]);
      case SYS_writev:
        return wrote_pieces(thread, static_cast<int>(a[0]), a[1], a[2]);
      default:
        return;
    }
  }

 private:
  static std::string family(uint64_t number) {
    return number == AF_INET      ? "inet"
           : number == AF_INET6   ? "inet6"
           : number == AF_UNIX    ? "unix"
           : number == AF_NETLINK ? "netlink"
                                  : fmt::format("{}", number);
  }
  static std::string bytes(pid_t thread, uint64_t address, size_t most) {
    std::string out(most, '\0');
    size_t filled = 0;
    while (filled < most) {  // up to the end of a page at a time: the next may not be there
      const size_t step = std::min<size_t>(most - filled, 4096 - (address + filled) % 4096);
      iovec here = {out.data() + filled, step}, there = {reinterpret_cast<void*>(address + filled), step};
      const ssize_t got = ::process_vm_readv(thread, &here, 1, &there, 1, 0);
      if (got <= 0) break;
      filled += static_cast<size_t>(got);
    }
    out.resize(filled);
    return out;
  }
  static std::string text(pid_t thread, uint64_t address) {
    const std::string all = bytes(thread, address, 4096);
    return all.substr(0, all.find('\0'));
  }
  static uint64_t number(pid_t thread, uint64_t address) {
    uint64_t value = 0;
    const std::string all = bytes(thread, address, sizeof value);
    if (all.size() == sizeof value) std::memcpy(&value, all.data(), sizeof value);
    return value;
  }
  void opened(const std::string& path, uint64_t flags) {
    if ((flags & O_ACCMODE) == O_RDONLY && (flags & (O_CREAT | O_TRUNC)) == 0) return;
    if (std::find(seen_.written.begin(), seen_.written.end(), path) == seen_.written.end())
      seen_.written.push_back(path);
  }
  // Clients get their answers through sockets; pipes are between the program and its readers of papers.
  static bool is_file(pid_t thread, int handle) {
    std::error_code error;
    const Path path = std::filesystem::read_symlink(fmt::format("/proc/{}/fd/{}", thread, handle), error);
    return error || !(path.string().starts_with("socket:") || path.string().starts_with("pipe:"));
  }
  void wrote(const char* call, pid_t thread, int handle, uint64_t address, uint64_t size) {
    const std::string all = bytes(thread, address, std::min<uint64_t>(size, most_read));
    for (const std::string& canary : task_.canaries)
      if (all.find(canary) != std::string::npos && is_file(thread, handle)) seen_.canaries.push_back(call);
  }
  void wrote_pieces(pid_t thread, int handle, uint64_t list, uint64_t count) {
    for (uint64_t i = 0; i < std::min<uint64_t>(count, 1024); ++i)
      wrote("writev", thread, handle, number(thread, list + 16 * i), number(thread, list + 16 * i + 8));
  }

  const TraceTask& task_;
  Traced& seen_;
};

[[noreturn]] void become(const TraceTask& task) {
  std::vector<char*> words, environment;
  for (const std::string& word : task.words) words.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& one : task.environment) environment.push_back(const_cast<char*>(one.c_str()));
  words.push_back(nullptr), environment.push_back(nullptr);
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(task.output, 1) < 0 || ::dup2(nothing, 2) < 0)
    ::_exit(cannot_be_traced);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  ::signal(SIGPIPE, SIG_DFL);
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(cannot_be_traced);
  ::raise(SIGSTOP);  // until the tracer has said what it wants to see
  ::execve(words[0], words.data(), environment.data());
  ::_exit(127);
}

}  // namespace

Result<Traced> trace(const TraceTask& task) {
  const pid_t child = ::fork();
  if (child < 0) return out_of_resources("no process could be started");
  if (child == 0) become(task);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
    return unsupported("this machine does not allow tracing");
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                       PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, options) != 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return unsupported("this machine does not allow tracing");
  }
  Traced seen;
  Watch watch(task, seen);
  ::ptrace(PTRACE_SYSCALL, child, nullptr, 0);
  if (task.started) task.started(child);
  std::map<pid_t, bool> known = {{child, true}};
  for (;;) {
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) break;  // nobody is left
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread == child) seen.status = status;
      continue;
    }
    int pass_on = 0;
    const int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80))
      watch.look(thread);
    else if (signal == SIGSTOP && !std::exchange(known[thread], true))
      pass_on = 0;               // a new thread's or child's first stop
    else if (signal != SIGTRAP)  // which tells of clone, fork, exec
      pass_on = signal;
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, pass_on);
  }
  return seen;
}

}  // namespace freehold
