// Paper: what a reader makes of one file, whatever its format: grids of cells and passages of text, each with the place
// where it stood. A place is what follows '#' in a citation: "L12" (line), "Sheet1!12" (sheet and row), "table 2 row
// 3".
//
// Every byte comes from outside. Readers follow nothing (links, formulas, entities, scripts) and keep to the caps of
// base/limits.h; what they leave out they say in `notes`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::papers {

struct Cell {
  std::string text;    // UTF-8, trimmed
  bool exact = false;  // a number with a decimal point, or an ISO date, as a program stored it
};
struct GridRow {
  std::string place;
  std::vector<Cell> cells;
};
struct Grid {
  std::string place, title;
  std::vector<GridRow> rows;
};
struct Passage {
  std::string place, heading, text;  // heading: what governs it, a title or a date
};
struct Paper {
  std::string title, read_as;
  std::vector<Grid> grids;
  std::vector<Passage> passages;
  std::vector<std::string> notes;
};

enum class Nesting : uint8_t { file, attachment };  // an attachment's own attachments are named, not read

// Tells the format by content, then by the name's ending. `name` stands first in errors.
Result<Paper> read_paper(std::string_view name, std::string_view bytes, Nesting nesting = Nesting::file);

}  // namespace freehold::papers
