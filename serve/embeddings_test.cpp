#include "serve/embeddings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "run/byte_tokenizer.h"
#include "run/fake_model.h"

namespace freehold {
namespace {

// The thread of the connections, as a list of what it has to do.
struct Waiting : Exchange {
  std::deque<std::function<void()>> work;
  std::function<void()> gone;
  std::optional<HttpAnswer> answered;
  void answer(HttpAnswer answer) override {
    answered = std::move(answer);
    gone = {};  // as a connection: the job that it calls holds us
  }
  void begin_events(Headers, StreamForm) override {}
  void event(std::string, std::string) override {}
  void end_events() override {}
  void post(std::function<void()> one) override { work.push_back(std::move(one)); }
  void on_gone(std::function<void()> one) override { gone = std::move(one); }
  void leave() { std::exchange(gone, {})(); }
  void run() {
    for (; !work.empty(); work.pop_front()) work.front()();
  }
};

struct Embeddings : testing::Test {
  FakeModel model;
  Kernels kernels{};
  Pool pool{1};
  Engine engine{model, kernels, pool};
  Tokenizer tokenizer = byte_tokenizer();
  Path folder = Path(testing::TempDir()) / ("freehold_embeddings_test." + std::to_string(::getpid()));
  std::unique_ptr<Guard> guard;
  std::unique_ptr<Accounts> accounts;
  std::unique_ptr<Scheduler> scheduler;
  Metrics metrics{"fake"};
  std::optional<ModelSide> side;

  Embeddings() {
    std::filesystem::create_directories(folder);
    model.facts_.vocabulary = 260;
    model.facts_.hidden = FakeModel::hidden;
    guard = std::move(*Guard::make(folder / "keys.json"));
    const Accounts::Places places{folder / "usage.jsonl", folder / "tariff.json", folder / "none"};
    accounts = std::move(*Accounts::make(*guard, places, {}));
    make({});
  }
  ~Embeddings() override {
    accounts.reset();
    std::filesystem::remove_all(folder);
  }
  void make(SchedulerOptions options) {
    options.context = 64;
    scheduler = std::move(*Scheduler::make(engine, tokenizer, options));
    side.emplace(ModelSide{.name = "fake",
                           .facts = model.facts_,
                           .tokenizer = tokenizer,
                           .vectors = VectorForm{},
                           .context = 64,
                           .fingerprint = "fh-1-2-3"});
  }
  std::shared_ptr<Waiting> start(EmbeddingRequest request) {
    auto exchange = std::make_shared<Waiting>();
    std::make_shared<EmbeddingJob>(*side, metrics, *accounts, *scheduler, Client{}, std::move(request), exchange)
        ->start();
    exchange->run();
    return exchange;
  }
  HttpAnswer finish(EmbeddingRequest request) {
    const auto exchange = start(std::move(request));
    for (int i = 0; i < 1000 && !exchange->answered; ++i) {
      most_running = std::max(most_running, scheduler->counts().running);
      scheduler->step();
      exchange->run();
    }
    return exchange->answered.value_or(HttpAnswer{0, "no answer"});
  }
  int most_running = 0;

