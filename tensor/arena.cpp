#include "tensor/arena.h"

#include <algorithm>

namespace freehold {

void* Arena::bytes(size_t count) {
  count = (std::max<size_t>(count, 1) + 63) / 64 * 64;
  while (block_ < blocks_.size() && at_ + count > blocks_[block_].size) {  // does not fit here: the next block
    ++block_;
    at_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t size = std::max(block_bytes_, count);
    blocks_.push_back({std::unique_ptr<std::byte[], Free>(
                           static_cast<std::byte*>(::operator new[](size, std::align_val_t{64}))), size});
  }
  void* result = blocks_[block_].memory.get() + at_;
  at_ += count;
  return result;
}

void Arena::reset() {
  // Several blocks become one of their joint size, so that the next pass of this size stays in one block.
  if (blocks_.size() > 1) {
    const size_t size = reserved_bytes();
    blocks_.clear();
    blocks_.push_back({std::unique_ptr<std::byte[], Free>(
                           static_cast<std::byte*>(::operator new[](size, std::align_val_t{64}))), size});
  }
  block_ = 0;
  at_ = 0;
  ++resets_;
}

size_t Arena::reserved_bytes() const {
  size_t sum = 0;
  for (const Block& b : blocks_) sum += b.size;
  return sum;
}

size_t Arena::used_bytes() const {
  size_t sum = at_;
  for (size_t i = 0; i < block_ && i < blocks_.size(); ++i) sum += blocks_[i].size;
  return sum;
}

}  // namespace freehold
