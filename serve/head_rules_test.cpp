#include "serve/head_rules.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

std::string head(const std::string& more) { return "POST /v1/x HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n"; }

TEST(Head, PlainOnesPass) {
  for (const char* more : {"", "Content-Length: 12\r\n", "Transfer-Encoding: chunked\r\n", "X-A:b\r\nX-B:\tc d\r\n"})
    EXPECT_FALSE(check_head(head(more))) << more;
}

TEST(Head, WhatTwoProgramsCouldReadDifferentlyIsRefused) {
  const std::string bad[] = {
      head("Content-Length: 1\r\nContent-Length: 1\r\n"),
      head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
      head("Content-Length: +1\r\n"),
      head("Content-Length: 1, 1\r\n"),
      head("Content-Length: 0x10\r\n"),
      head("Content-Length:\r\n"),
      head("Content-Length: 99999999999999999999\r\n"),
      head("Transfer-Encoding: gzip, chunked\r\n"),
      head("Transfer-Encoding: Chunked\r\n"),
      head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      head("Host: other\r\n"),
      head("X-A : b\r\n"),
      head(" folded\r\n"),
      head("X-A: b\r\n folded\r\n"),
      head("X-A: b\nX-B: c\r\n"),
      head(std::string("X-A: b\0c\r\n", 10)),
      head("X-A: b\rc\r\n"),
      head(": b\r\n"),
      head("no colon\r\n"),
      "GET / HTTP/1.1\r\n\r\n",                         // no Host
      "\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",  // a blank line ahead
      "GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/1.1\nHost: localhost\n\n",
  };
  for (const std::string& one : bad) EXPECT_TRUE(check_head(one)) << one;
}

HttpRequest request(Headers headers, std::string query = "") {
  return {"GET", "/health", std::move(query), std::move(headers), "", "127.0.0.1", "1", {}};
}

TEST(Access, HostMustBeOneOfOurs) {
  AccessRules rules;
  rules.hosts = {"desk.example"};
  for (const char* host :
       {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:1", "[::1]:8080", "desk.example:80", "10.0.0.5"})
    EXPECT_FALSE(check_access(request({{"host", host}}), rules, "10.0.0.5")) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "",
                           "localhost:", "localhost:x", "localhost:80:80", "10.0.0.6", "[::1", "desk.example.evil"}) {
    const auto fault = check_access(request({{"host", host}}), rules, "10.0.0.5");
    ASSERT_TRUE(fault && fault->status == 421) << host;
  }
}

TEST(Access, ForeignPagesMayNotAsk) {
  AccessRules rules;
  rules.origins = {"https://intranet.example"};
  const auto from = [&](const char* origin) {
    return check_access(request({{"host", "localhost:8080"}, {"origin", origin}}), rules, "127.0.0.1");
  };
  EXPECT_FALSE(from("http://localhost:8080"));
  EXPECT_FALSE(from("https://intranet.example"));
  for (const char* origin :
       {"https://evil.example", "null", "http://localhost:8081", "https://intranet.example.evil"}) {
    ASSERT_TRUE(from(origin)) << origin;
    EXPECT_EQ(from(origin)->status, 403);
  }
  EXPECT_TRUE(origin_headers(request({{"origin", "http://localhost:8080"}}), rules).empty());
  EXPECT_EQ(origin_headers(request({{"origin", "https://intranet.example"}}), rules)[0].second,
            "https://intranet.example");
}

TEST(Access, KeysInTheAddressAndOtherContentTypesAreRefused) {
  const AccessRules rules;
  EXPECT_TRUE(check_access(request({{"host", "localhost"}}, "key=abc"), rules, ""));
  EXPECT_TRUE(check_access(request({{"host", "localhost"}}, "a=b&api_key=abc"), rules, ""));
  EXPECT_FALSE(check_access(request({{"host", "localhost"}}, "monkey=abc"), rules, ""));
  HttpRequest post = request({{"host", "localhost"}, {"content-type", "text/plain"}});
  post.method = "POST";
  ASSERT_TRUE(check_access(post, rules, ""));
  EXPECT_EQ(check_access(post, rules, "")->status, 415);
  post.headers[1].second = "Application/JSON; charset=utf-8";
  EXPECT_FALSE(check_access(post, rules, ""));
}

}  // namespace
}  // namespace freehold
