#include "serve/guard.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace freehold {
namespace {

using namespace std::chrono_literals;

class Guards : public testing::Test {
 protected:
  Guards() : path_(std::filesystem::temp_directory_path() / ("guard_test." + std::to_string(::getpid()))) {}
  ~Guards() override { std::filesystem::remove(path_); }

  // Adds a key and writes the file; gives the secret.
  std::string add(Key key) {
    key.name = "n" + std::to_string(file_.keys.size());
    const std::string secret = make_secret(key);
    file_.keys.push_back(key);
    EXPECT_TRUE(file_.write(path_));
    return secret;
  }
  static HttpRequest asks(const std::string& method, const std::string& path, Headers headers = {}) {
    HttpRequest request;
    request.method = method, request.path = path, request.headers = std::move(headers);
    return request;
  }
  static HttpRequest chat(const std::string& secret) {
    return asks("POST", "/v1/chat/completions", {{"authorization", "Bearer " + secret}});
  }
  static int status(const tl::expected<Caller, ApiError>& got) { return got ? 200 : got.error().status; }

  const Path path_;
  KeyFile file_;
};

TEST_F(Guards, WithoutAFileAnybodyMayAsk) {
  const auto guard = *Guard::make(path_);
  EXPECT_FALSE(guard->has_keys());
  for (const char* path : {"/health", "/metrics", "/v1/chat/completions", "/freehold/usage"}) {
    EXPECT_EQ(status(guard->admit(asks("GET", path))), 200);
    EXPECT_EQ(status(guard->admit(asks("GET", path, {{"x-api-key", "anything"}}))), 200);
  }
}

TEST_F(Guards, WithAKeyOnlyHealthAndThePageAreOpen) {
  const std::string secret = add({});
  const auto guard = *Guard::make(path_);
  for (const char* path : {"/health", "/v1/health", "/", "/page.js"})
    EXPECT_EQ(status(guard->admit(asks("GET", path))), 200) << path;
  for (const char* path : {"/metrics", "/v1/models", "/tokenize", "/beta/completions", "/nowhere", "/health/", "//",
                           "/freehold/state", "/freehold/libraries", "/healthx", ""}) {
    const auto got = guard->admit(asks("GET", path));
    EXPECT_EQ(status(got), 401) << path;
    EXPECT_EQ(got.error().code, "invalid_api_key");
  }
}

TEST_F(Guards, ARequestIsChargedToADepartmentThatItsKeyAllows) {
  const auto code = [](const tl::expected<Caller, ApiError>& got) {
    return got ? got->department : std::to_string(got.error().status) + " " + got.error().code;
  };
  const auto open = *Guard::make(path_);
  EXPECT_EQ(code(open->charge({}, "legal")), "legal");  // without keys
  const std::string own = add({.department = "legal"}), gateway = add({});
  add({.department = "old", .revoked = 1});
  file_.budgets.push_back({.department = "sales", .tokens = 10, .joules = 0, .money = {}});
  ASSERT_TRUE(file_.write(path_));
  const auto guard = *Guard::make(path_);
  const Caller of_legal = *guard->admit(chat(own)), of_nobody = *guard->admit(chat(gateway));
  EXPECT_EQ(code(guard->charge(of_legal, "legal")), "legal");
  EXPECT_EQ(code(guard->charge(of_legal, "sales")), "403 department_not_allowed");
  EXPECT_EQ(code(guard->charge(of_nobody, "legal")), "legal");
  EXPECT_EQ(code(guard->charge(of_nobody, "sales")), "sales");
  for (const char* unknown : {"old", "marketing"})
    EXPECT_EQ(code(guard->charge(of_nobody, unknown)), "403 department_not_allowed") << unknown;
  guard->watch_budgets([](const std::string& department) {
    UsageTotals spent;
    if (department == "sales") spent.output = 10;
    return spent;
  });
  EXPECT_EQ(code(guard->charge(of_nobody, "sales")), "402 budget_exceeded");
}

TEST_F(Guards, BothHeadersCarryAKey) {
  const std::string secret = add({.department = "legal", .models = {"m"}, .labels = {"l"}});
  const auto guard = *Guard::make(path_);
  const std::vector<Headers> good = {
      {{"authorization", "Bearer " + secret}}, {{"authorization", "bearer  " + secret}}, {{"x-api-key", secret}}};
  for (const Headers& headers : good) {
    const auto got = guard->admit(asks("POST", "/v1/messages", headers));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->key_id, file_.keys[0].id);
    EXPECT_EQ(got->department, "legal");
    EXPECT_EQ(got->models, std::vector<std::string>{"m"});
    EXPECT_EQ(got->labels, std::vector<std::string>{"l"});
  }
  const std::vector<Headers> bad = {{{"authorization", secret}},
                                    {{"authorization", "Basic " + secret}},
                                    {{"authorization", "Bearer "}},
                                    {{"authorization", "Bearer"}},
                                    {{"authorization", "Bearer " + secret + "x"}},
                                    {{"authorization", "Bearer wrong"}, {"x-api-key", secret}},
                                    {{"x-api-key", ""}}};
  for (const Headers& headers : bad) EXPECT_EQ(status(guard->admit(asks("POST", "/v1/messages", headers))), 401);
}

