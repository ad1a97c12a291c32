#include "apps/net/part_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/json.h"

namespace freehold {
namespace {

Failure system_failure(const Path& path, const char* what) {
  const int error = errno;
  const Fault fault = error == ENOSPC || error == EDQUOT || error == EFBIG ? Fault::resources : Fault::io;
  return failure(fault, fmt::format("{}: {}: {}", path.filename().string(), what, std::strerror(error)));
}

Result<Done> sync_folder(const Path& folder) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return system_failure(folder, "cannot be opened");
  const bool good = ::fsync(handle) == 0;
  const int error = errno;
  ::close(handle);
  errno = error;
  if (!good) return system_failure(folder, "cannot be synced");
  return Done{};
}

}  // namespace

PartFile::PartFile(PartFile&& other) noexcept
    : target_(std::move(other.target_)),
      bytes_(other.bytes_),
      handle_(std::exchange(other.handle_, -1)),
      source_(std::move(other.source_)),
      size_(other.size_),
      whole_(other.whole_),
      parts_(other.parts_) {}

PartFile::~PartFile() {
  if (handle_ >= 0) ::close(handle_);
}

Result<PartFile> PartFile::open(const Path& target, uint64_t bytes) {
  PartFile part(target, bytes);
  part.handle_ = ::open(part.part_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
  if (part.handle_ < 0) return system_failure(part.part_path(), "cannot be opened for writing");
  struct stat s;
  if (::fstat(part.handle_, &s) != 0) return system_failure(part.part_path(), "cannot be examined");
  if (!S_ISREG(s.st_mode)) return unsupported("{}: is no regular file", part.part_path().filename().string());
  part.size_ = static_cast<uint64_t>(s.st_size);
  part.read_state();
  return part;
}

// A state that cannot be read, or does not fit the file, is as good as none: the download starts over.
void PartFile::read_state() {
  source_.clear();
  whole_ = parts_ = 0;
  const auto text = read_file(state_path(), 1u << 20);
  if (!text || size_ > bytes_) return;
  const auto json = parse_json(*text, state_path().filename().string());
  if (!json || !json->is_object()) return;
  const auto source = json->find("source"), whole = json->find("bytes"), parts = json->find("parts");
  if (source == json->end() || whole == json->end() || parts == json->end()) return;
  if (!source->is_string() || !whole->is_number_unsigned() || !parts->is_number_unsigned()) return;
  if (whole->get<uint64_t>() > size_) return;
  source_ = source->get<std::string>();
  whole_ = whole->get<uint64_t>();
  parts_ = parts->get<size_t>();
}

Result<Done> PartFile::write_state() const {
  const Json json = {{"source", source_}, {"bytes", whole_}, {"parts", parts_}};
  return replace_file(state_path(), json.dump() + "\n");
}

Result<Done> PartFile::cut(uint64_t size) {
  if (::ftruncate(handle_, static_cast<off_t>(size)) != 0) return system_failure(part_path(), "cannot be cut");
  size_ = size;
  return Done{};
}

Result<Done> PartFile::begin(std::string_view source) {
  if (source_ == source) return Done{};
  source_ = source;
  return start_over();
}

Result<Done> PartFile::start_over() {
  whole_ = parts_ = 0;
  TRY(cut(0));
  return write_state();
}

Result<Done> PartFile::to_last_part() { return cut(whole_); }

Result<Done> PartFile::append(std::span<const std::byte> more) {
  if (more.size() > room())
    return inconsistent("{}: more than the {} bytes that the catalogue expects", target_.filename().string(), bytes_);
  while (!more.empty()) {
    const ssize_t n = ::pwrite(handle_, more.data(), more.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_failure(part_path(), "cannot be written");
    more = more.subspan(static_cast<size_t>(n));
    size_ += static_cast<uint64_t>(n);
  }
  return Done{};
}

Result<Done> PartFile::part_done() {
  if (::fdatasync(handle_) != 0) return system_failure(part_path(), "cannot be synced");
  whole_ = size_;
  ++parts_;
  return write_state();
}

Result<Done> PartFile::become_target() {
  if (::fsync(handle_) != 0) return system_failure(part_path(), "cannot be synced");
  if (::close(std::exchange(handle_, -1)) != 0) return system_failure(part_path(), "cannot be closed");
  if (::rename(part_path().c_str(), target_.c_str()) != 0) return system_failure(target_, "cannot be put in place");
  TRY(sync_folder(target_.parent_path()));
  ::unlink(state_path().c_str());  // what it said is over; that it stays is no harm
  return Done{};
}

Result<std::string> sha256_of_file(const Path& path, const std::atomic<bool>& cancelled,
                                   const std::function<void(uint64_t)>& progress) {
  const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (handle < 0) return system_failure(path, "cannot be opened");
  struct Close {
    int handle;
    ~Close() { ::close(handle); }
  } close{handle};
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1)
    return out_of_resources("SHA-256 is not available");
  std::vector<std::byte> buffer(1u << 20);
  uint64_t done = 0;
  while (true) {
    if (cancelled) return failure(Fault::cancelled, fmt::format("{}: checking stopped", path.filename().string()));
    const ssize_t n = ::read(handle, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure(path, "cannot be read");
    if (n == 0) break;
    if (EVP_DigestUpdate(hash.get(), buffer.data(), static_cast<size_t>(n)) != 1)
      return out_of_resources("SHA-256 failed");
    done += static_cast<uint64_t>(n);
    if (progress) progress(done);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_DigestFinal_ex(hash.get(), digest, &length) != 1) return out_of_resources("SHA-256 failed");
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace freehold
