// Budget: what one rendering may cost. Everything that walks or makes values pays here, so that no template and no
// request can make a rendering long or large. Bytes are counted when made and never given back: the sum bounds the
// memory and, at 512 bytes a step, the time.
#pragma once

#include <cstdint>

#include "base/limits.h"
#include "text/jinja/fault.h"

namespace freehold::jinja {

class Budget {
 public:
  Budget(uint64_t steps, uint64_t bytes) : steps_(steps), bytes_(bytes) {}

  Result<Done> step(uint64_t count = 1) {
    if (count > steps_) return over_limit("the template takes more steps than a rendering may");
    steps_ -= count;
    return Done{};
  }
  // Reading or comparing `count` bytes.
  Result<Done> read(uint64_t count) { return step(1 + count / 512); }
  // Bytes that a value under construction takes, before they are taken; its steps are paid when it is made.
  Result<Done> hold(uint64_t count) {
    if (count > bytes_) return over_limit("the template makes more values than a rendering may");
    bytes_ -= count;
    return Done{};
  }
  // Making a value of `count` bytes.
  Result<Done> make(uint64_t count) {
    if (count > limits::template_value_bytes)
      return over_limit("a value of {} bytes; at most {} are allowed", count, limits::template_value_bytes);
    TRY(hold(count));
    return step(1 + count / 512);
  }

 private:
  uint64_t steps_, bytes_;
};

}  // namespace freehold::jinja
