// For std::unique_ptr over a thing of a C library: the function that frees it, as a type.
#pragma once

namespace freehold {

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};

}  // namespace freehold
