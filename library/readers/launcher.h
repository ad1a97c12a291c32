// Launcher: a process that starts the programs that read papers, for one that may start none itself: a sealed server.
// It is made before the server gives up its rights, and gives up its own at once: it sees the system's programs and
// libraries and no file of anybody's (Landlock, where the kernel has it), opens no socket, and writes nowhere. It is
// asked for a job by number; no word of a request becomes a word of a command. It ends when the server does.
//
// Between the two are two pipes. Asked: job, page, length of the name, length of the input (8 bytes each), name, input.
// Answered: 0 or the fault plus 1, a length, that many bytes: what was printed, or why nothing was.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <mutex>

#include "library/readers/programs.h"

namespace freehold::papers {

class Launcher {
 public:
  static Result<std::unique_ptr<Launcher>> start();  // before there are threads
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Any thread; one job at a time.
  Result<std::string> run(Job job, int page, std::string_view input, std::string_view name);
  pid_t process() const { return process_; }

 private:
  Launcher(pid_t process, int asks, int answers) : process_(process), asks_(asks), answers_(answers) {}
  const pid_t process_;
  const int asks_, answers_;
  std::mutex mutex_;
  bool broken_ = false;  // it has ended, or no longer keeps to the protocol
};

}  // namespace freehold::papers
