// Reading: a question that the rules cannot read, said again by a model in plain words, which the rules read as they
// read any other. The model is told the names of record types and fields and writes a question, no plan, no SQL and no
// number: what it writes has an answer only where the rules know all of its words. It is believed only where
//   - it kept what the rules understood of the question (library/faithful.h)
//   - of several drawn, most come to the same plan, and none to another
#pragma once

#include "library/plan.h"
#include "library/writer.h"

namespace freehold::papers {

// The plan of what a model made of the question; without one, `why` says so for people.
struct ModelPlan {
  std::optional<Plan> plan = {};
  std::string why = {};
  std::string said = {};  // the question in the model's words
};
// `keys`: the names that the question was taken apart with, beside those of the vocabulary.
Result<ModelPlan> plan_by_model(Database& database, const Question& question, const Names& keys, const Plan& by_rules,
                                const Vocabulary& vocabulary, const Domain& domain, const Writer& model);

}  // namespace freehold::papers
