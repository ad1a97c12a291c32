// The point index_selected: what an indexer chose for each row, as numbers that observers see and may replace. Once for
// each sequence: [rows, columns], 1 where the row reads the thing of the column, else 0. Of a replaced value what is
// above 0.5 is read, as far as the row may see it.
#pragma once

#include <span>
#include <vector>

#include "model/pass.h"

namespace freehold {

struct SelectionRows {  // of one sequence
  int first_row, rows;
  int columns;               // things that its last row may see, and no fewer
  std::vector<int> visible;  // of each row: it may see columns 0..visible-1
};
// What a row does that an observer left nothing to read: nothing, or the last thing it may see, which is itself.
enum class EmptyRows : uint8_t { stay_empty, keep_last };

// Call it when the point is watched. The rows of all sequences, in order.
ops::Selection show_selection(Pass&, int layer, const ops::Selection&, std::span<const SelectionRows>, EmptyRows);

}  // namespace freehold
