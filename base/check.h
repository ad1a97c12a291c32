// CHECK: a condition that only a bug of ours can break. On in every build; prints the values and stops with 70.
#pragma once

#include <fmt/format.h>

#include <string>

namespace freehold {

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& values);

#define CHECK(condition, ...)                                                                           \
  do {                                                                                                  \
    if (__builtin_expect(!(condition), 0))                                                              \
      ::freehold::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__));          \
  } while (0)

}  // namespace freehold
