// freehold prove-offline: holds the proof (offline_proof.h), tells it and writes it down signed; or checks such a
// report.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace freehold {

// `words`: "prove-offline" and its arguments. Fault::check_failed: a check found a way out, or a trace of a canary.
Result<Done> prove(const Path& home, const std::vector<std::string>& words);

}  // namespace freehold
