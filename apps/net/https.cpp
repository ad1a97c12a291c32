#include "apps/net/https.h"

#include <curl/curl.h>

#include <cstdlib>
#include <memory>
#include <optional>

namespace freehold {
namespace {

struct Transfer {
  PartFile& part;
  Progress& progress;
  const std::atomic<bool>& cancelled;
  std::optional<Error> fault;  // why we stopped the transfer
};

size_t take(char* bytes, size_t one, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::span<const char> more(bytes, one * count);
  if (auto done = transfer.part.append(std::as_bytes(more)); !done) {
    transfer.fault = done.error();
    return 0;  // libcurl takes a short count as a stop
  }
  transfer.progress.at(transfer.part.size());
  return more.size();
}

int stop_asked(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->cancelled ? 1 : 0;
}

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

// The transfer's settings; null when libcurl refuses one (a build of it without https, say).
Easy prepare(const std::string& url, Transfer& transfer, char* error) {
  Easy easy(curl_easy_init(), &curl_easy_cleanup);
  bool good = easy != nullptr;
  const auto set = [&](CURLoption option, auto value) {
    good = good && curl_easy_setopt(easy.get(), option, value) == CURLE_OK;
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 5L);
  set(CURLOPT_CONNECTTIMEOUT, 5L);
  set(CURLOPT_LOW_SPEED_LIMIT, 1024L);  // under 1 KiB/s for 30 s: gone
  set(CURLOPT_LOW_SPEED_TIME, 30L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_BUFFERSIZE, 512L * 1024);
  set(CURLOPT_USERAGENT, "freehold-net");
  set(CURLOPT_ERRORBUFFER, error);
  set(CURLOPT_WRITEFUNCTION, &take);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_XFERINFOFUNCTION, &stop_asked);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.part.size()));
  // The variables with which the machine's other programs are told of its own authorities.
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (const char* bundle = std::getenv(name); bundle && *bundle) {
      set(CURLOPT_CAINFO, bundle);
      break;
    }
  if (!good) easy.reset();
  return easy;
}

// The server will not go on where we stopped, or there is nothing after it.
bool cannot_resume(CURL* easy, CURLcode code) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return code == CURLE_RANGE_ERROR || (code == CURLE_HTTP_RETURNED_ERROR && status == 416);
}

}  // namespace

Result<Done> fetch_https(const std::string& url, PartFile& part, Progress& progress,
                         const std::atomic<bool>& cancelled) {
  while (part.room() > 0) {
    const bool resumed = part.size() > 0;
    Transfer transfer{part, progress, cancelled, std::nullopt};
    char error[CURL_ERROR_SIZE] = "";
    const Easy easy = prepare(url, transfer, error);
    if (!easy) return unsupported("{}: this libcurl cannot fetch over https", url);
    const CURLcode code = curl_easy_perform(easy.get());
    if (transfer.fault) return Failure(*transfer.fault);
    if (code == CURLE_OK) break;
    if (cancelled) return failure(Fault::cancelled, fmt::format("{}: stopped", url));
    if (!resumed || !cannot_resume(easy.get(), code))
      return io_error("{}: {}", url, printable(error[0] ? error : curl_easy_strerror(code), 160));
    TRY(part.start_over());
  }
  if (part.room() > 0)
    return inconsistent("{}: ended {} bytes before the {} expected", url, part.room(), part.size() + part.room());
  return Done{};
}

}  // namespace freehold
