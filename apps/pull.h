// freehold pull: hands over to freehold-net, the program beside this one that may use the network. This one may not.
#pragma once

#include <span>

#include "base/result.h"

namespace freehold {

// `words` follow "pull". Does not return when all is well: the process becomes freehold-net.
Result<Done> become_pull(std::span<const char* const> words);

}  // namespace freehold
