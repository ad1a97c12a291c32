// Reader: the only way in which untrusted bytes are taken apart. Every call checks what is left first; nothing is
// copied, nothing is allocated. Little-endian, as all our formats are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/result.h"

namespace freehold {

class Reader {
 public:
  // `name` stands first in every error: the file, or the part of it. Both must outlive the reader.
  Reader(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

  Result<std::span<const std::byte>> take(uint64_t count, std::string_view what) {
    if (count > left())
      return malformed("{}: {} needs {} bytes at offset {}, the file has {}", name_, what, count, at_, left());
    auto taken = bytes_.subspan(at_, static_cast<size_t>(count));
    at_ += static_cast<size_t>(count);
    return taken;
  }
  template <class T>
  Result<T> number(std::string_view what) {
    TRY_ASSIGN(auto taken, take(sizeof(T), what));
    T value;
    std::memcpy(&value, taken.data(), sizeof(T));
    return value;
  }
  Result<uint32_t> u32(std::string_view what) { return number<uint32_t>(what); }
  Result<uint64_t> u64(std::string_view what) { return number<uint64_t>(what); }

  // A string of u64 length and that many bytes; at most `most`. Shares the reader's bytes.
  Result<std::string_view> string(uint64_t most, std::string_view what) {
    TRY_ASSIGN(const uint64_t length, u64(what));
    if (length > most) return malformed("{}: {} claims {} bytes at offset {}, at most {} are allowed", name_, what, length, at_ - 8, most);
    TRY_ASSIGN(auto taken, take(length, what));
    return std::string_view(reinterpret_cast<const char*>(taken.data()), taken.size());
  }
  // Refuses a count of elements of at least `least_bytes` each that cannot fit in what is left.
  Result<size_t> count(uint64_t claimed, uint64_t least_bytes, uint64_t most, std::string_view what) const {
    if (claimed > most) return malformed("{}: {} claims {} entries, at most {} are allowed", name_, what, claimed, most);
    if (least_bytes && claimed > left() / least_bytes)
      return malformed("{}: {} claims {} entries of at least {} bytes, only {} bytes are left", name_, what, claimed, least_bytes, left());
    return static_cast<size_t>(claimed);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view name_;
  size_t at_ = 0;
};

}  // namespace freehold
