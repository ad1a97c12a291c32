// Chat templates: a sandboxed subset of Jinja that renders real templates byte for byte as transformers does. The
// result comes in pieces that remember who wrote them: only the template's own pieces may become special tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "base/result.h"

namespace freehold {

enum class Author : uint8_t { the_template, the_request };
struct Piece {
  std::string text;
  Author author;
};
std::string joined(const std::vector<Piece>&);

struct RenderLimits {
  uint64_t steps = limits::template_steps;
  uint64_t output_bytes = limits::template_output_bytes;
};

class ChatTemplate {
 public:
  static Result<ChatTemplate> parse(std::string_view source, std::string_view name);
  // `variables`: messages, tools, add_generation_prompt, bos_token, eos_token and whatever else the template reads.
  // Strings of `variables` count as the request's, but for those under the keys in `trusted` (bos_token, eos_token).
  Result<std::vector<Piece>> render(const Json& variables, RenderLimits limits = {}) const;

  struct Impl;
  explicit ChatTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace freehold
