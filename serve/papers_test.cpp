#include "serve/papers.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <nlohmann/json.hpp>

namespace freehold {
namespace {

// Waits for what comes back.
class Waiting : public Exchange {
 public:
  void answer(HttpAnswer answer) override { end(std::move(answer)); }
  void begin_events(Headers, StreamForm) override {}
  void event(std::string data, std::string) override { last_ = std::move(data); }
  void end_events() override { end({200, last_}); }
  void post(std::function<void()> work) override { work(); }
  void on_gone(std::function<void()>) override {}
  HttpAnswer wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
    return answer_;
  }

 private:
  void end(HttpAnswer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer), done_ = true;
    ended_.notify_one();
  }
  std::mutex mutex_;
  std::condition_variable ended_;
  HttpAnswer answer_;
  std::string last_;
  bool done_ = false;
};

class PapersRoom : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + fmt::format("papers_{}/libraries", ::getpid());
    auto made = Papers::make(folder_);
    ASSERT_TRUE(made);
    papers_ = std::move(*made);
  }
  void TearDown() override {
    papers_.reset();
    std::filesystem::remove_all(folder_.parent_path());
  }
  HttpAnswer ask(const char* method, const std::string& path, std::string body = "") {
    HttpRequest request{.method = method,
                        .path = path,
                        .query = "",
                        .headers = {},
                        .body = std::move(body),
                        .peer = "",
                        .id = "",
                        .caller = caller_};
    const auto exchange = std::make_shared<Waiting>();
    if (!papers_->handle(request, exchange, metrics_)) return {404, ""};
    return exchange->wait();
  }
  Json post(const std::string& path, const Json& body, int status = 200) {
    const HttpAnswer answer = ask("POST", path, body.dump());
    EXPECT_EQ(answer.status, status) << answer.body;
    auto json = parse_json(answer.body, "answer");
    return json ? *json : Json();
  }
  HttpAnswer put(const std::string& path, const std::string& bytes) {
    return ask("PUT", "/freehold/libraries/" + path, bytes);
  }

  Path folder_;
  Caller caller_;  // who asks
  std::unique_ptr<Papers> papers_;
  Metrics metrics_{"m"};
};

TEST_F(PapersRoom, PapersComeInAndAreAsked) {
  EXPECT_EQ(ask("GET", "/freehold/libraries").body, R"({"libraries":[]})");
  std::string csv = "Work order,Asset,Date,Point of failure\n";
  for (int i = 1; i <= 5; ++i)
    csv += fmt::format("WO-10{},BC-0{},2020-03-0{},{}\n", i, i % 2, i, i < 4 ? "belt joint" : "idler");
  EXPECT_EQ(put("my%20plant/papers/orders/a%20b.csv", csv).status, 200);
  const Json report = post("/freehold/ingest", {{"library", "my plant"}})["report"];
  EXPECT_EQ(report["files"][0]["file"], "orders/a b.csv");
  EXPECT_EQ(report["files"][0]["status"], "read");
  auto listed = parse_json(ask("GET", "/freehold/libraries").body, "answer");
  ASSERT_TRUE(listed);
  EXPECT_EQ((*listed)["libraries"][0]["rows"], 5);
  EXPECT_EQ((*listed)["libraries"][0]["takes_papers"], true);
  const Json answer =
      post("/freehold/ask", {{"library", "my plant"}, {"question", "What is the most common point of failure?"}});
  EXPECT_EQ(answer["value"], "belt joint") << answer;
  EXPECT_EQ(answer["citations"].size(), 3u);
  const Json place =
      post("/freehold/place",
           {{"library", "my plant"}, {"file", "orders/a b.csv"}, {"locator", answer["citations"][0]["locator"]}});
  EXPECT_EQ(place["rows"][0]["cells"][3], "belt joint");
  EXPECT_EQ(place["rows"][0]["meant"], true);
  EXPECT_EQ(post("/freehold/papers", {{"library", "my plant"}})["papers"].size(), 1u);
  EXPECT_EQ(post("/freehold/forget", {{"library", "my plant"}, {"file", "orders/a b.csv"}})["found"], 0);
  EXPECT_TRUE(post("/freehold/papers", {{"library", "my plant"}})["papers"].empty());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "my plant.papers/orders/a b.csv"));
}

