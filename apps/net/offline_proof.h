// prove-offline: shows on the owner's machine that serving a model sends nothing out and keeps nothing of what is
// asked. Each check is shown, failed, or not shown because this machine does not allow it: that is said, never passed
// over.
//
//   imports    the program's table of imports names no function that connects or resolves
//   network    a whole session in a network namespace with nothing but its own loopback
//   trace      under a trace of the calls of the system: one socket, which listens; no connect; no other program; files
//              are written below its folders only
//   seal       every thread has given up new privileges and filters its calls; no core is dumped
//   canaries   words planted in every kind of request stand in no file and in no bytes written to one
//
// The server runs over a home folder of its own, which is removed afterwards.
#pragma once

#include <string>

#include "base/file.h"
#include "base/json.h"

namespace freehold {

struct ProofOptions {
  Path program;  // freehold
  Path model;
};

// The report: {"passed", "checks": [{"name", "state": "shown" | "failed" | "not shown", "what"}], ...}.
Result<Json> prove_offline(const ProofOptions& options);

}  // namespace freehold
