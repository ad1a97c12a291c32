#include "base/anonymous_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace freehold {

Result<AnonymousMemory> AnonymousMemory::map(size_t bytes, Room room, std::string_view what) {
  AnonymousMemory block;
  if (bytes == 0) return block;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (room == Room::lazily ? MAP_NORESERVE : 0);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) return out_of_resources("{}: {} bytes of memory: {}", what, bytes, std::strerror(errno));
  ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: decoding over 8192 positions of f16 became 6-8 % faster on a Zen4
  block.data_ = static_cast<std::byte*>(memory);
  block.size_ = bytes;
  return block;
}

AnonymousMemory::AnonymousMemory(AnonymousMemory&& other) noexcept { *this = std::move(other); }

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

AnonymousMemory::~AnonymousMemory() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace freehold
