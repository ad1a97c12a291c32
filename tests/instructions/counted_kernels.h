// Every kernel of a set over one small shape each, as pieces of work whose instructions can be counted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ops/kernels/kernels.h"

namespace freehold::testing {

struct CountedKernel {
  std::string name;  // kernel and shape: "multiply q4_k, 4 columns"
  std::function<void()> run;
};

// The work owns what it reads and writes.
std::vector<CountedKernel> counted_kernels(const Kernels& set);

}  // namespace freehold::testing
