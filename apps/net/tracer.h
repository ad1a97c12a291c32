// Tracer: runs a program and watches, at every call of the system by any of its threads and children, whether it tries
// to reach out, to start a program, or to write where it should not (Linux' ptrace).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/file.h"

namespace freehold {

struct Traced {
  std::vector<std::string> sockets;   // families of the sockets it opened, in order: "inet", "unix", ...
  std::vector<std::string> reached;   // calls that could reach out: "connect", "sendto an address", ...
  std::vector<std::string> started;   // programs, the first is its own
  std::vector<std::string> written;   // files that were opened for writing
  std::vector<std::string> canaries;  // calls that write a canary to a file: "write", ...
  uint64_t calls = 0;                 // of the system, in all
  int status = 0;                     // as waitpid gives it
};

struct TraceTask {
  std::vector<std::string> words;        // the program and its arguments
  std::vector<std::string> environment;  // NAME=VALUE
  std::vector<std::string> canaries;
  int output = -1;                     // becomes its standard output; standard error is dropped
  std::function<void(pid_t)> started;  // called once it runs
};

// Runs it to its end. Fault::unsupported: this machine forbids tracing.
Result<Traced> trace(const TraceTask& task);

}  // namespace freehold
