#include "serve/request_id.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cstdint>

#include "base/check.h"

namespace freehold {

std::string make_id(std::string_view prefix) {
  uint32_t words[3];
  CHECK(::getrandom(words, sizeof(words), 0) == sizeof(words));
  return fmt::format("{}{:08x}{:08x}{:08x}", prefix, words[0], words[1], words[2]);
}

uint64_t random_seed() {
  uint32_t word;
  CHECK(::getrandom(&word, sizeof(word), 0) == sizeof(word));
  return word;
}

}  // namespace freehold
