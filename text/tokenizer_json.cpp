#include "text/tokenizer_build.h"
namespace freehold {
Result<Tokenizer> Tokenizer::from_json(std::string_view, std::string_view, std::string_view name) {
  return unsupported("{}: tokenizer.json is not read yet", name);
}
}  // namespace freehold
