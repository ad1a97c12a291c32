#include "library/readers/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/limits.h"
#include "base/sanitized.h"
#include "base/syscall_filter.h"

namespace freehold::papers {
namespace {

constexpr int computing[] = {
    SYS_read,         SYS_write,        SYS_mmap,           SYS_munmap,       SYS_mremap,
    SYS_mprotect,     SYS_brk,          SYS_madvise,        SYS_futex,        SYS_exit,
    SYS_exit_group,   SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_clock_gettime,
    SYS_gettimeofday, SYS_getrandom,    SYS_gettid,         SYS_getpid,       SYS_tgkill,
    SYS_sched_yield,  SYS_close,        SYS_fstat,          SYS_lseek,        SYS_sigaltstack};
// A library that looks for a file finds none.
constexpr int looking[] = {SYS_open, SYS_openat, SYS_stat, SYS_newfstatat, SYS_access, SYS_readlink, SYS_ioctl};
constexpr int forbidden[] = {SYS_socket,
                             SYS_socketpair,
                             SYS_connect,
                             SYS_bind,
                             SYS_listen,
                             SYS_accept,
                             SYS_accept4,
                             SYS_ptrace,
                             SYS_process_vm_readv,
                             SYS_process_vm_writev,
                             SYS_mount,
                             SYS_umount2,
                             SYS_kill,
                             SYS_fork,
                             SYS_vfork,
                             SYS_execveat,
                             SYS_unlink,
                             SYS_unlinkat,
                             SYS_rename,
                             SYS_renameat,
                             SYS_renameat2,
                             SYS_mkdir,
                             SYS_mkdirat,
                             SYS_link,
                             SYS_linkat,
                             SYS_symlink,
                             SYS_symlinkat,
                             SYS_truncate,
                             SYS_chmod,
                             SYS_fchmodat,
                             SYS_chown,
                             SYS_setuid,
                             SYS_setgid,
                             SYS_bpf,
                             SYS_perf_event_open,
                             SYS_keyctl,
                             SYS_add_key,
                             SYS_io_uring_setup,
                             SYS_unshare,
                             SYS_setns};

}  // namespace

bool seal_this_process(Seal seal) {
  SyscallFilter filter;
  if (seal == Seal::compute) {
    filter.allow(computing);
    filter.refuse(looking, EACCES);
  }
  // A sanitizer calls what no reader does, and ends the program where that is refused: it gets all but the forbidden.
  const bool only_computes = seal == Seal::compute && !sanitized;
  if (seal == Seal::launch) filter.allow_if(SYS_kill, 1, SIGKILL);
  if (!only_computes) filter.refuse(forbidden, EPERM);
  return filter.install(only_computes ? SyscallFilter::Otherwise::kill : SyscallFilter::Otherwise::allow,
                        SyscallFilter::Threads::this_one);
}

void limit_this_process(uint64_t memory_bytes, uint64_t seconds) {
  uint64_t pages = 0;  // what is mapped already, a model perhaps, is not the reader's
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long mapped = 0;
    if (std::fscanf(file, "%lu", &mapped) == 1) pages = mapped;
    std::fclose(file);
  }
  const auto set = [](__rlimit_resource_t what, uint64_t most) {
    const rlimit limit = {most, most};
    setrlimit(what, &limit);
  };
  if (!sanitized) set(RLIMIT_AS, pages * static_cast<uint64_t>(getpagesize()) + memory_bytes);
  set(RLIMIT_CPU, seconds);
  set(RLIMIT_CORE, 0);
  set(RLIMIT_FSIZE, 0);
}

ChildOutput output_of(int child, int from, uint64_t seconds, uint64_t most_bytes) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  ChildOutput out;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd one = {from, POLLIN, 0};
    const int ready = left > 0 ? poll(&one, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      out.too_long = true;
      break;
    }
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.bytes.append(buffer, 0, static_cast<size_t>(n));
    if (out.bytes.size() > most_bytes) {
      out.too_much = true;
      break;
    }
  }
  ::close(from);
  if (out.too_long || out.too_much) ::kill(child, SIGKILL);
  while (waitpid(child, &out.status, 0) < 0 && errno == EINTR) {
  }
  return out;
}

namespace {
constexpr int refused_to_start = 125, not_sealed = 126;

std::string path_of(std::string_view program) {
  for (const char* folder : {"/usr/local/bin", "/usr/bin"})
    if (const std::string path = fmt::format("{}/{}", folder, program); ::access(path.c_str(), X_OK) == 0) return path;
  return "";
}
}  // namespace

bool is_installed(std::string_view program) { return !path_of(program).empty(); }

Result<std::string> printed_by(std::string_view program, const std::vector<std::string>& words, std::string_view input,
                               std::string_view name) {
  const std::string path = path_of(program);
  if (path.empty()) return unsupported("{}: {} is not installed, which reads this kind of paper", name, program);
  const int file = memfd_create("paper", MFD_CLOEXEC);
  int pipe_ends[2];
  if (file < 0 || pipe2(pipe_ends, O_CLOEXEC) != 0) {
    if (file >= 0) ::close(file);
    return out_of_resources("{}: no file handles left", name);
  }
  for (size_t at = 0; at < input.size();) {
    const ssize_t n = ::write(file, input.data() + at, input.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      ::close(file), ::close(pipe_ends[0]), ::close(pipe_ends[1]);
      return out_of_resources("{}: no memory left to hand it to {}", name, program);
    }
    at += static_cast<size_t>(n);
  }
  ::lseek(file, 0, SEEK_SET);
  std::vector<std::string> owned = {path};
  owned.insert(owned.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : owned) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  char language[] = "LC_ALL=C.UTF-8", threads[] = "OMP_THREAD_LIMIT=1";
  char* environment[] = {language, threads, nullptr};
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = ::open("/dev/null", O_WRONLY);
    if (dup2(file, 0) < 0 || dup2(pipe_ends[1], 1) < 0 || dup2(nothing, 2) < 0) _exit(not_sealed);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    limit_this_process(limits::reader_program_memory, limits::reader_program_seconds);
    if (!seal_this_process(Seal::program)) _exit(not_sealed);
    execve(path.c_str(), arguments.data(), environment);
    _exit(errno == EPERM || errno == EACCES ? refused_to_start : 127);
  }
  ::close(file), ::close(pipe_ends[1]);
  if (child < 0) return ::close(pipe_ends[0]), out_of_resources("{}: no process could be started", name);
  const ChildOutput out = output_of(child, pipe_ends[0], limits::reader_program_seconds, limits::reader_output_bytes);
  if (out.too_long)
    return out_of_resources("{}: {} took longer than {} s", name, program, limits::reader_program_seconds);
  if (out.too_much)
    return out_of_resources("{}: {} printed more than {} bytes", name, program, limits::reader_output_bytes);
  if (!WIFEXITED(out.status)) return malformed("{}: {} ended by signal {}", name, program, WTERMSIG(out.status));
  if (WEXITSTATUS(out.status) == refused_to_start)
    return unsupported("{}: {} would read it, and this process may start no programs; `freehold ingest` may", name,
                       program);
  if (WEXITSTATUS(out.status) == not_sealed)
    return io_error("{}: {} was not started: its rights could not be taken away", name, program);
  if (WEXITSTATUS(out.status) != 0)
    return malformed("{}: {} could not read it (status {})", name, program, WEXITSTATUS(out.status));
  return out.bytes;
}

}  // namespace freehold::papers