TEST_F(PapersRoom, NothingLeadsOutOfTheLibrary) {
  const std::string too_long(300, 'a');
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "a/";
  for (const std::string& path :
       {std::string("a/papers/../b.csv"), std::string("a/papers/..%2f..%2fb.csv"), std::string("a/papers/%2e%2e/b.csv"),
        std::string("a/papers//b.csv"), std::string("a/papers/"), std::string("a/papers/.hidden"),
        std::string("a/papers/x%00.csv"), std::string("a/papers/x%"), std::string("a/papers/x%zz"),
        std::string("a/papers/c:%5Cx"), std::string("a/papers/%ff.csv"), std::string("../papers/b.csv"),
        std::string("..%2fb/papers/b.csv"), std::string(".a/papers/b.csv"), std::string("a"),
        std::string("a%2fb/papers/c.csv"), "a/papers/" + too_long, "a/papers/" + deep + "b.csv",
        too_long + "/papers/b.csv"})
    EXPECT_EQ(put(path, "x").status, 400) << path;
  EXPECT_FALSE(std::filesystem::exists(folder_));
  for (const char* name : {"../x", "", "a/b", ".x", "x\\y"})
    for (const char* path : {"/freehold/ask", "/freehold/papers", "/freehold/place", "/freehold/ingest",
                             "/freehold/forget", "/freehold/review", "/freehold/decide", "/freehold/schema",
                             "/freehold/declare", "/freehold/labels", "/freehold/label"})
      post(path, {{"library", name}}, 400);
}

// A key sees what its labels allow; of other papers no list, place, count or report tells.
TEST_F(PapersRoom, LabelsDecideWhatAKeySees) {
  const auto orders = [](int first, int count) {
    std::string csv = "Work order,Asset,Date,Point of failure\n";
    for (int i = first; i < first + count; ++i) csv += fmt::format("WO-{},BC-01,2020-03-0{},idler\n", 100 + i, i);
    return csv;
  };
  EXPECT_EQ(put("a/papers/all.csv", orders(1, 2)).status, 200);
  EXPECT_EQ(put("a/papers/legal/more.csv", orders(3, 3)).status, 200);
  post("/freehold/ingest", {{"library", "a"}});
  ASSERT_TRUE(replace_file(folder_ / "a.labels.json", R"({"legal/": ["legal"]})"));
  const Json question = {{"library", "a"}, {"question", "How many failures were there in 2020?"}};
  const Json hidden = {{"library", "a"}, {"file", "legal/more.csv"}};
  EXPECT_EQ(post("/freehold/ask", question)["value"], 5);  // no keys are set up: the owner
  caller_ = {.key_id = "k_1", .labels = {"legal"}};
  EXPECT_EQ(post("/freehold/ask", question)["value"], 5);
  caller_ = {.key_id = "k_2", .labels = {"other"}};
  EXPECT_EQ(post("/freehold/ask", question)["value"], 2);
  EXPECT_EQ(post("/freehold/papers", {{"library", "a"}})["papers"].size(), 1u);
  auto listed = parse_json(ask("GET", "/freehold/libraries").body, "answer");
  ASSERT_TRUE(listed);
  EXPECT_EQ((*listed)["libraries"][0]["papers"], 1);
  EXPECT_EQ((*listed)["libraries"][0]["rows"], 2);
  EXPECT_NE(ask("POST", "/freehold/place", R"({"library":"a","file":"legal/more.csv","locator":"L2"})").status, 200);
  EXPECT_EQ(put("a/papers/legal/more.csv", "x").status, 403);
  EXPECT_EQ(put("a/papers/legal/new.csv", "x").status, 403);
  post("/freehold/forget", hidden, 403);
  const Json report = post("/freehold/ingest", {{"library", "a"}})["report"];
  EXPECT_EQ(report["files"].size(), 1u);
  EXPECT_FALSE(report.contains("merged"));
  caller_ = {.key_id = "k_1", .labels = {"legal"}};
  EXPECT_EQ(post("/freehold/forget", hidden)["rows"], 3);
  EXPECT_EQ(post("/freehold/ask", question)["value"], 2);
}

// Two papers that say different things of one order, one of them for few.
class OwnedLibrary : public PapersRoom {
 protected:
  void SetUp() override {
    PapersRoom::SetUp();
    put("a/papers/orders.csv",
        "Work order,Asset,Date,Point of failure,Downtime [min]\nWO-1,BC-01,2020-03-01,belt joint,60\n"
        "WO-2,BC-01,2020-03-02,idler,20\n");
    put("a/papers/hr/later.csv",
        "Work order,Asset,Date,Point of failure,Downtime [min]\nWO-2,BC-01,2020-03-02,idler,45\n");
    put("a/papers/words.md", "- wheelie = idler\n");
    post("/freehold/ingest", {{"library", "a"}});
  }
  Json item() { return post("/freehold/review", {{"library", "a"}})["items"][0]; }
  Json downtime() {
    return post("/freehold/ask", {{"library", "a"}, {"question", "What was the downtime of WO-2?"}})["value"];
  }
  Json failures_of(const std::string& word) {
    return post("/freehold/ask",
                {{"library", "a"}, {"question", "How many " + word + " failures were there?"}})["value"];
  }
  void protect() { ASSERT_TRUE(replace_file(folder_ / "a.labels.json", R"({"hr/": ["staff"]})")); }
  static Caller key(std::vector<std::string> labels, uint8_t scopes = scope_papers) {
    return {.key_id = "k_1", .labels = std::move(labels), .scopes = scopes, .name = "front desk"};
  }
};

