// How much memory this process may still take: the least of what the machine has available and what its control groups
// leave. Used to refuse before allocating, never to size anything that changes results.
#pragma once

#include <cstdint>

namespace freehold {

uint64_t available_memory();  // bytes; the largest number when the system does not say
uint64_t resident_memory();   // bytes this process holds now; 0 when unknown
uint64_t peak_memory();       // the most it held; 0 when unknown

}  // namespace freehold
