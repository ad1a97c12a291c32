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
constexpr uint64_t most_name_bytes = 64 << 10;
constexpr uint64_t most_bytes = std::max(limits::paper_bytes, limits::reader_output_bytes);
constexpr int from_server = 3, to_server = 4;

// Moves bytes through a pipe, until `at` is `size`; false where it can go no further: `late` tells whether only for
// want of time.
template <class Move>
bool move_all(int handle, size_t& at, size_t size, short event, std::optional<Clock::time_point> until, bool& late,
              Move move) {
  while (at < size) {
    if (until) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*until - Clock::now()).count();
      pollfd one = {handle, event, 0};
      const int ready = left > 0 ? ::poll(&one, 1, static_cast<int>(left)) : 0;
      if (ready < 0 && errno == EINTR) continue;
      late = ready == 0;
      if (ready <= 0) return false;
    }
    const ssize_t n = move(at, size - at);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}
bool read_all(int handle, void* to, size_t& at, size_t size, std::optional<Clock::time_point> until, bool& late) {
  return move_all(handle, at, size, POLLIN, until, late,
                  [&](size_t from, size_t left) { return ::read(handle, static_cast<char*>(to) + from, left); });
}
bool write_all(int handle, const void* from, size_t& at, size_t size, std::optional<Clock::time_point> until,
               bool& late) {
  return move_all(handle, at, size, POLLOUT, until, late, [&](size_t done, size_t left) {
    return ::write(handle, static_cast<const char*>(from) + done, left);
  });
}
// In the launcher, which waits as long as the server does.
bool read_all(int handle, void* to, size_t size) {
  size_t at = 0;
  bool late = false;
  return read_all(handle, to, at, size, std::nullopt, late);
}
bool write_all(int handle, const void* from, size_t size) {
  size_t at = 0;
  bool late = false;
  return write_all(handle, from, at, size, std::nullopt, late);
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
  const LauncherAnswer answered = {printed ? 0 : static_cast<uint64_t>(printed.error().fault) + 1, bytes.size()};
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

Launcher::Moved Launcher::go_on(LauncherCall& call, Clock::time_point until) {
  bool late = false;
  if (!write_all(asks_, call.asked.data(), call.sent, call.asked.size(), until, late) ||
      !read_all(answers_, &call.answered, call.head, sizeof call.answered, until, late))
    return late ? Moved::late : Moved::gone;
  if (call.answered.bytes > most_bytes || call.answered.fault > static_cast<uint64_t>(Fault::cancelled) + 1)
    return Moved::gone;
  call.bytes.resize(call.answered.bytes);
  if (!read_all(answers_, call.bytes.data(), call.got, call.bytes.size(), until, late))
    return late ? Moved::late : Moved::gone;
  return Moved::all;
}

Result<std::string> Launcher::run(Job job, int page, std::string_view input, std::string_view name,
                                  std::chrono::milliseconds patience) {
  const std::lock_guard lock(mutex_);
  const auto until = Clock::now() + patience;
  name = name.substr(0, most_name_bytes);
  const auto moved = [&](LauncherCall& call) {
    const Moved how = broken_ ? Moved::gone : go_on(call, until);
    broken_ = broken_ || how == Moved::gone;
    return how;
  };
  const auto ended = [&] {
    return io_error("{}: the process that starts programs for papers has ended; start the server again", name);
  };
  if (call_) {
    const Moved how = moved(*call_);
    if (how == Moved::gone) return ended();
    if (how == Moved::late)
      return out_of_resources("{}: a program is still busy with the paper before it; try again later", name);
    call_.reset();
  }
  const Asked asked = {static_cast<uint64_t>(job), static_cast<uint64_t>(page), name.size(), input.size()};
  LauncherCall& call = call_.emplace();
  call.asked.reserve(sizeof asked + name.size() + input.size());
  call.asked.append(reinterpret_cast<const char*>(&asked), sizeof asked).append(name).append(input);
  switch (moved(call)) {
    case Moved::gone:
      call_.reset();
      return ended();
    case Moved::late:
      return out_of_resources("{}: its program took longer than {} s", name,
                              std::chrono::duration_cast<std::chrono::seconds>(patience).count());
    case Moved::all:
      break;
  }
  const uint64_t fault = call.answered.fault;
  std::string bytes = std::move(call.bytes);
  call_.reset();
  if (fault > 0) return failure(static_cast<Fault>(fault - 1), printable(bytes, 1000));
  return bytes;
}

}  // namespace freehold::papers
