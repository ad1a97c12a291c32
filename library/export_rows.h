// The rows behind an answer as a file for other programs: the paper, the place in it, and the cells as they stand
// there.
#pragma once

#include "library/answer.h"

namespace freehold::papers {

std::string rows_as_csv(const Answer& answer);
Result<std::string> rows_as_workbook(const Answer& answer);  // the bytes of an xlsx

}  // namespace freehold::papers
