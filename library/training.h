// Examples to tune a model on, made from a library's own records: questions with their plans, lines of text with the
// records they tell, questions and rows with the answer. Every plan was run and every answer counted; a fourth of the
// questions has no answer, and says so. Nothing is put into them that the papers do not hold.
#pragma once

#include "library/answer.h"

namespace freehold::papers {

struct Training {
  std::string train, held_out;                              // JSON lines {"kind", "messages": [user, assistant]}
  std::map<std::string, std::pair<size_t, size_t>> counts;  // kind -> in train, in held_out
};
// Held out: a tenth of the things and lines that are named, by their name; the last year; one form of question. `most`:
// questions asked.
Result<Training> make_training(Database& database, const Vocabulary& vocabulary, const Domain& domain, size_t most);

}  // namespace freehold::papers