  EmbeddingRequest read(const Json& body) {
    auto request = read_embedding_request(*side, body);
    EXPECT_TRUE(request) << request.error().message;
    return request ? std::move(*request) : EmbeddingRequest{};
  }
  ApiError refused(const Json& body) {
    const auto request = read_embedding_request(*side, body);
    EXPECT_FALSE(request) << body.dump();
    return request ? ApiError{} : request.error();
  }
};

TEST_F(Embeddings, EveryFormOfInputIsRead) {
  const std::vector<std::vector<Token>> one = {{'a', 'b'}}, two = {{'a', 'b'}, {'c'}};
  EXPECT_EQ(read({{"input", "ab"}}).inputs, one);
  EXPECT_EQ(read({{"input", Json::array({"ab", "c"})}}).inputs, two);
  const Json ids = Json::array({97, 98});
  EXPECT_EQ(read({{"input", ids}}).inputs, one);
  EXPECT_EQ(read({{"input", Json::array({ids, Json::array({99})})}}).inputs, two);
  EXPECT_EQ(read({{"input", "<|im_end|>"}}).inputs.at(0).size(), 10u);  // text, not a special token
  side->vectors->end = end_token;
  EXPECT_EQ(read({{"input", "ab"}}).inputs.at(0), (std::vector<Token>{'a', 'b', end_token}));
  EXPECT_EQ(read({{"input", ids}}).inputs, one);  // ids are what they are
}

TEST_F(Embeddings, WhatIsWrongIsNamed) {
  for (const Json& input :
       {Json(), Json(1), Json(""), Json::array(), Json::array({nullptr}), Json::array({"a", ""}), Json::array({"a", 1}),
        Json::array({97, "a"}), Json::array({-1}), Json::array({260}), Json::array({97.5})})
    EXPECT_EQ(refused({{"input", input}}).param, "input") << input.dump();
  EXPECT_EQ(refused({{"input", std::string(64, 'x')}}).code, "context_length_exceeded");
  EXPECT_EQ(refused({{"input", std::vector<std::string>(limits::embedding_inputs + 1, "x")}}).param, "input");
  EXPECT_EQ(refused({{"input", "a"}, {"encoding_format", "hex"}}).param, "encoding_format");
  for (const int dimensions : {0, -1, FakeModel::hidden + 1})
    EXPECT_EQ(refused({{"input", "a"}, {"dimensions", dimensions}}).param, "dimensions");
  EXPECT_EQ(read({{"input", "a"}, {"odd", 1}}).ignored, std::vector<std::string>{"odd"});
  side->strict = true;
  EXPECT_EQ(refused({{"input", "a"}, {"odd", 1}}).param, "odd");
  side->vectors.reset();
  EXPECT_EQ(refused({{"input", "a"}}).status, 501);
}

TEST_F(Embeddings, ManyTextsComeInOrderAFewAtATime) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("text " + std::to_string(i * i));
  std::vector<Json> expected;
  for (const std::string& text : texts) {
    const HttpAnswer answer = finish(read({{"input", text}}));
    ASSERT_EQ(answer.status, 200) << answer.body;
    expected.push_back(Json::parse(answer.body)["data"][0]["embedding"]);
    ASSERT_EQ(expected.back().size(), size_t{FakeModel::hidden});
  }
  for (const SchedulerOptions& options : {SchedulerOptions{}, SchedulerOptions{.running = 3, .waiting = 2}}) {
    make(options);
    most_running = 0;
    const Json all = Json::parse(finish(read({{"input", texts}})).body);
    ASSERT_EQ(all["data"].size(), texts.size()) << all.dump();
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(all["data"][i]["index"], i);
      EXPECT_EQ(all["data"][i]["embedding"], expected[i]) << i;
    }
    EXPECT_LE(most_running, std::min(options.running, 16));
    int tokens = 0;
    for (const std::string& text : texts) tokens += static_cast<int>(text.size());
    EXPECT_EQ(all["usage"], (Json{{"prompt_tokens", tokens}, {"total_tokens", tokens}}));
  }
  EXPECT_EQ(accounts->ledger().usage({}, UsageGroup::model).at("fake").requests, 42);
}

TEST_F(Embeddings, FewerDimensionsAreTheFirstAtLengthOne) {
  const auto vector = [&](const Json& body) {
    return Json::parse(finish(read(body)).body)["data"][0]["embedding"].get<std::vector<float>>();
  };
  const auto whole = vector({{"input", "abc"}}), few = vector({{"input", "abc"}, {"dimensions", 3}});
  ASSERT_EQ(few.size(), 3u);
  double squares = 0;
  for (const float x : few) squares += double{x} * double{x};
  EXPECT_NEAR(squares, 1, 1e-6);
  for (size_t i = 1; i < 3; ++i) EXPECT_NEAR(few[i] * whole[0], few[0] * whole[i], 1e-6);
}

TEST_F(Embeddings, WhoGoesFreesThePlaces) {
  const auto exchange = start(read({{"input", std::vector<std::string>(40, "abc")}}));
  scheduler->step();
  exchange->leave();
  exchange->run();
  while (scheduler->step()) exchange->run();
  EXPECT_FALSE(exchange->answered);
  EXPECT_EQ(scheduler->counts().waiting, 0);
  EXPECT_LE(model.computed, 3 * 16);
}

TEST_F(Embeddings, AFullServerIsToldAtOnce) {
  make({.running = 1, .waiting = 0});
  const auto first = start(read({{"input", "abc"}}));
  const HttpAnswer second = finish(read({{"input", "abc"}}));
  EXPECT_EQ(second.status, 429) << second.body;
  first->leave();
}

}  // namespace
}  // namespace freehold
