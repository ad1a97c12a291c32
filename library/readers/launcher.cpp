#include "library/readers/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/folder_rights.h"
#include "base/limits.h"
#include "library/readers/child.h"

namespace freehold::papers {
namespace {

using Clock = std::chrono::steady_clock;

struct Asked {
  uint64_t job, page, name_bytes, input_bytes;
};
struct Answered {
  uint64_t fault, bytes;  // fault: 0, or its number plus 1
};
constexpr uint64_t most_name_bytes = 64 << 10;
constexpr uint64_t most_bytes = std::max(limits::paper_bytes, limits::reader_output_bytes);
constexpr int from_server = 3, to_server = 4;

// Moves `size` bytes through a pipe; false at its end, and when `until` comes first.
template <class Move>
bool move_all(int handle, size_t size, short event, std::optional<Clock::time_point> until, Move move) {
  for (size_t at = 0; at < size;) {
    if (until) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*until - Clock::now()).count();
      pollfd one = {handle, event, 0};
      const int ready = left > 0 ? ::poll(&one, 1, static_cast<int>(left)) : 0;
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return false;
    }
    const ssize_t n = move(at, size - at);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}
bool read_all(int handle, void* to, size_t size, std::optional<Clock::time_point> until = std::nullopt) {
  return move_all(handle, size, POLLIN, until,
                  [&](size_t at, size_t left) { return ::read(handle, static_cast<char*>(to) + at, left); });
}
bool write_all(int handle, const void* from, size_t size, std::optional<Clock::time_point> until = std::nullopt) {
  return move_all(handle, size, POLLOUT, until,
                  [&](size_t at, size_t left) { return ::write(handle, static_cast<const char*>(from) + at, left); });
}

bool answer_one() {
  Asked asked;
  if (!read_all(from_server, &asked, sizeof asked)) return false;
  if (asked.job >= jobs || asked.page > limits::ocr_pages || asked.name_bytes > most_name_bytes ||
      asked.input_bytes > most_bytes)
    return false;
  std::string name(asked.name_bytes, '\0'), input(asked.input_bytes, '\0');
  if (!read_all(from_server, name.data(), name.size()) || !read_all(from_server, input.data(), input.size()))
    return false;
  const Result<std::string> printed =
      start_here(static_cast<Job>(asked.job), static_cast<int>(asked.page), input, name);
  const std::string& bytes = printed ? *printed : printed.error().what;
  const Answered answered = {printed ? 0 : static_cast<uint64_t>(printed.error().fault) + 1, bytes.size()};
  return write_all(to_server, &answered, sizeof answered) && write_all(to_server, bytes.data(), bytes.size());
}

[[noreturn]] void launch(int from, int to, pid_t owner) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != owner) ::_exit(0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);  // the server's end is its end
  from = ::fcntl(from, F_DUPFD, 10), to = ::fcntl(to, F_DUPFD, 10);
  if (::dup2(from, from_server) < 0 || ::dup2(to, to_server) < 0) ::_exit(1);
  ::syscall(SYS_close_range, 5U, ~0U, 0U);
  const auto kept = keep_only({.read = {"/proc", "/etc/fonts", "/etc/ld.so.cache", "/dev/null"},
                               .write = {"/dev/null"},
                               .run = {"/usr", "/lib", "/lib64"}});
  if (!kept || !seal_this_process(Seal::launch)) ::_exit(1);
  while (answer_one()) {
  }
  ::_exit(0);
}

}  // namespace

Result<std::unique_ptr<Launcher>> Launcher::start() {
  int asks[2], answers[2];
  if (::pipe2(asks, O_CLOEXEC) != 0) return out_of_resources("no file handles left");
  if (::pipe2(answers, O_CLOEXEC) != 0) {
    ::close(asks[0]), ::close(asks[1]);
    return out_of_resources("no file handles left");
  }
  const pid_t owner = ::getpid(), child = ::fork();
  if (child == 0) launch(asks[0], answers[1], owner);
  ::close(asks[0]), ::close(answers[1]);
  std::unique_ptr<Launcher> launcher(new Launcher(child, asks[1], answers[0]));
  if (child < 0) return out_of_resources("no process could be started");
  ::fcntl(launcher->asks_, F_SETFL, O_NONBLOCK);
  ::signal(SIGPIPE, SIG_IGN);  // a launcher that has ended is an error, not our end
  return launcher;
}

Launcher::~Launcher() {
  ::close(asks_), ::close(answers_);
  if (process_ > 0)
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Result<std::string> Launcher::run(Job job, int page, std::string_view input, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto until = Clock::now() + std::chrono::seconds(limits::reader_program_seconds + 10);
  name = name.substr(0, most_name_bytes);
  const Asked asked = {static_cast<uint64_t>(job), static_cast<uint64_t>(page), name.size(), input.size()};
  Answered answered = {};
  std::string bytes;
  const auto hold = [&] {
    if (!write_all(asks_, &asked, sizeof asked, until) || !write_all(asks_, name.data(), name.size(), until) ||
        !write_all(asks_, input.data(), input.size(), until) ||
        !read_all(answers_, &answered, sizeof answered, until) || answered.bytes > most_bytes ||
        answered.fault > static_cast<uint64_t>(Fault::cancelled) + 1)
      return false;
    bytes.resize(answered.bytes);
    return read_all(answers_, bytes.data(), bytes.size(), until);
  };
  if (broken_ || !hold()) {
    broken_ = true;
    return io_error("{}: the process that starts programs for papers has ended; start the server again", name);
  }
  if (answered.fault > 0) return failure(static_cast<Fault>(answered.fault - 1), printable(bytes, 1000));
  return bytes;
}

}  // namespace freehold::papers
