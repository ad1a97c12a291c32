// Faithful: whether a question said again in other words still asks for what it did, as far as the rules understood it:
// the same numbers, times, amounts and values, nothing narrower; what its words of asking leave open; the names that it
// has; and no word gone that said which of them are meant ("fatal failures").
#pragma once

#include "library/plan.h"

namespace freehold::papers {

// What is another than it was, for people; empty: nothing. `plan`: of what was said again.
std::string changed_in(const Question& question, const Question& again, const Plan& plan, const Vocabulary& vocabulary);

}  // namespace freehold::papers
