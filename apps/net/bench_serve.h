// freehold bench serve: load on a running server, and what came of it, under the names that `vllm bench serve` writes.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold {

// `words`: "bench", "serve" and the arguments.
Result<Done> bench_serve_command(const std::vector<std::string>& words, const std::atomic<bool>& cancelled);

}  // namespace freehold