TEST_F(OwnedLibrary, WhatPapersSayDifferentlyIsDecided) {
  const Json one = item();
  EXPECT_EQ(one["field"], "downtime");
  EXPECT_EQ(std::set<std::string>({one["used"], one["other"]}), (std::set<std::string>{"20", "45"}));
  ASSERT_EQ(one["told_by"].size(), 2u);
  post("/freehold/place", {{"library", "a"}, {"file", one["file"]}, {"locator", one["locator"]}});
  const Json wrong = {{"library", "a"}, {"id", one["id"]}, {"value", "a while"}};
  post("/freehold/decide", wrong, 400);
  post("/freehold/decide", {{"library", "a"}, {"id", "00000000"}}, 400);
  post("/freehold/decide", {{"library", "a"}, {"id", one["id"]}, {"value", ""}}, 400);
  const Json done =
      post("/freehold/decide", {{"library", "a"}, {"id", one["id"]}, {"value", "50"}, {"by", "M. Weber"}});
  EXPECT_EQ(done["who"], "M. Weber");
  EXPECT_EQ(downtime(), 50);
  const Json left = post("/freehold/review", {{"library", "a"}});
  EXPECT_EQ(left["count"], 0);
  EXPECT_EQ(left["decided"][0]["value"], "50");
}

// Who does not see all papers reads what he sees, and decides nothing for others.
TEST_F(OwnedLibrary, OnlyWhoSeesAllChangesWhatCountsForAll) {
  protect();
  const std::string id = item()["id"];
  caller_ = key({});
  const Json seen = post("/freehold/review", {{"library", "a"}});
  EXPECT_EQ(seen["count"], 0);
  EXPECT_EQ(seen["may_decide"], false);
  EXPECT_EQ(downtime(), 20);
  post("/freehold/decide", {{"library", "a"}, {"id", id}}, 403);
  post("/freehold/declare", {{"library", "a"}, {"schema", nullptr}}, 403);
  EXPECT_EQ(post("/freehold/schema", {{"library", "a"}})["may_change"], false);
  EXPECT_TRUE(post("/freehold/labels", {{"library", "a"}})["labels"].empty());
  caller_ = key({"staff"});
  EXPECT_EQ(post("/freehold/review", {{"library", "a"}})["may_decide"], true);
  post("/freehold/decide", {{"library", "a"}, {"id", id}, {"by", "somebody else"}}, 400);
  EXPECT_EQ(post("/freehold/decide", {{"library", "a"}, {"id", id}, {"value", "50"}})["who"], "front desk");
  EXPECT_EQ(downtime(), 50);  // a view is made anew
  caller_ = key({});
  EXPECT_EQ(downtime(), 20);  // it rests on a paper that is not seen
  EXPECT_TRUE(post("/freehold/review", {{"library", "a"}})["decided"].empty());
}

TEST_F(OwnedLibrary, TheLexiconAndTheSchemaAreChanged) {
  EXPECT_EQ(failures_of("wheelie"), 1);
  Json now = post("/freehold/schema", {{"library", "a"}});
  EXPECT_EQ(now["declared"], false);
  EXPECT_EQ(now["lexicon"][0]["text"], "wheelie");
  EXPECT_EQ(now["lexicon"][0]["file"], "words.md");
  Json schema = now["schema"];
  schema["terms"] = {{{"text", "lump"}, {"type", "event"}, {"field", "point"}, {"value", "belt joint"}},
                     {{"text", "ghost"}, {"type", "event"}, {"field", "point"}, {"value", "never held"}}};
  schema["not_terms"] = {"wheelie"};
  schema["types"]["event"]["words"].push_back("hiccups");
  post("/freehold/declare", {{"library", "a"}, {"schema", schema}});
  EXPECT_EQ(failures_of("lump"), 1);
  EXPECT_NE(failures_of("wheelie"), 1);
  EXPECT_NE(failures_of("ghost"), 0);
  EXPECT_EQ(post("/freehold/ask", {{"library", "a"}, {"question", "How many hiccups were there in 2020?"}})["value"],
            2);
  now = post("/freehold/schema", {{"library", "a"}});
  EXPECT_EQ(now["declared"], true);
  EXPECT_EQ(now["schema"]["not_terms"][0], "wheelie");
  ASSERT_EQ(now["lexicon"].size(), 1u);
  EXPECT_FALSE(now["lexicon"][0].contains("file"));  // the owner says so
  post("/freehold/declare", {{"library", "a"}, {"schema", {{"terms", {{{"text", "x"}}}}}}}, 400);
  post("/freehold/declare", {{"library", "a"}, {"schema", {{"types", {{"event", 5}}}}}}, 400);
  post("/freehold/declare", {{"library", "a"}}, 400);
  EXPECT_EQ(failures_of("lump"), 1);  // what was refused changes nothing
  post("/freehold/declare", {{"library", "a"}, {"schema", nullptr}});
  EXPECT_EQ(failures_of("wheelie"), 1);
  EXPECT_NE(failures_of("lump"), 1);
}

