// Memory straight from the system: zeros, on pages that take room once they are touched, large ones where it likes.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace freehold {

class AnonymousMemory {
 public:
  // `lazily`: address space only, of which perhaps little will ever be touched. `what` is named when there is none.
  enum class Room { now, lazily };
  static Result<AnonymousMemory> map(size_t bytes, Room room, std::string_view what);
  AnonymousMemory() = default;
  AnonymousMemory(AnonymousMemory&&) noexcept;
  AnonymousMemory& operator=(AnonymousMemory&&) noexcept;
  ~AnonymousMemory();
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace freehold
