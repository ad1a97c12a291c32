// One byte for the format, then JSON: a conversation ({"messages", "tools", "thinking", "effort", "continue"}). It is
// refused with a clean error, or becomes pieces that alternate between the authors, of which ours hold nothing that
// only the request could have written.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.h"
#include "text/deepseek_encoding.h"
#include "text/utf8.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  if (input.empty()) return;
  constexpr std::string_view canary = "\xee\x80\x80";  // U+E000, private use: no encoder writes it
  const auto format = static_cast<DeepseekFormat>(static_cast<unsigned>(input[0]) % 3);
  const auto given = parse_json(fuzz::text_of(input.subspan(1)), "conversation", {.bytes = 1 << 16});
  if (!given || !given->is_object()) return;
  Conversation conversation;
  const auto member = [&](const char* name) { return given->contains(name) ? (*given)[name] : Json(); };
  conversation.messages = member("messages");
  conversation.tools = member("tools");
  if (const Json thinking = member("thinking"); thinking.is_boolean()) conversation.thinking = thinking.get<bool>();
  if (const Json effort = member("effort"); effort.is_string()) conversation.effort = effort;
  conversation.continue_final_message = member("continue") == true;
  conversation.add_generation_prompt = member("answer") != false;
  const auto pieces = encode_deepseek(format, conversation);
  if (!pieces) {
    fuzz::expect(is_clean_utf8(pieces.error().what) && pieces.error().what.size() <= 310);
    return;
  }
  for (size_t i = 0; i < pieces->size(); ++i) {
    const Piece& piece = (*pieces)[i];
    fuzz::expect(!piece.text.empty() && valid_utf8(piece.text));
    fuzz::expect(i == 0 || piece.author != (*pieces)[i - 1].author);
    fuzz::expect(piece.author == Author::the_request || piece.text.find(canary) == std::string::npos);
  }
}
