// Pool::available: how many CPUs this process may keep busy. The affinity mask says on which it may run; a cgroup's
// quota (a container's limit) says how much time it gets on them.
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/pool.h"

namespace freehold {

namespace {

int cpus_of_affinity() {
  for (size_t most = 1024; most <= 65536; most *= 2) {  // the call refuses a mask that is too small for the machine
    cpu_set_t* mask = CPU_ALLOC(most);
    if (!mask) return 1;
    const size_t bytes = CPU_ALLOC_SIZE(most);
    const bool known = sched_getaffinity(0, bytes, mask) == 0;
    const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (known) return std::max(count, 1);
  }
  return 1;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// CPUs' worth of time, or 0 where there is no limit. cgroup 2: "max 100000" or "150000 100000" in cpu.max; cgroup 1:
// two files.
double quota_in(const std::string& folder) {
  double quota = 0, period = 0;
  if (std::sscanf(first_line(folder + "/cpu.max").c_str(), "%lf %lf", &quota, &period) != 2 &&
      (std::sscanf(first_line(folder + "/cpu.cfs_quota_us").c_str(), "%lf", &quota) != 1 ||
       std::sscanf(first_line(folder + "/cpu.cfs_period_us").c_str(), "%lf", &period) != 1))
    return 0;
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The tightest quota on the way from this process's groups to the root.
double cpus_of_quota() {
  double least = 0;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "id:controllers:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string root = "/sys/fs/cgroup";
    if (!controllers.empty()) {  // cgroup 1: only the group of the cpu controller, mounted by name
      if (("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
      root += "/" + controllers;
    }
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      const double quota = quota_in(root + path);
      if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
      if (path.empty() || path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

}  // namespace

int Pool::available() {
  const int allowed = cpus_of_affinity();
  const double quota = cpus_of_quota();
  return quota > 0 ? std::clamp(static_cast<int>(std::ceil(quota)), 1, allowed) : allowed;
}

}  // namespace freehold
