// Prometheus' text format (0.0.4), read strictly: what a scraper that takes nothing on trust would say.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::conformance {

struct Exposition {
  std::map<std::string, std::string> kinds;  // family: counter, gauge, histogram, summary, untyped
  std::map<std::string, double> samples;     // name with its labels, as written
  double sum(std::string_view name) const;   // of all samples of this name, whatever their labels
  bool has(std::string_view name) const;
};

// The error names the first line that breaks the format.
Result<Exposition> read_exposition(std::string_view text);

}  // namespace freehold::conformance
