#include "apps/net/offline_proof.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/net/elf_imports.h"
#include "apps/net/loopback_client.h"
#include "apps/net/tracer.h"
#include "base/sha256.h"

namespace freehold {
namespace {

constexpr const char* reaching_out[] = {"connect",     "getaddrinfo",     "gethostbyname",    "gethostbyname_r",
                                        "getnameinfo", "sendto",          "sendmsg",          "sendmmsg",
                                        "res_query",   "res_search",      "__res_query",      "__res_search",
                                        "SSL_connect", "BIO_new_connect", "curl_easy_perform"};
constexpr int start_seconds = 600, answer_seconds = 300;
constexpr uint64_t most_program_bytes = 1ull << 30;

struct Report {
  Json checks = Json::array();
  bool failed = false;
  void add(const char* name, const char* state, std::string what) {
    failed = failed || std::string_view(state) == "failed";
    checks.push_back({{"name", name}, {"state", state}, {"what", std::move(what)}});
  }
  void check(const char* name, bool good, std::string what) { add(name, good ? "shown" : "failed", std::move(what)); }
};

// A folder of the proof's own, removed with all that is in it.
class OwnFolder {
 public:
  OwnFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freehold-proof.XXXXXX").string();
    if (::mkdtemp(pattern.data())) path_ = pattern;
  }
  ~OwnFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const Path& path() const { return path_; }

