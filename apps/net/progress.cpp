#include "apps/net/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace freehold {

std::string progress_text(const std::string& what, uint64_t bytes, uint64_t total, uint64_t already, double seconds) {
  const double mebibyte = 1 << 20;
  const double rate = seconds > 0 && bytes > already ? static_cast<double>(bytes - already) / seconds : 0;
  std::string text = fmt::format("{}  {:.0f} of {:.0f} MiB  {:3.0f} %", what, static_cast<double>(bytes) / mebibyte,
                                 static_cast<double>(total) / mebibyte,
                                 total ? 100.0 * static_cast<double>(bytes) / static_cast<double>(total) : 100.0);
  if (seconds < 1 || rate <= 0) return text;
  const auto left = static_cast<int64_t>(static_cast<double>(total - std::min(bytes, total)) / rate + 0.5);
  text += fmt::format("  {:.1f} MiB/s  ", rate / mebibyte);
  text += left < 3600 ? fmt::format("{}:{:02} left", left / 60, left % 60)
                      : fmt::format("{}:{:02}:{:02} left", left / 3600, left / 60 % 60, left % 60);
  return text;
}

Progress::Progress(std::string what, uint64_t total, uint64_t already, bool shown)
    : what_(std::move(what)), total_(total), already_(already), shown_(shown) {}

void Progress::at(uint64_t bytes) {
  most_ = std::max(most_, std::min(bytes, total_));
  const auto now = Clock::now();
  if (!shown_ || now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::fprintf(stderr, "\r%s\033[K", progress_text(what_, most_, total_, already_, seconds).c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace freehold
