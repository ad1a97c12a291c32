#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace freehold {

void check_failed(const char* file, int line, const char* condition, const std::string& values) {
  std::fprintf(stderr, "freehold: error: bug: %s:%d: expected %s%s%s\n", file, line, condition,
               values.empty() ? "" : "; ", values.c_str());
  std::fflush(stderr);
  std::_Exit(70);
}

}  // namespace freehold
