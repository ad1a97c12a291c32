// Reading: a question that the rules cannot read, read by a model. First it only says what each word that the rules
// could not place stands for, and the rules read the question once more, with those words as names (Planner::make_with);
// then it chooses the record type, what is asked, the field and the grouping too (Planner::make_as).
// All that it can say are names that exist, which are the literals of its grammar. Values, times and amounts that the
// question names are placed by the rules as ever, and what was chosen is believed only where
//   - every word is accounted for, and what it is said to stand for is in the plan
//   - the field and the grouping are named by words of the question
//   - the model, asked again, comes to the same plan, and the rules with its words to no other
#pragma once

#include "library/plan.h"
#include "library/writer.h"

namespace freehold::papers {

// What a word that the rules could not place stands for.
struct Meaning {
  enum class What : uint8_t {
    nothing,  // it narrows nothing
    records,  // what is counted, or happens
    field,
    value,
    other,  // something that the papers do not hold
  };
  std::string word;
  What what = What::other;
  Place place;        // field, value
  std::string value;  // value
};
struct Reading {
  std::string type;
  Ask ask = Ask::count;
  bool ascending = false;
  std::optional<Place> field, group;
  std::string period;
  std::vector<Meaning> words;
};

// Whether the rules read all of the question: only then is the plan carried out.
bool is_whole(const Plan& plan);
bool same_plan(const Plan& a, const Plan& b);  // in whatever order their conditions stand
// What the words of asking leave open of it: "how many" asks for no mean. Empty: anything.
std::vector<Ask> asks_left(const Question& question);

// The plan as a model reads it; without one, `why` says so for people.
struct ModelPlan {
  std::optional<Plan> plan = {};
  std::string why = {};
  std::vector<std::string> notes = {};  // what it took the words for
};
// `keys`: the names that the question was taken apart with, beside those of the vocabulary.
Result<ModelPlan> plan_by_model(Database& database, const Question& question, const Names& keys, const Plan& by_rules,
                                const Vocabulary& vocabulary, const Domain& domain, const Writer& model);

}  // namespace freehold::papers