 private:
  Path path_;
};

bool write_proc(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

// From here on there is no network but a loopback of our own. False: this machine does not allow it.
bool leave_network() {
  const uid_t user = ::getuid();
  const gid_t group = ::getgid();
  if (::unshare(CLONE_NEWNET) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    write_proc("/proc/self/setgroups", "deny");
    if (!write_proc("/proc/self/uid_map", fmt::format("{} {} 1", user, user)) ||
        !write_proc("/proc/self/gid_map", fmt::format("{} {} 1", group, group)))
      return false;
  }
  const int end = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback = {};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = end >= 0 && ::ioctl(end, SIOCSIFFLAGS, &loopback) == 0;
  if (end >= 0) ::close(end);
  return up;
}

std::vector<std::string> interfaces() {
  std::vector<std::string> names;
  struct if_nameindex* all = ::if_nameindex();
  for (auto* one = all; one && one->if_index != 0; ++one) names.emplace_back(one->if_name);
  if (all) ::if_freenameindex(all);
  return names;
}

// The server's first line, within its time.
Result<Json> first_line(int handle) {
  std::string line;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(start_seconds);
  while (line.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd one = {handle, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&one, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    char bytes[4096];
    const ssize_t got = ready > 0 ? ::read(handle, bytes, sizeof bytes) : 0;
    if (got <= 0) return io_error("the server did not start; freehold serve MODEL says why");
    line.append(bytes, static_cast<size_t>(got));
  }
  return parse_json(line, "server");
}

struct Session {
  Result<Done> outcome = Done{};
  Json about;
  int asked = 0;
  bool sealed_threads = false;
  int threads = 0;
};

// Each kind of request once, with a canary in it.
std::vector<LoopbackRequest> requests_with(const std::vector<std::string>& c) {
  const Json user = {{"role", "user"}, {"content", c[0]}};
  const auto post = [](const char* path, const Json& body) {
    return LoopbackRequest{.method = "POST", .path = path, .body = body.dump()};
  };
  std::vector<LoopbackRequest> list = {
      post("/v1/chat/completions",
           {{"messages", Json::array({user})}, {"max_tokens", 4}, {"user", c[1]}, {"stop", c[2]}}),
      post("/v1/chat/completions", {{"messages", Json::array({user})}, {"max_tokens", 4}, {"stream", true}}),
      post("/v1/completions", {{"prompt", c[3]}, {"max_tokens", 4}}),
      post("/v1/messages", {{"messages", Json::array({user})}, {"max_tokens", 4}, {"system", c[4]}}),
      post("/v1/responses", {{"input", c[5]}, {"max_output_tokens", 16}}),
      post("/v1/chat/completions", {{"messages", c[6]}}),
      post("/v1/embeddings", {{"input", c[5]}}),
      post("/api/generate", {{"prompt", c[3]}, {"options", {{"num_predict", 4}}}}),
      post("/tokenize", {{"content", c[7]}}),
      {.path = "/" + c[8]},
      {.path = "/metrics"},
      {.path = "/freehold/state"},
  };
  list[0].headers = {"Authorization: Bearer " + c[9], "x-request-id: " + c[10]};
  return list;
}

bool threads_are_sealed(pid_t process, int& threads) {
  std::error_code error;
  bool sealed = true;
  for (std::filesystem::directory_iterator it(fmt::format("/proc/{}/task", process), error), end; !error && it != end;
       it.increment(error)) {
    std::ifstream file(it->path() / "status");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    sealed =
        sealed && text.find("NoNewPrivs:\t1") != std::string::npos && text.find("Seccomp:\t2") != std::string::npos;
    ++threads;
  }
  return sealed && threads > 0;
}

// On a thread of its own: the tracer may not leave the one that started the server.
void hold_session(pid_t server, int output, const std::vector<std::string>& canaries, Session& session) {
  const auto work = [&]() -> Result<Done> {
    TRY_ASSIGN(session.about, first_line(output));
    const std::string url = session.about.is_object() ? session.about.value("url", "") : "";
    const int port = std::atoi(url.substr(std::min(url.size(), url.rfind(':') + 1)).c_str());
    for (const LoopbackRequest& request : requests_with(canaries)) {
      TRY_ASSIGN(const LoopbackAnswer answer, ask_loopback(port, request, answer_seconds));
      session.asked += answer.status > 0;
    }
    session.sealed_threads = threads_are_sealed(server, session.threads);
    return Done{};
  };
  session.outcome = work();
  ::kill(server, SIGINT);
}

std::vector<std::string> files_with(const Path& folder, const std::vector<std::string>& canaries, int& looked) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    ++looked;
    const auto text = read_file(it->path(), most_program_bytes);
    for (const std::string& canary : canaries)
      if (text && text->find(canary) != std::string::npos) found.push_back(it->path().filename().string());
  }
  return found;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "none" : out;
}

void judge_trace(Report& report, const Traced& seen, const Path& home) {
  report.check("trace: sockets", seen.sockets.size() == 1 && seen.sockets[0].starts_with("inet"),
               fmt::format("opened: {}; expected the one that listens", joined(seen.sockets)));
  report.check("trace: reaching out", seen.reached.empty(),
               fmt::format("calls of connect and their kin: {} ({} calls of the system seen)", joined(seen.reached),
                           seen.calls));
  report.check("trace: programs", seen.started.size() == 1, fmt::format("started: {}", joined(seen.started)));
  std::vector<std::string> outside;
  for (const std::string& path : seen.written)
    if (path.starts_with("/") && !path.starts_with(home.string() + "/") && path != "/dev/null") outside.push_back(path);
  report.check("trace: files written", outside.empty(), fmt::format("outside its folder: {}", joined(outside)));
  report.check("trace: canaries", seen.canaries.empty(), fmt::format("written to files: {}", joined(seen.canaries)));
}

void run_session(Report& report, const ProofOptions& options, const Path& home) {
  std::vector<std::string> canaries;
  for (int i = 0; i < 11; ++i)
    canaries.push_back(
        fmt::format("canary-{}-{:x}", i, std::hash<std::string>()(home.string()) ^ static_cast<size_t>(i)));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return report.add("session", "failed", "no file handles left");
  Session session;
  std::thread client;
  TraceTask task{.words = {options.program.string(), "serve", options.model.string(), "--port", "0", "--json"},
                 .environment = {"FREEHOLD_HOME=" + home.string(), "TMPDIR=" + home.string(), "HOME=" + home.string(),
                                 "LC_ALL=C.UTF-8"},
                 .canaries = canaries,
                 .output = ends[1],
                 .started = [&](pid_t server) {
                   ::close(std::exchange(ends[1], -1));
                   client = std::thread([&, server] { hold_session(server, ends[0], canaries, session); });
                 }};
  const auto seen = trace(task);
  if (client.joinable()) client.join();
  ::close(ends[0]);
  if (ends[1] >= 0) ::close(ends[1]);
  if (!seen) {
    for (const char* name : {"trace: sockets", "trace: reaching out", "trace: programs", "trace: files written",
                             "session", "seal", "canaries"})
      report.add(name, "not shown", seen.error().what);
    return;
  }
  const bool ended_well = WIFEXITED(seen->status) && WEXITSTATUS(seen->status) == 0;
  report.check("session", session.outcome.has_value() && ended_well,
               session.outcome ? fmt::format("{} requests were answered; the server ended with {}", session.asked,
                                             ended_well ? "0" : "a fault")
                               : session.outcome.error().what);
  judge_trace(report, *seen, home);
  report.check("seal", session.sealed_threads,
               fmt::format("{} threads, each without new privileges and with filtered calls", session.threads));
  const bool folders = session.about.is_object() && session.about.value("kept_to_folders", false);
  report.add("seal: folders", folders ? "shown" : "not shown",
             folders ? "the kernel keeps it to its own folders (Landlock)" : "this kernel has no Landlock");
  int looked = 0;
  const auto found = files_with(home, canaries, looked);
  report.check(
      "canaries", found.empty() && looked > 0,
      fmt::format("{} files were searched for {} words; found in: {}", looked, canaries.size(), joined(found)));
}

}  // namespace

Result<Json> prove_offline(const ProofOptions& options) {
  Report report;
  TRY_ASSIGN(const auto imports, elf_imports(options.program));
  std::vector<std::string> reaching;
  for (const char* name : reaching_out)
    if (imports.contains(name)) reaching.emplace_back(name);
  report.check("imports", reaching.empty(),
               fmt::format("{} names, of those that reach out: {}", imports.size(), joined(reaching)));
  TRY_ASSIGN(const std::string program, read_file(options.program, most_program_bytes));
  const OwnFolder folder;
  if (folder.path().empty()) return io_error("no temporary folder could be made");
  if (leave_network()) {
    const auto names = interfaces();
    report.check("network", names == std::vector<std::string>{"lo"},
                 fmt::format("interfaces during the session: {}", joined(names)));
  } else {
    report.add("network", "not shown", "this machine does not allow a network namespace");
  }
  run_session(report, options, folder.path());
  utsname system = {};
  ::uname(&system);
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return Json{{"type", "freehold offline proof"},
              {"seconds_since_1970", now.count()},
              {"program_sha256", sha256_of(program)},
              {"model", options.model.filename().string()},
              {"kernel", fmt::format("{} {}", system.sysname, system.release)},
              {"passed", !report.failed},
              {"checks", std::move(report.checks)}};
}

}  // namespace freehold
