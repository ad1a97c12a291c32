// freehold conformance: asks a running server one thing after the other (conformance/) and says of each field and rule
// whether it is honoured, refused or ignored.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold {

// `words`: "conformance" and its arguments. Fault::check_failed: something that must be kept is not.
Result<Done> conformance_command(const std::vector<std::string>& words, const std::atomic<bool>& cancelled);

}  // namespace freehold
