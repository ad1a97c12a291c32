// V4: a tool's results stand in the user's turn, in the order of the calls; reasoning is kept whole once there are
// tools; an effort may be asked for; quick tasks and a reminder have tokens of their own.
#pragma once

#include "text/deepseek_pieces.h"

namespace freehold::deepseek {

enum class Efforts : uint8_t { preview, three };

Result<std::vector<Piece>> encode_v4(std::vector<Message>, bool thinks, bool add_generation_prompt, Efforts,
                                     std::string_view effort);

}  // namespace freehold::deepseek
