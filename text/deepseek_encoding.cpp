#include "text/deepseek_encoding.h"

#include "text/deepseek_v32.h"
#include "text/deepseek_v4.h"

namespace freehold {

std::string_view name_of(DeepseekFormat format) {
  switch (format) {
    case DeepseekFormat::v32:
      return "deepseek-v3.2";
    case DeepseekFormat::v4:
      return "deepseek-v4";
    case DeepseekFormat::v4_0731:
      return "deepseek-v4-0731";
  }
  return "";
}

Result<std::vector<Piece>> encode_deepseek(DeepseekFormat format, const Conversation& conversation) {
  TRY_ASSIGN(auto messages, deepseek::read_messages(conversation));
  const bool thinks = conversation.thinking.value_or(conversation.effort != "none");
  const bool prompts = conversation.add_generation_prompt && !conversation.continue_final_message;
  if (format == DeepseekFormat::v32) return deepseek::encode_v32(std::move(messages), thinks, prompts);
  const auto efforts = format == DeepseekFormat::v4 ? deepseek::Efforts::preview : deepseek::Efforts::three;
  return deepseek::encode_v4(std::move(messages), thinks, prompts, efforts, conversation.effort);
}

}  // namespace freehold
