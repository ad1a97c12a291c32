// Piece: a stretch of a rendered prompt and who wrote it. Only what the template wrote may become special tokens; what
// a request brought (a user's text, a document, a tool's schema) is text, whatever it spells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace freehold {

enum class Author : uint8_t { the_template, the_request };
struct Piece {
  std::string text;
  Author author;
};
std::string joined(const std::vector<Piece>&);

}  // namespace freehold
