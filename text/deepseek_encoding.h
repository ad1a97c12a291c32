// The prompts of the DeepSeek models that ship a Python encoder and no chat template: V3.2 and V4. Written from what
// those encoders produce (tests/golden/prompts), byte for byte, as pieces that remember who wrote them.
//
// A message may carry, beside role and content: reasoning_content (also reasoning, thinking), tool_calls with arguments
// as JSON text or as an object, tools and response_format (system, developer), tool_call_id (tool); V4 also task (user)
// and wo_eos (assistant). Roles: system, user, assistant, tool, developer; V4 also latest_reminder.
//
// Wider than the published encoders, which stop there: contents that are null or lists of texts, arguments that are no
// JSON (V4's rule, for V3.2 too), reasoning that is missing inside a tool loop.
#pragma once

#include <string_view>
#include <vector>

#include "text/chat_template.h"

namespace freehold {

enum class DeepseekFormat : uint8_t {
  v32,
  v4,       // the preview: reasoning effort is nothing or "max"
  v4_0731,  // three levels of effort: low (nothing), high, max
};
std::string_view name_of(DeepseekFormat);

// Thinks unless the conversation says otherwise. Of its variables none is read.
Result<std::vector<Piece>> encode_deepseek(DeepseekFormat, const Conversation&);

}  // namespace freehold
