// Questions in the words of people: what says the same is answered the same, and what narrows is never passed over.
#include "library/english.h"
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
      {"How many failures in Q1/2020 did BC-01 have, pls?", 3},
      {"failures 02/2020 BC-01", 3},
      {"How many failures have there been since 2020, up to now, on BC-01?", 3},
      {"How many failures did BC-01 have prior to 2021?", 3},
      // with a story around it
      {"The brakes of my car squeal and prices went mad, they say: how many failures did BC-01 have in 2020?", 3},
      {"For the audit, we have to give the number of failures in 2021, so how many were there?", 2},
      {"For the audit, please check if the failures of BC-01 rose or fell from 2020 to 2020.", "flat"},
      {"The crew keeps complaining about BC-01, so how many failures did it have in 2020?", 3},
      {"I need to put together a quotation and for that I have to know the model of BC-01.", "X"},
      {"The foreman is retiring and wants to know for his speech how many failures BC-01 had in 2020.", 3},
      {"The boss wants to scrap the machine that had the most failures in 2020, which one is it?", "BC-01"},
      {"We can scrap one machine, and it should be the one with the most failures in 2020 - which is that?", "BC-01"},
      {"Nobody who was here when BC-01 was installed is with us today, so when was that?", "2019-05-01"},
      {"My colleagues, who were asleep, would like to hear how many failures BC-01 had in 2020.", 3},
      {"The same order comes again and again, which makes me ask how many failures BC-01 had in 2020.", 3},
      {"How many failures did BC-01 have in 2020 before I order the wrong spare?", 3},
      {"To see what we did not make I need the total downtime of BC-01 in 2020 in minutes.", 90},
      {"I'd say it is the impeller, but what fails most on BC-01?", "belt edge"},
      // what is usual
      {"What keeps failing on BC-01?", "belt edge"},
      {"What kept failing on BC-01 in 2020?", "belt edge"},
      {"What normally fails on BC-01?", "belt edge"},
      {"What's BC-01's weak point?", "belt edge"},
      {"How many minutes is BC-01 down as a rule?", 30},
      {"How many planned orders did we have in 2020?", 1},
      {"How many times were we down in 2021?", 2},
      {"Which machine was down most often in 2020?", "BC-01"},
      {"What is the total of minutes that BC-01 was out in 2020?", 90},
      {"How many times has BC-01 bitten the dust in 2020?", 3},
      {"Which machines got through 2021 without a failure?", "BC-01"},
      {"How many failures did good old Bertha have in 2020?", 3},
      {"I want to plan the inspection of BC-01 better, therefore I need to know what its model is.", "X"},
      // what a story tells of the things asked about
      {"It is only about the machines installed after 2018, and for them I'd need to know how many failures we had.",
       3},
      {"We painted the hall at the end of 2019, so how many failures did BC-01 have in 2020?", 3},
      {"To see where it went I would like a list of the machines that had a belt edge failure in 2021.", "BC-02"},
      {"Please indicate whether the failures of BC-01 rose or fell from 2020 to 2020.", "flat"},
      // several of a kind by its first word, things that are not named
      {"How many failures did the belts have in 2021?", 1},
      {"Which ones had a belt edge failure in 2021?", "BC-02"},
      {"How many fo the failures in 2020 were on BC-01?", 3},
      // what looks like the least, or like an amount
      {"Which machines had at least one belt edge failure in 2021?", "BC-02"},
      {"How much downtime did BC-01 have over 2020?", 90},
      // times and amounts in words, and what is only said of them
      {"How many failures did BC-01 have from January to December 2020?", 3},
      {"failures BC-01 Jan-Dec 2020", 3},
      {"How many failures did BC-01 have in the first 6 months of 2020?", 3},
      {"How many failures did BC-01 have from 2020 up to the latest records?", 3},
      {"How many failures of BC-01 in 2020 took more than ninety minutes?", 0},
      {"On average how many minutes are we down when a belt edge fails on BC-01?", 30},
      {"When a belt edge fails on BC-01, how many minutes are we down on average?", 30},
      {"How many failures did BC-01, locally known as \xe2\x80\x9cOld Bertha\xe2\x80\x9d, have back in 2020?", 3},
      {"Could you add up the downtime of BC-01 in 2020 and give me the figure in minutes?", 90},
      {"What is the average number of days from one failure to the next on BC-01?",
       ask("What is the MTBF of BC-01?").value},
      {"Identify the machine with the largest failure count in 2020.", "BC-01"}};
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
  for (const char* question : {"How many first failures did BC-01 have in 2020?",
                               "How many failures did BC-01 have last year?",
                               "How many failures did BC-01 have on Sundays?",
                               "How many machines were sold in 2019?",
                               "How many failures were caused by technicians in 2020?",
                               "How many failures did not stop BC-01 in 2020?",
                               "How many failures except on BC-01 were there in 2020?",
                               "How much did we lose on BC-01 in 2020?",
                               "How many men work on BC-01?",
                               "How many single failures did BC-01 have in 2020?",
                               "What is the main drive of BC-01?",
                               "How many other failures were there in 2020?",
                               "How many express failures were there in 2020?",
                               "How many failures did BC-01 appeal in 2020?",
                               "How many failures were disputed by BC-01?",
                               "How many dogs did BC-01 have in 2020?",
                               "How many failures will BC-01 have in 2020?",
                               "How many failures did BC-01 have a month?",
                               "What does BC-01 earn?",
                               "How much is BC-01 paid?",
                               "Which machine is BC-01?",
                               "How many failures did Old Berthold have in 2020?",
                               "Whose fault was the breakdown of BC-01 in 2020?",
                               "Leaving out everything in 2020, how many failures did BC-01 have?",
                               "Which bit is on BC-01?",
                               "The machine that we sold was good, which one was it?",
                               "We saw BC-01 fail a lot in 2020, which one was it?",
                               "How many times did the downtime of BC-01 change?",
                               "Who was there when BC-01 failed most?",

                               "The boss asks how many people work on BC-01, so how many are there?",
                               "How many failures did BC-01 have in the first weeks of 2020?",
                               "When a customer complains, how many failures were there in 2020?",
                               "How many failures from one week to the next did BC-01 have?",
                               "Which machine had the most failures in 2020, not counting BC-01?",
                               "How many failures were there in 2020, not including BC-01?",
                               "How many failures came back in 2020?",
                               "How many locally made failures did BC-01 have?",
                               "How many good failures did BC-01 have in 2020?"})
    EXPECT_NE(ask(question).status, "answered") << question << ": " << ask(question).text;
}

