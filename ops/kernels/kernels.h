// Kernels: the table of functions that an instruction set supplies, filled once at start from CPUID and chosen by name
// in tests (`--cpu plain|avx2|avx_vnni|avx512`). Every set computes the same chain of operations per output element, so in
// int8 and exact mode their results are equal to the bit. Kernel files are compiled with their own -m flags and may
// include only intrinsics and the plain structs of this folder.
//
// There is no set for AMX: stored formats and activations have a scale for each 32 inputs, so a tile multiplication is
// half empty and its sums leave the tiles after each. On Emerald Rapids tile work and scaling take 16 and 18 ns for 16 x 16
// outputs of 32 inputs, but do not overlap: 38 to 46 ns together in five arrangements, 43 in avx512.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "ops/kernels/attention_kernels.h"
#include "ops/kernels/linear_kernels.h"
#include "ops/kernels/row_kernels.h"

namespace freehold {

struct Kernels {
  std::string_view name;  // "plain", "avx2", "avx_vnni", "avx512"
  LinearKernels linear;   // matrix times rows, over every stored format
  RowKernels rows;        // norm, rope, softmax, SiLU, quantizing: one row at a time
  AttentionKernels attention;
};

const Kernels& best_kernels();                                // the fastest set this CPU can run
Result<const Kernels*> kernels_named(std::string_view name);  // refuses a set this CPU cannot run, naming those it can
std::vector<const Kernels*> runnable_kernels();               // plain first; tests run all of them

}  // namespace freehold
