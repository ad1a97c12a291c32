// What is offered for a question that could not be read.
#include "library/candidates.h"

#include "library/testing/plant.h"

namespace freehold::papers {
namespace {

TEST_F(Plant, WhatIsOfferedCanBeAsked) {
  ingest();
  for (const char* question : {"Which machine coughed up the most failures in 2021, moaning about it?",
                               "How many insured failures were there in 2020?", "What is the moodiness of BC-01?",
                               "Did the sulky failures rise or fall between 2020 and 2021?"}) {
    const Answer refused = ask(question);
    ASSERT_NE(refused.status, "answered") << question;
    EXPECT_FALSE(refused.suggestions.empty()) << question;
    for (const std::string& offered : refused.suggestions) {
      const Answer answer = ask(offered);
      EXPECT_EQ(answer.suggestions.size(), 0u) << offered;
      EXPECT_FALSE(answer.sql.empty()) << offered << ": " << answer.text;
    }
  }
  const std::vector<std::string> offered = ask("How many insured failures did BC-01 have in 2020?").suggestions;
  ASSERT_FALSE(offered.empty());
  EXPECT_EQ(ask(offered[0]).value, 3) << offered[0];
}

TEST_F(Plant, NothingIsOfferedForWhatThePapersDoNotName) {
  ingest();
  for (const char* question :
       {"How many failures did BC-77 have?", "How many failures did Zorro have in 2020?", "", "???"})
    EXPECT_TRUE(ask(question).suggestions.empty()) << question << ": " << ask(question).suggestions[0];
  EXPECT_TRUE(ask("How many failures did BC-01 have in 2020?").suggestions.empty());  // it was read
}

}  // namespace
}  // namespace freehold::papers
