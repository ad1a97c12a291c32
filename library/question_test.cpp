// Questions in the words of people: what says the same is answered the same, and what narrows is never passed over.
#include "library/testing/plant.h"

namespace freehold::papers {
namespace {

TEST_F(Plant, OtherWordingsAskTheSame) {
  ingest();
  const std::pair<const char*, Json> wordings[] = {
      // misspelt
      {"How many tmes did BC01 brake down in 2020?", 3},
      {"Hwo many failuers did BC-01 hav in 2020?", 3},
      {"How many belt egde failurs were there in 2020?", 3},
      {"Were is BC-01 instaled, I mean when was it installed?", "2019-05-01"},
      // as people talk at work
      {"How often did BC-01 go belly up in 2020?", 3},
      {"How often has Old Bertha been on its back in 2020?", 3},
      {"When did they put BC-01 in?", "2019-05-01"},
      {"Which rig had the most failures in 2020?", "BC-01"},
      {"How many PMs did the lads do in 2020?", 1},
      {"How many hours was PU-01 stuck in 2021, duration-wise?", 100.0 / 60},
      // few words
      {"BC-01 main failure point", "belt edge"},
      {"machines without failure 2020", "PU-01"},
      // formal
      {"Which machines did not have any failure in 2020?", "PU-01"},
      {"Kindly state the date of installation of BC-01.", "2019-05-01"},
      {"Please ascertain which single machine had more failures than any other in the course of 2020.", "BC-01"},
      // with a story around it
      {"The crew keeps complaining about BC-01, so how many failures did it have in 2020?", 3},
      {"I need to put together a quotation and for that I have to know the model of BC-01.", "X"},
      {"The foreman is retiring and wants to know for his speech how many failures BC-01 had in 2020.", 3},
      {"I want to plan the inspection of BC-01 better, therefore I need to know what its model is.", "X"}};
  for (const auto& [question, value] : wordings) {
    const Answer answer = ask(question);
    EXPECT_EQ(answer.status, "answered") << question << ": " << answer.text;
    const Json found = answer.value.is_array() && answer.value.size() == 1 ? answer.value[0] : answer.value;
    if (value.is_number())
      EXPECT_NEAR(found.is_number() ? found.get<double>() : -1, value.get<double>(), 1e-5) << question;
    else
      EXPECT_EQ(found, value) << question;
  }
}

TEST_F(Plant, WhatNarrowsIsNotPassedOver) {
  ingest();
  for (const char* question :
       {"How many first failures did BC-01 have in 2020?", "How many failures did BC-01 have last year?",
        "How many failures did BC-01 have on Sundays?", "How many machines were sold in 2019?",
        "How many failures were caused by technicians in 2020?", "How many failures did not stop BC-01 in 2020?",
        "How many failures except on BC-01 were there in 2020?", "How much did we lose on BC-01 in 2020?",
        "How many men work on BC-01?", "How many single failures did BC-01 have in 2020?",
        "What is the main drive of BC-01?", "How many other failures were there in 2020?"})
    EXPECT_NE(ask(question).status, "answered") << question << ": " << ask(question).text;
}

}  // namespace
}  // namespace freehold::papers
