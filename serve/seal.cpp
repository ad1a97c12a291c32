#include "serve/seal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/folder_rights.h"
#include "base/sanitized.h"
#include "base/syscall_filter.h"

namespace freehold {
namespace {

// By what they are for: files and memory; clients; time, threads and signals; processes that read papers.
constexpr int serving[] = {
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close, SYS_fcntl, SYS_flock,
    SYS_openat, SYS_openat2, SYS_open, SYS_stat, SYS_lstat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_access,
    SYS_faccessat, SYS_faccessat2, SYS_readlink, SYS_readlinkat, SYS_getcwd, SYS_getdents64, SYS_mkdir, SYS_mkdirat,
    SYS_rmdir, SYS_unlink, SYS_unlinkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_ftruncate, SYS_fallocate,
    SYS_fsync, SYS_fdatasync, SYS_fadvise64, SYS_statfs, SYS_fstatfs, SYS_fchmod, SYS_fchmodat, SYS_chmod,
    SYS_utimensat, SYS_umask, SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise, SYS_mincore, SYS_msync,
    //
    SYS_accept, SYS_accept4, SYS_recvfrom, SYS_recvmsg, SYS_shutdown, SYS_getsockopt, SYS_setsockopt, SYS_getsockname,
    SYS_getpeername, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6,
    SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime,
    //
    SYS_futex, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_time,
    SYS_getrandom, SYS_gettid, SYS_getpid, SYS_getppid, SYS_geteuid, SYS_getuid, SYS_getegid, SYS_getgid, SYS_tgkill,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigprocmask,
    SYS_rt_sigaction, SYS_sigaltstack, SYS_restart_syscall, SYS_set_robust_list, SYS_rseq, SYS_set_tid_address,
    SYS_clone, SYS_clone3, SYS_membarrier, SYS_sysinfo, SYS_uname, SYS_getrusage, SYS_times, SYS_prlimit64,
    SYS_getrlimit, SYS_setrlimit,
    //
    SYS_wait4, SYS_waitid, SYS_pipe2, SYS_dup, SYS_dup2, SYS_dup3, SYS_close_range, SYS_memfd_create, SYS_seccomp};

// What a sanitized build is refused: the heart of it, by name.
constexpr int forbidden[] = {SYS_socket,  SYS_socketpair, SYS_connect, SYS_bind,     SYS_listen,
                             SYS_sendmsg, SYS_sendmmsg,   SYS_execve,  SYS_execveat, SYS_io_uring_setup,
                             SYS_bpf,     SYS_mount,      SYS_unshare, SYS_setns,    SYS_perf_event_open,
                             SYS_keyctl,  SYS_add_key,    SYS_symlink, SYS_symlinkat};

}  // namespace

Result<bool> keep_folders(std::span<const Path> models, const Path& home, const Path& energy_counters) {
  std::error_code error;
  FolderRights rights;
  rights.read = {energy_counters, "/proc", "/sys", "/usr/share", "/etc/localtime"};
  for (const Path& model : models) {
    const Path found = std::filesystem::canonical(model, error);
    if (error) return io_error("{}: {}", printable(model.native(), 200), error.message());
    const bool folder = std::filesystem::is_directory(found, error);
    rights.read.push_back(folder ? found : found.parent_path());
    if (folder)  // a model cache keeps the files beside the folder's parent
      rights.read.push_back(found.parent_path().parent_path() / "blobs");
  }
  rights.write = {home, "/dev/null"};
  rights.run = {"/usr/lib", "/usr/lib64", "/lib", "/lib64"};  // libraries that are loaded late
  return keep_only(rights);
}

Result<Done> seal() {
  const rlimit none = {0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return io_error("the limit of cores cannot be set");
  SyscallFilter filter;
  if (sanitized) {  // it asks the kernel for more than a server does, at the end even to be traced
    filter.refuse(forbidden, EPERM);
    if (!filter.install(SyscallFilter::Otherwise::allow, SyscallFilter::Threads::all))
      return unsupported("the kernel has no seccomp; --no-seal serves all the same");
    return Done{};
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return io_error("other processes cannot be kept out");
  filter.allow(serving);
  filter.allow_without(SYS_mmap, 2, PROT_EXEC);
  filter.allow_without(SYS_mprotect, 2, PROT_EXEC);
  filter.allow_if_zero(SYS_sendto, 4);     // to who has connected to us, not to an address
  filter.allow_if(SYS_kill, 1, SIGKILL);   // readers of papers that take too long
  filter.allow_if(SYS_ioctl, 1, FIONBIO);  // sockets of clients that are accepted
  filter.allow_if(SYS_ioctl, 1, FIONREAD);
  filter.allow_if(SYS_ioctl, 1, TCGETS);  // is it a terminal?
  for (const uint32_t what : {PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_NAME}) filter.allow_if(SYS_prctl, 0, what);
  if (!filter.install(SyscallFilter::Otherwise::refuse, SyscallFilter::Threads::all))
    return unsupported("the kernel has no seccomp; --no-seal serves all the same");
  return Done{};
}

}  // namespace freehold
