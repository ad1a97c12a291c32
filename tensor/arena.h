// Arena: memory for one pass. Blocks are kept and reused after reset(), so a steady pass allocates nothing.
// Everything handed out is 64-byte aligned and lives until reset() or the arena's end. One owner, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace freehold {

class Arena {
 public:
  explicit Arena(size_t block_bytes = 4u << 20) : block_bytes_(block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* bytes(size_t count);                                      // not cleared
  template <class T>
  T* array(size_t count) {                                        // not cleared
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(bytes(count * sizeof(T)));
  }
  template <class T, class... A>
  T* make(A&&... a) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (bytes(sizeof(T))) T{std::forward<A>(a)...};
  }
  void reset();                                                   // everything handed out is gone; blocks are kept
  uint64_t resets() const { return resets_; }
  // Scratch of one op: what was handed out since the mark is gone.
  struct Mark { size_t block, at; };
  Mark mark() const { return {block_, at_}; }
  void rewind(Mark mark) { block_ = mark.block, at_ = mark.at; }
  size_t reserved_bytes() const;                                  // memory held, used or not
  size_t used_bytes() const;

 private:
  struct Free { void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); } };
  struct Block { std::unique_ptr<std::byte[], Free> memory; size_t size; };
  size_t block_bytes_;
  std::vector<Block> blocks_;
  uint64_t resets_ = 0;
  size_t block_ = 0, at_ = 0;  // the block in use and the next free byte in it
};

}  // namespace freehold
