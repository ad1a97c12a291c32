// What a template can do wrong, as Errors. The first word says which class of exception Jinja would have raised; the
// interpreter puts template and line in front of it.
//
//   syntax     the template does not parse, or names a filter or test that does not exist
//   undefined  an undefined value was used as if it were there
//   type       operation on the wrong kind of value, or a wrong argument
//   range      overflow, division by zero, an index or a range too large
//   security   something the sandbox forbids
//   raised     the template called raise_exception: the conversation is not what it expects
//   limit      a budget of ours is spent
//   unsupported  real Jinja, which we do not do
#pragma once

#include "base/result.h"

namespace freehold::jinja {

template <class... A>
Failure syntax_error(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::malformed, "syntax: " + fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure undefined_error(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::inconsistent, "undefined: " + fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure type_error(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::inconsistent, "type: " + fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure range_error(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::inconsistent, "range: " + fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure forbidden(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::unsupported, "security: " + fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure not_done(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::unsupported, "unsupported: " + fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Failure over_limit(fmt::format_string<A...> f, A&&... a) {
  return failure(Fault::resources, "limit: " + fmt::format(f, std::forward<A>(a)...));
}

}  // namespace freehold::jinja
