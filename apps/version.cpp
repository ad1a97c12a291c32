#include "apps/version.h"

#include <nlohmann/json.hpp>

#include "apps/report.h"
#include "ops/kernels/kernels.h"

namespace freehold {

void print_version(bool json) {
  Json sets = Json::array();
  std::string names;
  for (const Kernels* kernels : runnable_kernels()) {
    sets.push_back(kernels->name);
    names += fmt::format(" {}", kernels->name);
  }
  if (json)
    print_json(
        {{"version", version_text}, {"compiler", __VERSION__}, {"kernels", sets}, {"best", best_kernels().name}});
  else
    print(fmt::format("freehold {} (GCC {})\nkernels this CPU can run:{}; {} is used\n", version_text, __VERSION__,
                      names, best_kernels().name));
}

}  // namespace freehold
