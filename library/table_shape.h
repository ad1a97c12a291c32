// The table inside a grid: where its header is (one row, two under merged titles, or with a row of units), what stands
// before it (a preamble), and which rows are not data (blank, totals, the header again).
#pragma once

#include "library/paper.h"

namespace freehold::papers {

struct Shape {
  std::vector<std::string> headers;  // one for each column; empty: the grid holds no table
  size_t first_row = 0;              // of the data
  std::vector<size_t> left_out;      // rows from there on that are no data
  std::string preamble;
};
Shape shape_of(const Grid& grid, const std::vector<std::string>& total_words);

}  // namespace freehold::papers