TEST_F(OwnedLibrary, LabelsAreGivenByWhoHoldsThem) {
  const Json staff = {{"library", "a"}, {"labels", {{"hr/", {"staff"}}}}};
  post("/freehold/label", staff);
  caller_ = key({});
  EXPECT_EQ(downtime(), 20);
  post("/freehold/label", {{"library", "a"}, {"labels", Json::object()}}, 403);
  caller_ = key({"staff"});
  EXPECT_EQ(post("/freehold/labels", {{"library", "a"}})["may_change"], false);
  post("/freehold/label", {{"library", "a"}, {"labels", Json::object()}}, 403);
  caller_ = key({"staff"}, scope_papers | scope_admin);
  EXPECT_EQ(post("/freehold/labels", {{"library", "a"}})["labels"], staff["labels"]);
  post("/freehold/label", {{"library", "a"}, {"labels", {{"hr/", {"board"}}}}}, 403);
  for (const Json& wrong : {Json{{"../x", {"staff"}}}, Json{{"hr/", "staff"}}, Json{{"hr/", Json::array()}},
                            Json{{"hr/", {"a,b"}}}, Json{{"", {"staff"}}}, Json{{"hr//", {"staff"}}}})
    post("/freehold/label", {{"library", "a"}, {"labels", wrong}}, 400);
  post("/freehold/label", {{"library", "a"}, {"labels", {{"hr/later.csv", {"staff"}}, {"/", {"staff"}}}}});
  caller_ = key({});
  EXPECT_TRUE(post("/freehold/papers", {{"library", "a"}})["papers"].empty());
  caller_ = {};
  post("/freehold/label", {{"library", "a"}, {"labels", Json::object()}});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.labels.json"));
  caller_ = key({});
  EXPECT_EQ(post("/freehold/papers", {{"library", "a"}})["papers"].size(), 3u);
}

TEST_F(PapersRoom, LinksAreNotFollowed) {
  const Path outside = folder_.parent_path() / "outside";
  std::filesystem::create_directories(outside);
  std::filesystem::create_directories(folder_ / "a.papers");
  std::filesystem::create_directory_symlink(outside, folder_ / "a.papers/link");
  std::filesystem::create_directory_symlink(outside, folder_ / "b.papers");
  EXPECT_EQ(put("a/papers/link/x.csv", "x").status, 400);
  EXPECT_EQ(put("b/papers/x.csv", "x").status, 400);
  EXPECT_TRUE(std::filesystem::is_empty(outside));
}

TEST_F(PapersRoom, FaultsAreNamed) {
  post("/freehold/ask", {{"library", "none"}, {"question", "How many?"}}, 404);
  post("/freehold/ingest", {{"library", "none"}}, 404);
  post("/freehold/ask", {{"library", "none"}, {"question", 1}}, 400);
  post("/freehold/ask", {{"library", "none"}, {"question", "x"}, {"sql", "DROP"}}, 400);
  EXPECT_EQ(ask("POST", "/freehold/ask", "[1]").status, 400);
  EXPECT_EQ(ask("POST", "/freehold/ask", "{").status, 400);
  EXPECT_EQ(ask("GET", "/freehold/ask").status, 405);
  EXPECT_EQ(ask("POST", "/freehold/libraries").status, 405);
  EXPECT_EQ(ask("GET", "/freehold/libraries/a/papers/b").status, 405);
  EXPECT_EQ(ask("GET", "/freehold/other").status, 404);
  // One that was made from a folder elsewhere takes none.
  std::filesystem::create_directories(folder_);
  ASSERT_TRUE(replace_file(folder_ / "made.sqlite", ""));
  EXPECT_EQ(put("made/papers/x.csv", "x").status, 409);
  post("/freehold/ingest", {{"library", "made"}}, 409);
  // Bytes that are no library, and a name that is taken by a folder.
  ASSERT_TRUE(
      replace_file(folder_ / "broken.sqlite", "this is no database, whatever its name says ........................."));
  EXPECT_GE(ask("POST", "/freehold/ask", R"({"library":"broken","question":"How many?"})").status, 400);
  EXPECT_EQ(put("x/papers/a/b.csv", "x").status, 200);
  EXPECT_EQ(put("x/papers/a", "x").status, 409);
  EXPECT_EQ(put("x/papers/a/b.csv/c", "x").status, 400);
}

}  // namespace
}  // namespace freehold
