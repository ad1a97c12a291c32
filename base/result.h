// Result<T>: a value or an Error. The one way in which functions report that the world is wrong (a file, an
// argument, a request, the disk). Our own mistakes are CHECKs (base/check.h), never Errors.
//
//   Result<Config> read_config(const Path& path);
//   TRY_ASSIGN(Config config, read_config(path));     // returns the error to the caller, or goes on with the value
//   TRY(write(config));                               // the same without a value
//   return malformed("{}: key '{}': expected a positive integer, found {}", file, key, value);
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace freehold {

// What kind of thing went wrong. The first word of an error line and, through exit_code, the exit status.
enum class Fault {
  check_failed,  // a check ran and the answer is no
  usage,         // bad option or argument
  malformed,     // input breaks its own format: truncated, lying, duplicate, out of range
  unsupported,   // input is well formed, and asks for what we do not do
  inconsistent,  // parts of the input contradict each other
  resources,     // memory, disk, a limit, a time budget
  io,            // the operating system said no
  integrity,     // hash or signature does not fit
  cancelled,     // by signal or by the user; the last good state is kept
};

std::string_view name_of(Fault);
int exit_code(Fault);  // 1..7, the table in docs/errors.md

struct Error {
  Fault fault;
  std::string what;  // "file or field: what was found; what would be right"; no raw control bytes
};

template <class T>
using Result = tl::expected<T, Error>;
struct Done {};  // the value of a Result that has none

using Failure = tl::unexpected<Error>;
Failure failure(Fault fault, std::string what);  // shortens to 300 characters and escapes control bytes

template <class... A>
Failure usage_error(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::usage, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure malformed(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::malformed, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure unsupported(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::unsupported, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure inconsistent(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::inconsistent, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure out_of_resources(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::resources, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure io_error(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::io, fmt::format(f, std::forward<A>(a)...));
}

// Bytes of a file or request made fit to print: valid UTF-8 stays, control bytes and the rest become \xNN.
// Longer text than `most` bytes ends in "...".
std::string printable(std::string_view bytes, size_t most = 80);
bool is_utf8(std::string_view bytes);
// Valid UTF-8 without control bytes: what a name in a file may be.
bool is_clean_utf8(std::string_view bytes);

#define FREEHOLD_JOIN2(a, b) a##b
#define FREEHOLD_JOIN(a, b) FREEHOLD_JOIN2(a, b)
#define TRY(expression)                                                                          \
  do {                                                                                           \
    if (auto try_result = (expression); !try_result)                                             \
      return ::freehold::Failure(std::move(try_result.error()));                                 \
  } while (0)
#define TRY_ASSIGN_AS(result, target, ...)                                                       \
  auto result = (__VA_ARGS__);                                                                   \
  if (!result) return ::freehold::Failure(std::move(result.error()));                            \
  target = std::move(*result)
#define TRY_ASSIGN(target, ...) TRY_ASSIGN_AS(FREEHOLD_JOIN(try_result_, __COUNTER__), target, __VA_ARGS__)

}  // namespace freehold
