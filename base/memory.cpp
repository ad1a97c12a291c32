#include "base/memory.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

namespace freehold {
namespace {

constexpr uint64_t unknown = std::numeric_limits<uint64_t>::max();

// The number after `key` in a small system file ("MemAvailable:  123 kB"); an empty key takes the first number.
uint64_t number_in(const char* path, const char* key, uint64_t unit) {
  std::FILE* file = std::fopen(path, "re");
  if (!file) return unknown;
  char line[256];
  uint64_t found = unknown;
  while (found == unknown && std::fgets(line, sizeof(line), file)) {
    unsigned long long value;
    if (std::strncmp(line, key, std::strlen(key)) == 0 && std::sscanf(line + std::strlen(key), "%llu", &value) == 1)
      found = value * unit;
  }
  std::fclose(file);
  return found;
}

uint64_t left_of(const char* limit_file, const char* used_file) {
  const uint64_t limit = number_in(limit_file, "", 1), used = number_in(used_file, "", 1);
  if (limit == unknown || used == unknown) return unknown;
  return limit > used ? limit - used : 0;
}

}  // namespace

uint64_t available_memory() {
  return std::min(
      {number_in("/proc/meminfo", "MemAvailable:", 1024),
       left_of("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
       left_of("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")});
}

uint64_t resident_memory() {
  const uint64_t bytes = number_in("/proc/self/status", "VmRSS:", 1024);
  return bytes == unknown ? 0 : bytes;
}

uint64_t peak_memory() {
  const uint64_t bytes = number_in("/proc/self/status", "VmHWM:", 1024);
  return bytes == unknown ? 0 : bytes;
}

}  // namespace freehold
