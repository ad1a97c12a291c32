#include "serve/page.h"

#include <algorithm>

#include "serve/api_error.h"
#include "serve/page_files.h"

namespace freehold {
namespace {

// Scripts and styles are the program's own files, and no script can turn text into HTML.
constexpr const char* policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

const PageFile* file_at(std::string_view path) {
  const auto files = page_files();
  const auto file = std::find_if(files.begin(), files.end(), [&](const PageFile& f) { return f.path == path; });
  return file == files.end() ? nullptr : &*file;
}

}  // namespace

bool is_page_file(std::string_view path) { return file_at(path) != nullptr; }

std::optional<HttpAnswer> page_answer(const HttpRequest& request) {
  const PageFile* file = file_at(request.path);
  if (!file) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    HttpAnswer refused = answer_of({.status = 405, .message = "expected GET", .code = "method_not_allowed"});
    refused.headers.push_back({"Allow", "GET, HEAD"});
    return refused;
  }
  return HttpAnswer{200,
                    std::string(file->bytes),
                    std::string(file->type),
                    {{"Content-Security-Policy", policy},
                     {"Referrer-Policy", "no-referrer"},
                     {"Cross-Origin-Opener-Policy", "same-origin"},
                     {"Cross-Origin-Resource-Policy", "same-origin"},
                     {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
                     {"Cache-Control", "no-cache"}}};
}

}  // namespace freehold
