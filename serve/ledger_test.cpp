#include "serve/ledger.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace freehold {
namespace {

constexpr int64_t noon = 1'795'953'600;  // 2026-11-29T12:00:00Z

LedgerEntry entry(const std::string& department, int64_t prompt, int64_t output, int64_t billionths = 0) {
  LedgerEntry e;
  e.receipt_id = "rc_1", e.key_id = "k_" + department, e.department = department, e.model = "m", e.weights = "0123abcd";
  e.outcome = "stop", e.prompt = prompt, e.cached = prompt / 2, e.output = output;
  e.queue_ms = 0.25, e.prefill_ms = 1.5, e.decode_ms = 1000, e.joules = 0.5, e.method = "rapl";
  e.cost = {billionths}, e.currency = "EUR";
  return e;
}

class Ledgers : public testing::Test {
 protected:
  Ledgers() : path_(std::filesystem::temp_directory_path() / ("ledger_test." + std::to_string(::getpid()))) {}
  ~Ledgers() override { std::filesystem::remove(path_); }
  std::string bytes() const { return *read_file(path_, 1 << 24); }
  Result<LedgerHead> verify() const {
    return read_ledger(path_, [](const std::string&, const LedgerEntry&) {});
  }
  void write(std::string_view bytes) const { ASSERT_TRUE(replace_file(path_, bytes, 0600)); }
  const Path path_;
};

TEST_F(Ledgers, SumsByDepartmentKeyAndModelSurviveTheEnd) {
  for (int round = 0; round < 2; ++round) {
    const auto ledger = *Ledger::open(path_);
    ASSERT_TRUE(ledger->append(entry("legal", 10, 5, 41'000), noon));
    ASSERT_TRUE(ledger->append(entry("sales", 100, 50), noon + 86400));
    ASSERT_TRUE(ledger->sync());
    const auto sums = ledger->usage({}, UsageGroup::department);
    ASSERT_EQ(sums.size(), 2u);
    EXPECT_EQ(sums.at("legal").tokens(), 15 * (round + 1));
    EXPECT_EQ(sums.at("legal").requests, round + 1);
    EXPECT_EQ(sums.at("legal").cost.billionths, 41'000 * (round + 1));
    EXPECT_DOUBLE_EQ(sums.at("sales").joules, 0.5 * (round + 1));
    EXPECT_EQ(ledger->usage({}, UsageGroup::model).at("m").prompt, 110 * (round + 1));
    EXPECT_EQ(ledger->usage({"2026-11-30", "2026-11-30"}, UsageGroup::key).count("k_legal"), 0u);
    EXPECT_EQ(ledger->month_of("sales", noon).output, 50 * (round + 1));
    EXPECT_EQ(ledger->month_of("sales", noon + 2 * 86400).output, 0);  // December
    EXPECT_EQ(ledger->month_of("nobody", noon).requests, 0);
  }
  const auto head = verify();
  ASSERT_TRUE(head);
  EXPECT_EQ(head->lines, 4u);
}

TEST_F(Ledgers, EveryFlippedBitIsFound) {
  {
    const auto ledger = *Ledger::open(path_);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(ledger->append(entry("legal \"a\"", 10 + i, 5), noon));
  }
  const std::string good = bytes();
  ASSERT_TRUE(verify());
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    write(bad);
    const auto head = verify();
    // The newline at the very end: then the last line has no end.
    EXPECT_TRUE(!head || head->cut_bytes > 0) << at;
    if (at + 1 < good.size()) {
      ASSERT_FALSE(head) << at;
      EXPECT_EQ(head.error().fault, Fault::integrity);
      EXPECT_FALSE(Ledger::open(path_)) << at;
    }
  }
}

TEST_F(Ledgers, LinesTakenOutPutInOrExchangedAreFound) {
  {
    const auto ledger = *Ledger::open(path_);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(ledger->append(entry("legal", 10 + i, 5), noon));
  }
  std::vector<std::string> lines;
  const std::string text = bytes();
  for (size_t at = 0; at < text.size(); at += lines.back().size())
    lines.push_back(text.substr(at, text.find('\n', at) + 1 - at));
  ASSERT_EQ(lines.size(), 4u);
  const auto join = [](std::vector<std::string> list) {
    std::string all;
    for (const std::string& line : list) all += line;
    return all;
  };
  for (const auto& list : {std::vector{lines[0], lines[2], lines[3]}, std::vector{lines[1], lines[2], lines[3]},
                           std::vector{lines[0], lines[2], lines[1], lines[3]},
                           std::vector{lines[0], lines[1], lines[1], lines[2], lines[3]},
                           std::vector{lines[0], std::string("\n"), lines[1]}}) {
    write(join(list));
    ASSERT_FALSE(verify());
    EXPECT_EQ(verify().error().fault, Fault::integrity);
  }
  // Not at the end: that shows in the head only.
  write(join({lines[0], lines[1], lines[2]}));
  EXPECT_TRUE(verify());
}

TEST_F(Ledgers, ALastLineThatWasCutOffIsTakenAwayAndToldOf) {
  {
    const auto ledger = *Ledger::open(path_);
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(ledger->append(entry("legal", 10, 5), noon));
  }
  const std::string good = bytes();
  const size_t first = good.find('\n') + 1;
  for (size_t size = first + 1; size < good.size(); size += 7) {
    write(good.substr(0, size));
    const auto head = verify();
    ASSERT_TRUE(head);
    EXPECT_EQ(head->cut_bytes, size - first);
    const auto ledger = Ledger::open(path_);
    ASSERT_TRUE(ledger) << ledger.error().what;
    EXPECT_EQ((*ledger)->usage({}, UsageGroup::department).at("legal").requests, 1);
    ASSERT_TRUE((*ledger)->append(entry("legal", 1, 1), noon));
    EXPECT_NE(bytes().find(fmt::format("\"event\":\"cut\",\"bytes\":{}", size - first)), std::string::npos);
    EXPECT_EQ(verify()->lines, 3u);
    EXPECT_EQ(verify()->cut_bytes, 0u);
  }
}

TEST_F(Ledgers, ServersShareOneFile) {
  constexpr int servers = 3, lines = 50;
  std::vector<std::thread> threads;
  for (int i = 0; i < servers; ++i)
    threads.emplace_back([&] {
      const auto ledger = *Ledger::open(path_);
      for (int n = 0; n < lines; ++n) EXPECT_TRUE(ledger->append(entry("legal", 1, 1), noon));
      EXPECT_TRUE(ledger->sync());
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verify()->lines, static_cast<uint64_t>(servers * lines));
  const auto ledger = *Ledger::open(path_);
  EXPECT_EQ(ledger->usage({}, UsageGroup::department).at("legal").tokens(), 2 * servers * lines);
}

TEST_F(Ledgers, WhatIsNoLedgerIsRefused) {
  for (const char* text : {"\n", "{}\n", "hello\n", "[]\n"}) {
    write(text);
    EXPECT_FALSE(Ledger::open(path_)) << text;
    EXPECT_FALSE(verify()) << text;
  }
  write(std::string(1 << 20, 'x'));
  EXPECT_FALSE(Ledger::open(path_));
  write("");
  EXPECT_TRUE(Ledger::open(path_));
}

TEST_F(Ledgers, AFileThatShrinksIsNotWrittenTo) {
  const auto ledger = *Ledger::open(path_);
  ASSERT_TRUE(ledger->append(entry("legal", 1, 1), noon));
  ASSERT_EQ(::truncate(path_.c_str(), 0), 0);
  const auto done = ledger->append(entry("legal", 1, 1), noon);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::integrity);
  EXPECT_FALSE(ledger->append(entry("legal", 1, 1), noon));
  EXPECT_EQ(bytes(), "");
}

TEST(Money, IsExactInText) {
  const std::pair<int64_t, const char*> known[] = {{0, "0"},
                                                   {1, "0.000000001"},
                                                   {41'000, "0.000041"},
                                                   {1'000'000'000, "1"},
                                                   {12'500'000'000, "12.5"},
                                                   {-1, "-0.000000001"},
                                                   {999'999'999'999'999'999, "999999999.999999999"}};
  for (const auto& [billionths, text] : known) {
    EXPECT_EQ(text_of(Money{billionths}), text);
    ASSERT_TRUE(read_money(text)) << text;
    EXPECT_EQ(read_money(text)->billionths, billionths);
  }
  for (const char* text :
       {"", "-", ".", "1.", ".5", "1.0000000001", "1e3", "0x1", "1,5", "1.2.3", "--1", " 1", "1234567890"})
    EXPECT_FALSE(read_money(text)) << text;
  Money sum;
  for (int i = 0; i < 10; ++i) sum += money_of(0.1);
  EXPECT_EQ(text_of(sum), "1");
}

TEST(Usage, DaysAndMonths) {
  EXPECT_TRUE(usage_month("2026-11"));
  for (const char* text : {"", "2026", "2026-1", "2026-11-01", "2026/11", "xxxx-xx"})
    EXPECT_FALSE(usage_month(text)) << text;
  EXPECT_TRUE(usage_range("", ""));
  EXPECT_TRUE(usage_range("2026-11-01", ""));
  EXPECT_FALSE(usage_range("", "2026-11"));
  EXPECT_EQ(utc_time(noon), "2026-11-29T12:00:00Z");
}

}  // namespace
}  // namespace freehold
