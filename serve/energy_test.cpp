#include "serve/energy.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace freehold {
namespace {

using namespace std::chrono_literals;

// A folder of counters that the test moves.
class Energy : public testing::Test {
 protected:
  Energy() : folder_(std::filesystem::temp_directory_path() / ("energy_test." + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    const std::pair<const char*, const char*> zones[] = {{"intel-rapl:0", "package-0"},
                                                         {"intel-rapl:0:0", "core"},
                                                         {"intel-rapl:0:1", "dram"},
                                                         {"intel-rapl-mmio:0", "package-0"}};
    for (const auto& [zone, name] : zones) {
      std::filesystem::create_directories(folder_ / zone);
      put(zone, "name", std::string(name) + "\n");
      put(zone, "max_energy_range_uj", "1000000000\n");
      set(zone, 0);
    }
  }
  ~Energy() override { std::filesystem::remove_all(folder_); }
  // In place, as the kernel's are: the meter holds them open.
  void put(const std::string& zone, const std::string& file, const std::string& text) {
    FILE* out = std::fopen((folder_ / zone / file).c_str(), "w");
    ASSERT_NE(out, nullptr);
    std::fputs(text.c_str(), out);
    std::fclose(out);
  }
  void set(const std::string& zone, uint64_t microjoules) {
    put(zone, "energy_uj", std::to_string(microjoules) + "\n");
  }

  const Path folder_;
  const EnergyMeter::Clock::time_point start_ = EnergyMeter::Clock::now();
};

TEST_F(Energy, WithoutCountersTheMethodIsNone) {
  EnergyMeter meter(folder_ / "nothing");
  EXPECT_EQ(meter.method(), "none");
  meter.begin(1);
  meter.work(1, 10);
  EXPECT_EQ(meter.end(1).joules, 0);
  std::filesystem::remove(folder_ / "intel-rapl:0" / "energy_uj");
  std::filesystem::remove(folder_ / "intel-rapl:0:1" / "energy_uj");
  EXPECT_EQ(EnergyMeter(folder_).method(), "none");
}

TEST_F(Energy, PackagesAndMemoryCountOnce) {
  EnergyMeter meter(folder_);
  EXPECT_EQ(meter.method(), "rapl");
  set("intel-rapl:0", 3'000'000), set("intel-rapl:0:0", 2'000'000), set("intel-rapl:0:1", 500'000);
  set("intel-rapl-mmio:0", 3'000'000);
  meter.look();
  EXPECT_DOUBLE_EQ(meter.joules(), 3.5);
  EXPECT_DOUBLE_EQ(meter.idle_joules(), 3.5);
}

TEST_F(Energy, AWrapIsCountedOn) {
  set("intel-rapl:0", 999'000'000);
  EnergyMeter meter(folder_);
  set("intel-rapl:0", 2'000'000);
  meter.look();
  EXPECT_DOUBLE_EQ(meter.joules(), 3.0);
}

TEST_F(Energy, SharesFollowTheTokensAndSumUpToTheMeter) {
  EnergyMeter meter(folder_);
  meter.begin(1, start_), meter.begin(2, start_);
  meter.work(1, 30, start_), meter.work(2, 10, start_);
  set("intel-rapl:0", 8'000'000);
  const EnergyShare first = meter.end(1, start_ + 1s);
  EXPECT_DOUBLE_EQ(first.joules, 6);
  EXPECT_FALSE(first.idle_share);  // it was never idle
  set("intel-rapl:0", 9'000'000);
  meter.work(2, 1, start_ + 2s);
  set("intel-rapl:0", 10'000'000);
  EXPECT_DOUBLE_EQ(meter.end(2, start_ + 3s).joules, 4);
  EXPECT_DOUBLE_EQ(meter.joules(), 10);
  EXPECT_DOUBLE_EQ(meter.idle_joules(), 0);
}

TEST_F(Energy, ManyRequestsLoseNothing) {
  EnergyMeter meter(folder_);
  double shares = 0;
  uint64_t counter = 0;
  auto now = start_;
  std::vector<uint64_t> open;
  for (uint64_t i = 0; i < 500; ++i) {
    now += 17ms;
    counter = (counter + 7'000'003 * (i % 5)) % 1'000'000'000;
    set("intel-rapl:0", counter);
    if (i % 3 == 0) meter.begin(i, now), open.push_back(i);
    if (!open.empty()) meter.work(open[i % open.size()], static_cast<int>(i % 4), now);
    if (open.size() > 4 || (i % 50 == 49 && !open.empty()))
      shares += meter.end(open.front(), now).joules, open.erase(open.begin());
  }
  for (const uint64_t id : open) shares += meter.end(id, now).joules;
  EXPECT_GT(shares, 1000);
  EXPECT_NEAR(shares + meter.idle_joules(), meter.joules(), 1e-6 * meter.joules());
}

TEST_F(Energy, WhatTheMachineDrawsAnywayIsTold) {
  EnergyMeter meter(folder_);
  set("intel-rapl:0", 10'000'000);
  meter.begin(1, start_ + 10s);  // 10 s idle at about 1 W
  set("intel-rapl:0", 14'000'000);
  const EnergyShare share = meter.end(1, start_ + 11s);  // 1 s at 4 W
  EXPECT_DOUBLE_EQ(share.joules, 4);
  ASSERT_TRUE(share.idle_share);
  EXPECT_NEAR(*share.idle_share, 0.25, 0.01);
}

}  // namespace
}  // namespace freehold
