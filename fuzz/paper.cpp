// Any bytes as a paper of each format: refused or read, within the caps; its tables keep their shape, its columns a
// type.
#include <string>

#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "library/paper.h"
#include "library/table_shape.h"
#include "library/values.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  if (input.empty()) return;
  static constexpr const char* names[] = {"a.csv", "a.txt", "a.md", "a.json", "a.jsonl", "a.html", "a.eml", "a.bin"};
  const auto text = fuzz::text_of(input);
  const auto paper = papers::read_paper(names[static_cast<size_t>(text[0]) % 8], text.substr(1));
  if (!paper) {
    fuzz::expect(paper.error().what.size() <= 320);
    return;
  }
  for (const papers::Grid& grid : paper->grids) {
    const auto shape = papers::shape_of(grid, {"total"});
    fuzz::expect(shape.headers.size() <= limits::table_columns + 1);
    for (const size_t row : shape.left_out) fuzz::expect(row < grid.rows.size());
    std::vector<const papers::Cell*> cells;
    for (const papers::GridRow& row : grid.rows)
      for (const papers::Cell& cell : row.cells) cells.push_back(&cell);
    const auto type = papers::type_column(shape.headers.empty() ? "" : shape.headers[0], cells);
    for (const papers::Cell* cell : cells) papers::value_of(*cell, type);
  }
}
