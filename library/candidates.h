// Candidates: questions that a library can answer and that are near to one which the rules could not read, offered
// instead of it. Each asks for one thing of one record type, with all values, times and amounts that the question
// names, in words that the rules read back as the same plan. They are ranked by what of the question is in them: what
// its words of asking leave open, the names it has, the words and letters it shares with how people ask for such a
// thing. None is answered unasked: those that are nearest are often not what was meant.
#pragma once

#include "library/plan.h"

namespace freehold::papers {

// The nearest first, at most `most`; none where a name or a number of the question is not in the papers, or nothing is
// near.
std::vector<std::string> nearest_questions(const Question& question, const Names& keys, const Plan& by_rules,
                                           const Vocabulary& vocabulary, const Domain& domain, size_t most);

}  // namespace freehold::papers
