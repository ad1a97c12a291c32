#include "text/tokenizer_normalize.h"

namespace freehold {

std::string Normalizer::apply(std::string_view text) const {
  std::string result(text);
  for (const Step& step : steps_) result = step(result);
  return result;
}

}  // namespace freehold
