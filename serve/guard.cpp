#include "serve/guard.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "serve/routes.h"
#include "serve/usage_report.h"

namespace freehold {
namespace {

using Refused = tl::unexpected<ApiError>;

ApiError no_key(std::string message) {
  return {.status = 401, .message = std::move(message), .type = "authentication_error", .code = "invalid_api_key"};
}

ApiError over_limit(const char* what, int64_t most, double missing) {
  const double seconds = missing * 60 / static_cast<double>(most);
  return {.status = 429,
          .message = fmt::format("this key may have {} {} a minute", most, what),
          .type = "rate_limit_error",
          .code = "rate_limit_exceeded",
          .retry_after = static_cast<int>(std::clamp(std::ceil(seconds), 1.0, 3600.0))};
}

int64_t in_ns(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

std::string_view secret_of(const HttpRequest& request) {
  const std::string_view authorization = request.header("authorization");
  if (authorization.empty()) return request.header("x-api-key");
  constexpr std::string_view bearer = "bearer ";
  if (authorization.size() <= bearer.size()) return {};
  for (size_t i = 0; i < bearer.size(); ++i)
    if (const char c = authorization[i]; (c >= 'A' && c <= 'Z' ? c + 32 : c) != bearer[i]) return {};
  return authorization.substr(std::min(authorization.find_first_not_of(' ', bearer.size()), authorization.size()));
}

Result<std::unique_ptr<Guard>> Guard::make(Path file) {
  std::unique_ptr<Guard> guard(new Guard(std::move(file)));
  TRY(guard->refresh());
  return guard;
}

bool Guard::has_keys() const {
  const std::lock_guard lock(mutex_);
  return seen_.has_value();
}

// Looks whether the file has changed, which costs one call of the system.
Result<Done> Guard::refresh() {
  struct stat s;
  if (::stat(file_.c_str(), &s) != 0) {
    if (errno == ENOENT && !seen_) return Done{};
    broken_ = true;
    if (!seen_) seen_ = Seen{};
    return io_error("{}: cannot be examined", file_.filename().string());
  }
  const Seen now{s.st_ino, static_cast<uint64_t>(s.st_size), in_ns(s.st_mtim), in_ns(s.st_ctim)};
  if (seen_ == now && !broken_) return Done{};
  seen_ = now;  // what was written after this look is seen at the next
  broken_ = true;
  TRY_ASSIGN(keys_, KeyFile::read(file_));
  broken_ = false;
  return Done{};
}

tl::expected<Caller, ApiError> Guard::admit(const HttpRequest& request, Clock::time_point now) {
  const auto scope = scope_for(request.path);
  const std::lock_guard lock(mutex_);
  const bool readable = refresh().has_value();
  if (!seen_ || !scope) return Caller{};
  if (!readable)
    return Refused({.status = 503,
                    .message = "the server's keys cannot be read, so nobody is let in",
                    .type = "unavailable_error",
                    .code = "keys_unreadable"});
  const std::string_view secret = secret_of(request);
  if (secret.empty()) return Refused(no_key("a key is needed: Authorization: Bearer KEY, or x-api-key: KEY"));
  const Key* key = keys_.find_secret(secret);
  if (!key) return Refused(no_key("the key is not known, or was revoked"));
  if ((key->scopes & *scope) != *scope)
    return Refused({.status = 403,
                    .message = fmt::format("this key lacks the scope {}", scope_names(*scope).front()),
                    .type = "permission_error",
                    .code = "scope_missing"});
  if (request.method == "POST" || request.method == "PUT") {
    Buckets& left = buckets_of(*key, now);
    if (key->requests_per_minute > 0 && left.requests < 1)
      return Refused(over_limit("requests", key->requests_per_minute, 1 - left.requests));
    if (key->tokens_per_minute > 0 && left.tokens <= 0)
      return Refused(over_limit("tokens", key->tokens_per_minute, 1 - left.tokens));
    if (scope == scope_inference)
      if (auto fault = check_budget(key->department)) return Refused(std::move(*fault));
    left.requests -= 1;
  }
  return Caller{key->id, key->department, key->models, key->labels, key->scopes, key->name};
}

std::optional<ApiError> Guard::check_budget(const std::string& department) const {
  if (!spent_ || department.empty()) return std::nullopt;
  for (const Budget& budget : keys_.budgets) {
    if (budget.department != department) continue;
    const std::string_view what = spent_of(budget, spent_(department));
    if (!what.empty())
      return ApiError{.status = 402,
                      .message = fmt::format("the budget of {} for {} is spent for this month", what, department),
                      .type = "insufficient_quota",
                      .code = "budget_exceeded"};
  }
  return std::nullopt;
}

tl::expected<Caller, ApiError> Guard::charge(Caller caller, const std::string& department) const {
  if (caller.department == department) return caller;
  const std::lock_guard lock(mutex_);
  if (!caller.department.empty() || (!caller.key_id.empty() && !keys_.knows(department)))
    return Refused({.status = 403,
                    .message = fmt::format("metadata.department: this key may not be charged to {}", department),
                    .type = "permission_error",
                    .param = "metadata.department",
                    .code = "department_not_allowed"});
  if (auto fault = check_budget(department)) return Refused(std::move(*fault));
  caller.department = department;
  return caller;
}

void Guard::watch_budgets(Spent spent) {
  const std::lock_guard lock(mutex_);
  spent_ = std::move(spent);
}

std::vector<Budget> Guard::budgets() const {
  const std::lock_guard lock(mutex_);
  return keys_.budgets;
}

void Guard::used(const Caller& caller, int64_t tokens, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const Key& key : keys_.keys)
    if (key.id == caller.key_id) buckets_of(key, now).tokens -= static_cast<double>(tokens);
}

Guard::Buckets& Guard::buckets_of(const Key& key, Clock::time_point now) {
  const auto requests = static_cast<double>(key.requests_per_minute),
             tokens = static_cast<double>(key.tokens_per_minute);
  const auto [found, is_new] = buckets_.try_emplace(key.id, Buckets{requests, tokens, now});
  Buckets& left = found->second;
  const double minutes = std::chrono::duration<double>(now - left.filled).count() / 60;
  left.requests = std::min(requests, left.requests + minutes * requests);
  left.tokens = std::min(tokens, left.tokens + minutes * tokens);
  left.filled = now;
  return left;
}

}  // namespace freehold