// The paper that is read first has a column with nothing in it.
TEST_F(Plant, AnEmptyColumnDecidesNothing) {
  folder.write("papers/a first order.csv",
               "WO No;Date;Equipment;Component;Downtime [min];Order type;Technician\n"
               "WO-0009;13.02.2018;BC-01;belt edge;;corrective;Ida Holm\n");
  ingest();
  EXPECT_EQ(ask("How many minutes of downtime did BC-01 have in 2020?").value, 90);
}

TEST_F(Plant, APartOfAMachineIsWhatFailsOfIt) {
  folder.write("papers/parts.csv", "Part no;Supplier;Unit price\nQX-1;Velmont;12\nQX-2;Arda;15\n");
  ingest();
  EXPECT_EQ(ask("Which part of BC-01 fails most?").value, "belt edge");
  EXPECT_EQ(ask("Which of its parts has failed most often on BC-01?").value, "belt edge");
  EXPECT_NE(ask("Which part of BC-01 was ordered most?").status, "answered");
  EXPECT_EQ(ask("What is the unit price of the part QX-2?").value, 15);
}

TEST_F(Plant, WhoIsAskedOfOneRecord) {
  folder.write("papers/orders 2022.csv",
               "WO No;Date;Equipment;Component;Downtime [min];Order type;Technician\n"
               "WO-2001;13.02.2022;BC-01;belt edge;30;corrective;Ida Holm\n"
               "WO-2002;14.02.2022;BC-01;belt edge;30;corrective;Per Lund\n");
  ingest();
  EXPECT_EQ(ask("Who was the technician of WO-2001?").value, "Ida Holm");
  EXPECT_NE(ask("Who is the technician of BC-01?").status, "answered");
}

TEST(English, AWordOfItIsNoMisspelling) {
  for (const char* word : {"dogs", "colour", "color", "abandon", "zoo", "driving"})
    EXPECT_TRUE(is_english(word)) << word;
  for (const char* word : {"hte", "failuer", "", "a", "zzz", "drivng", "bandon"})
    EXPECT_FALSE(is_english(word)) << word;
}

// A number that stands once in each invoice is the shipment's all the same, and no other name of the invoice.
TEST_F(Plant, ANumberOfAnotherThingIsNoOtherName) {
  std::string shipments = "Shipment;Booked on;Carrier\n", invoices = "Invoice no;Shipment;Issued;Amount EUR\n";
  for (int i = 0; i < 40; ++i)
    shipments += fmt::format("SH{};{:02}.03.2020;{}\n", 700 + i, 1 + i % 28, i % 2 ? "Aquila" : "Boreas");
  for (int i = 0; i < 20; ++i) invoices += fmt::format("R-{};SH{};{:02}.04.2020;{}\n", 90 + i, 739 - i, 1 + i, 100 + i);
  folder.write("papers/shipments.csv", shipments);
  folder.write("papers/invoices.csv", invoices);
  ingest();
  EXPECT_EQ(ask("Which carrier had SH739?").value, "Aquila");
  EXPECT_EQ(ask("Which shipment is invoice R-90 for?").value, "SH739");
  EXPECT_EQ(ask("Which carrier had SH702?").value, "Boreas");
}

}  // namespace
}  // namespace freehold::papers
