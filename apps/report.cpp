#include "apps/report.h"

#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace freehold {

int report(const Error& error, bool json) {
  std::fflush(stdout);
  const int code = exit_code(error.fault);
  std::fputs(fmt::format("freehold: error: {}: {}\n", name_of(error.fault), error.what).c_str(), stderr);
  if (json) print_json({{"error", {{"class", name_of(error.fault)}, {"message", error.what}, {"exit", code}}}});
  return code;
}

void report_note(std::string_view text) { std::fprintf(stderr, "freehold: note: %s\n", printable(text, 300).c_str()); }

void print_json(const Json& json) { print(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"); }

namespace {
bool closed = false;
}
// Not by stdio, for which a signal during a slow write is the end of the stream.
void print(std::string_view text) {
  std::fflush(stdout);
  while (!text.empty() && !closed) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd output{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&output, 1, -1);
    } else if (errno != EINTR) {
      closed = true;
    }
  }
}

bool output_is_closed() { return closed; }

void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool messages_are_terminal() { return isatty(STDERR_FILENO) == 1; }

std::string fit_for_terminal(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else if (c1)
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[++i]));
    else
      out += text[i];
  }
  return out;
}

namespace {
std::string styled(std::string_view text, std::string_view code) {
  static const bool colour = !std::getenv("NO_COLOR");
  if (!colour || text.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}
}  // namespace
std::string dim(std::string_view text) { return styled(text, "2"); }
std::string dim_if_terminal(std::string_view text) { return output_is_terminal() ? dim(text) : std::string(text); }
std::string bold(std::string_view text) { return styled(text, "1"); }

std::string text_of_bytes(uint64_t bytes) {
  const auto n = static_cast<double>(bytes);
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (n < 0x1p20) return fmt::format("{:.1f} KiB", n / 0x1p10);
  if (n < 0x1p30) return fmt::format("{:.1f} MiB", n / 0x1p20);
  return fmt::format("{:.2f} GiB", n / 0x1p30);
}

std::string text_of_count(uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string text_of_large(uint64_t count) {
  const auto n = static_cast<double>(count);
  if (n >= 1e9) return fmt::format("{:.2f} B", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.1f} M", n / 1e6);
  return text_of_count(count);
}

void ProgressLine::at(double fraction) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double left = fraction > 0 ? seconds * (1 - fraction) / fraction : 0;
  if (!messages_are_terminal() || now - last_ < std::chrono::milliseconds(100)) return;
  if (!shown_ && (seconds < 1 || seconds + left < 2)) return;
  last_ = now;
  shown_ = true;
  constexpr int width = 30;
  const int full = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * width));
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? "█" : "░";
  std::fputs(fmt::format("\r{} {} {:3.0f} %  {:.0f} s left\033[K", what_, bar, fraction * 100, left).c_str(), stderr);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

namespace interrupt {
namespace {
std::atomic<int> count = 0;
std::atomic<bool> is_editing = false;
int wake = -1;  // readable when count is not 0
static_assert(std::atomic<int>::is_always_lock_free);
void handle(int) {
  const int before = errno;
  const uint64_t one = 1;
  const bool first = count.fetch_add(1) == 0;
  if ((first || is_editing) && (wake < 0 || ::write(wake, &one, sizeof(one)) == sizeof(one))) {
    errno = before;
    return;
  }
  constexpr std::string_view message = "\nfreehold: error: cancelled: by signal\n";
  if (::write(STDERR_FILENO, message.data(), message.size()) < 0) _exit(7);
  _exit(7);
}
}  // namespace

void install() {
  wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action = {};
  action.sa_handler = handle;  // no SA_RESTART: a wait for input returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}
bool requested() { return count.load() > 0; }
void reset() {
  uint64_t ignored;
  if (wake >= 0 && ::read(wake, &ignored, sizeof(ignored)) < 0) ignored = 0;
  count = 0;
}
void editing(bool on) { is_editing = on; }
bool wait_for_input() {
  pollfd handles[2] = {{STDIN_FILENO, POLLIN, 0}, {wake, POLLIN, 0}};
  while (!requested())
    if (::poll(handles, 2, -1) > 0 && handles[0].revents != 0) return !requested();
  return false;
}
}  // namespace interrupt

}  // namespace freehold
