// Launcher: a process that starts the programs that read papers, for one that may start none itself: a sealed server.
// It is made before the server gives up its rights, and gives up its own at once: it sees the system's programs and
// libraries and no file of anybody's (Landlock, where the kernel has it), opens no socket, and writes nowhere. It is
// asked for a job by number; no word of a request becomes a word of a command. It ends when the server does.
//
// Between the two are two pipes. Asked: job, page, length of the name, length of the input (8 bytes each), name, input.
// Answered: 0 or the fault plus 1, a length, that many bytes: what was printed, or why nothing was. Where that takes
// too long, the job is an error, and the next one first takes the answer that is still owed from the pipe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "base/limits.h"
#include "library/readers/programs.h"

namespace freehold::papers {

struct LauncherAnswer {
  uint64_t fault, bytes;  // fault: 0, or its number plus 1
};

struct LauncherCall {  // how far one has come
  std::string asked = {};
  size_t sent = 0;
  LauncherAnswer answered = {};
  size_t head = 0;  // bytes of `answered` that are there
  std::string bytes = {};
  size_t got = 0;
};

class Launcher {
 public:
  static Result<std::unique_ptr<Launcher>> start();  // before there are threads
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Any thread; one job at a time.
  Result<std::string> run(Job job, int page, std::string_view input, std::string_view name,
                          std::chrono::milliseconds patience = usual_patience);
  pid_t process() const { return process_; }

 private:
  // Longer than the program may take.
  static constexpr std::chrono::seconds usual_patience{limits::reader_program_seconds + 10};
  enum class Moved : uint8_t { all, late, gone };
  Moved go_on(LauncherCall& call, std::chrono::steady_clock::time_point until);

  Launcher(pid_t process, int asks, int answers) : process_(process), asks_(asks), answers_(answers) {}
  const pid_t process_;
  const int asks_, answers_;
  std::mutex mutex_;
  std::optional<LauncherCall> call_;  // the one that took too long, if its answer is still owed
  bool broken_ = false;               // it has ended, or no longer keeps to the protocol
};

}  // namespace freehold::papers