TEST_F(Guards, ScopesOpenTheirOwnRoutesOnly) {
  const std::pair<uint8_t, const char*> own[] = {{scope_inference, "/v1/models"},
                                                 {scope_metrics, "/metrics"},
                                                 {scope_admin, "/freehold/usage"},
                                                 {scope_papers, "/freehold/libraries"}};
  std::vector<std::string> secrets;
  for (const auto& [scope, path] : own) secrets.push_back(add({.scopes = scope}));
  const auto guard = *Guard::make(path_);
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 4; ++j)
      EXPECT_EQ(status(guard->admit(asks("GET", own[j].second, {{"x-api-key", secrets[i]}}))), i == j ? 200 : 403);
    EXPECT_EQ(status(guard->admit(asks("GET", "/freehold/state", {{"x-api-key", secrets[i]}}))), 200);
  }
}

TEST_F(Guards, ARevokedKeyIsOutAtTheNextRequest) {
  const std::string first = add({});
  const auto guard = *Guard::make(path_);
  EXPECT_EQ(status(guard->admit(chat(first))), 200);
  const std::string second = add({});
  EXPECT_EQ(status(guard->admit(chat(second))), 200);
  file_.keys[0].revoked = 1;
  ASSERT_TRUE(file_.write(path_));
  EXPECT_EQ(status(guard->admit(chat(first))), 401);
  EXPECT_EQ(status(guard->admit(chat(second))), 200);
  file_.keys[1].revoked = 1;
  ASSERT_TRUE(file_.write(path_));
  EXPECT_EQ(status(guard->admit(chat(second))), 401);
  EXPECT_EQ(status(guard->admit(asks("POST", "/v1/chat/completions"))), 401);
}

TEST_F(Guards, ADamagedOrMissingFileLetsNobodyInUntilItIsGoodAgain) {
  const std::string secret = add({});
  const auto guard = *Guard::make(path_);
  ASSERT_TRUE(replace_file(path_, "{"));
  for (int i = 0; i < 2; ++i) {
    const auto got = guard->admit(chat(secret));
    EXPECT_EQ(status(got), 503);
    EXPECT_EQ(got.error().code, "keys_unreadable");
  }
  EXPECT_EQ(status(guard->admit(asks("GET", "/health"))), 200);
  EXPECT_FALSE(Guard::make(path_));
  std::filesystem::remove(path_);
  EXPECT_EQ(status(guard->admit(chat(secret))), 503);
  EXPECT_TRUE(guard->has_keys());
  ASSERT_TRUE(file_.write(path_));
  EXPECT_EQ(status(guard->admit(chat(secret))), 200);
}

TEST_F(Guards, AFileThatAppearsIsHeeded) {
  const auto guard = *Guard::make(path_);
  EXPECT_EQ(status(guard->admit(chat("x"))), 200);
  const std::string secret = add({});
  EXPECT_EQ(status(guard->admit(chat("x"))), 401);
  EXPECT_EQ(status(guard->admit(chat(secret))), 200);
}

TEST_F(Guards, RequestsPerMinute) {
  const std::string limited = add({.requests_per_minute = 2}), other = add({});
  const auto guard = *Guard::make(path_);
  const auto start = Guard::Clock::now();
  EXPECT_EQ(status(guard->admit(chat(limited), start)), 200);
  EXPECT_EQ(status(guard->admit(chat(limited), start)), 200);
  const auto got = guard->admit(chat(limited), start);
  EXPECT_EQ(status(got), 429);
  EXPECT_EQ(got.error().code, "rate_limit_exceeded");
  EXPECT_EQ(got.error().retry_after, 30);
  EXPECT_EQ(status(guard->admit(chat(other), start)), 200);
  const Headers headers = {{"x-api-key", limited}};
  EXPECT_EQ(status(guard->admit(asks("GET", "/v1/models", headers), start)),
            200);  // only what is to be computed counts
  EXPECT_EQ(status(guard->admit(chat(limited), start + 29s)), 429);
  EXPECT_EQ(status(guard->admit(chat(limited), start + 31s)), 200);
  EXPECT_EQ(status(guard->admit(chat(limited), start + 32s)), 429);
  int let_in = 0;  // an hour of silence saves up one minute's worth
  for (int i = 0; i < 10; ++i) let_in += status(guard->admit(chat(limited), start + 1h)) == 200;
  EXPECT_EQ(let_in, 2);
}

TEST_F(Guards, TokensPerMinuteAreOwed) {
  const std::string secret = add({.tokens_per_minute = 600});
  const auto guard = *Guard::make(path_);
  const auto start = Guard::Clock::now();
  const auto caller = guard->admit(chat(secret), start);
  ASSERT_TRUE(caller);
  guard->used(*caller, 900, start);  // 300 more than there were: 30 s, and a little for the first token after
  const auto got = guard->admit(chat(secret), start);
  EXPECT_EQ(status(got), 429);
  EXPECT_EQ(got.error().retry_after, 31);
  EXPECT_EQ(status(guard->admit(chat(secret), start + 30s)), 429);
  EXPECT_EQ(status(guard->admit(chat(secret), start + 31s)), 200);
}

}  // namespace
}  // namespace freehold
