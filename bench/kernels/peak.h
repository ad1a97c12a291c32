// What the machine can do at this minute, for fractions: a read of memory, and multiply-adds in registers only.
#pragma once

#include <string_view>

namespace freehold::bench {

double read_bandwidth();              // bytes per second, one thread, from 256 MiB
double peak_ops(std::string_view set);  // int8 operations per second of the set's dot instruction, one thread

double peak_avx512(), peak_avx2(), peak_avx_vnni();

}  // namespace freehold::bench
