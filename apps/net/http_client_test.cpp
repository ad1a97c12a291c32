#include "apps/net/http_client.h"

#include <gtest/gtest.h>

#include "apps/net/conformance/exposition.h"

namespace freehold {
namespace {

using conformance::read_exposition;

TEST(Events, ComeOutWhole) {
  std::string text = ": ping\n\nevent: a\ndata: {\"x\":1}\n\ndata:one\ndata: two\n\ndata: half";
  EXPECT_EQ(take_events(text), (std::vector<std::string>{"{\"x\":1}", "one\ntwo"}));
  EXPECT_EQ(text, "data: half");
  text += "\r\n";
  EXPECT_TRUE(take_events(text).empty());
  text += "\r\n";
  EXPECT_EQ(take_events(text), (std::vector<std::string>{"half"}));
  EXPECT_EQ(text, "");
}

TEST(Events, AreTheSameWhereverTheStreamIsCut) {
  const std::string all = "data: a\r\n\r\n:c\r\n\r\nevent: x\r\ndata: b\r\ndata: c\r\n\r\n";
  for (size_t at = 0; at <= all.size(); ++at) {
    std::string text = all.substr(0, at);
    std::vector<std::string> found = take_events(text);
    text += all.substr(at);
    for (std::string& one : take_events(text)) found.push_back(std::move(one));
    EXPECT_EQ(found, (std::vector<std::string>{"a", "b\nc"})) << at;
  }
}

TEST(Head, IsSearchedByName) {
  const HttpReply reply{.status = 200, .head = "HTTP/1.1 200 OK\r\nContent-Type:  a/b\r\nX: 1\r\n\r\n"};
  EXPECT_EQ(reply.header("content-type"), "a/b");
  EXPECT_EQ(reply.header("x"), "1");
  EXPECT_EQ(reply.header("content"), "");
}

constexpr const char* good =
    "# HELP a b\n# TYPE a counter\na{x=\"1\\\"\",y=\"\"} 2\na{x=\"2\"} 3 1700000000\n\n"
    "# TYPE h histogram\nh_bucket{m=\"a\",le=\"1\"} 1\nh_bucket{m=\"a\",le=\"+Inf\"} 2\nh_sum{m=\"a\"} 3.5\nh_count{m=\"a\"} 2\n";

TEST(Exposition, IsReadStrictly) {
  const auto all = read_exposition(good);
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(all->sum("a"), 5);
  EXPECT_TRUE(all->has("h_count") && !all->has("h") && !all->has("b"));
  for (const char* bad : {"", "a 1\n", "# TYPE a counter\na 1", "# TYPE a counter\na 1\na 2\n", "# TYPE a counter\na x\n",
                          "# TYPE a counter\na -1\n", "# TYPE a nonsense\n", "# TYPE a gauge\n# TYPE a gauge\n",
                          "# TYPE a gauge\na{x=1} 1\n", "# TYPE a gauge\na{x=\"1} 1\n", "# TYPE a gauge\na{x=\"\\q\"} 1\n",
                          "# TYPE a gauge\na{x=\"1\"}1\n", "# TYPE a gauge\n1a 1\n", "# TYPE a gauge\na 1x\n",
                          "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n",
                          "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 2\n", "# TYPE h histogram\nh_bucket{le=\"1\"} 2\n",
                          "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_count 3\n"})
    EXPECT_FALSE(read_exposition(bad)) << bad;
}

TEST(Exposition, SurvivesBeingCutAnywhere) {
  const std::string all = good;
  for (size_t at = 0; at < all.size(); ++at) (void)read_exposition(all.substr(0, at) + "\n");
}

}  // namespace
}  // namespace freehold
