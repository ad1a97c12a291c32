// V3.2: tools in the system turn, results in a turn of their own, reasoning kept after the last question only.
#pragma once

#include "text/deepseek_pieces.h"

namespace freehold::deepseek {

Result<std::vector<Piece>> encode_v32(std::vector<Message>, bool thinks, bool add_generation_prompt);

}  // namespace freehold::deepseek
