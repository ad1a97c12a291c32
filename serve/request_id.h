// Names for requests and answers: a prefix and 96 random bits.
#pragma once

#include <string>
#include <string_view>

namespace freehold {

std::string make_id(std::string_view prefix);  // "chatcmpl-4f0c..."
uint64_t random_seed();                        // 32 bits, as clients print them

}  // namespace freehold
