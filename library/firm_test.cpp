// Papers of a firm of which no domain knows: a roaster that takes in loads, lends machines and is visited.
#include "library/testing/plant.h"

namespace freehold::papers {
namespace {

class Roaster : public Plant {
 protected:
  void SetUp() override {
    domain = *built_in_domain();
    folder.write(
        "papers/registers/farms_2020.csv",
        "Register of farms as of 1 January 2020\nFarm no.;Farm;Contact;Joined\nF01;Alta Finca;Ana Ruiz;05/03/2011\n"
        "F02;Bella Vista;Luis Mora;20/06/2012\nF03;Casa Verde;Eva Sol;28/09/2013\n");
    folder.write("papers/registers/Farms 31-12-2023.csv",
                 "Farm no.,Farm,Contact person,Member since\nF01,Alta Finca,Ana Ruiz,2011-03-05\n"
                 "F02,Bella Vista,Rosa Paz,2012-06-20\nF03,Casa Verde,Eva Sol,2013-09-28\n");
    folder.write("papers/registers/staff.md",
                 "| Name | Role |\n|---|---|\n| Kim Dale | buyer |\n| Pat Reed | buyer |\n| Jo Hart | roaster |\n");
    folder.write("papers/words.md", "# Words\n\n- **HLD** - held for a test, until the laboratory has answered\n");
    folder.write(
        "papers/intake/Intake 2020.csv",
        "Delivery note,Received,Farm no.,Net weight (t),State,Amount GBP\nDN101,03/02/2020,F01,1.250,OK,500.00\n"
        "DN102,14/02/2020,F02,2.000,HLD,800.00\nDN103,20/03/2020,F01,0.750,OK,300.00\n"
        "DN104,25/04/2020,F02,1.000,OK,400.00\nDN105,28/05/2020,F01,0.500,OK,200.00\n");
    folder.write("papers/intake/Intake 2021.csv",
                 "Delivery note;Received;Farm;Weight (kg);State;Payment\nDN201;2021-01-05;Alta Finca;1000;OK;\xc2\xa3"
                 "450.00\nDN202;2021-02-06;Alta Finca;2000;OK;\xc2\xa3"
                 "900.00\nDN203;2021-03-07;Bella Vista;1500;OK;\xc2\xa3"
                 "675.00\nDN204;2021-04-08;Alta Finca;500;HLD;\xc2\xa3"
                 "225.00\nDN205;2021-05-09;Bella Vista;800;OK;\xc2\xa3"
                 "360.00\n");
    folder.write("papers/accounts/for the auditor.csv",
                 "Delivery note,Date,Farm,kg,Paid\nDN201,2021-01-05,Alta Finca,1000,450.00\nDN202,2021-02-06,Alta "
                 "Finca,2000,900.00\nDN203,2021-03-07,Bella Vista,1500,675.00\nDN204,2021-04-08,Alta Finca,500,225.00\n"
                 "DN205,2021-05-09,Bella Vista,800,360.00\n");
    folder.write(
        "papers/loans/loans_2020.csv",
        "Out;Back;Machine;Farm;Days\n03.01.2020;06.01.2020;huller;Alta Finca;4\n10.02.2020;12.02.2020;washer;Bella "
        "Vista;3\n20.02.2020;25.02.2020;huller;Bella Vista;6\n");
    folder.write("papers/loans/loans_2021.csv",
                 "Machine,Farm,Collected,Returned,Days\nhuller,Alta Finca,2021-03-01,2021-03-02,2\nwasher,Alta "
                 "Finca,2021-04-01,2021-04-05,5\nhuller,Casa Verde,2021-05-01,2021-05-01,1\n");
    folder.write("papers/visits.csv",
                 "No.,Date,Farm,Buyer,Minutes\nV1,2020-02-01,Alta Finca,Kim Dale,30\nV2,2020-03-02,Bella Vista,Pat "
                 "Reed,45\nV3,2021-02-03,Alta Finca,Kim Dale,60\nV4,2021-05-04,Alta Finca,Pat Reed,20\n");
    folder.write(
        "papers/mail.eml",
        "From: a@b\nSubject: Correction to DN203\n\nHello,\n\nthe slip of DN203 was typed in wrongly. The list "
        "says 1,500 kg,\nthe right weight is 1,300 kg. The payment is therefore 585.00 and not 675.00.\n");
    ingest();
  }
  Json value(std::string_view question) {
    const Answer answer = ask(question);
    EXPECT_EQ(answer.status, "answered") << question << ": " << answer.text;
    return answer.value;
  }
};

TEST_F(Roaster, ARoleOfSeveralPersonsIsNoOtherNameOfTheirs) {
  EXPECT_EQ(value("How many visits did Kim Dale make?"), 2);
}
TEST_F(Roaster, TheLaterRegisterCounts) { EXPECT_EQ(value("Who is the contact person of Bella Vista?"), "Rosa Paz"); }
TEST_F(Roaster, AnExtractTellsOfNothingNew) { EXPECT_EQ(value("How many deliveries were there in 2021?"), 5); }
TEST_F(Roaster, UnitsAreTurnedIntoEachOther) {
  EXPECT_EQ(value("What was the total weight of the deliveries of Alta Finca in 2020, in kg?"), 2500);
  EXPECT_EQ(value("What was the total amount of the deliveries in 2020, in pounds?"), 2200);
  EXPECT_NE(ask("What was the total amount of the deliveries in 2020, in dollars?").status, "answered");
}
TEST_F(Roaster, DatesThatFollowEachOtherAreOneUnderOtherHeaders) {
  EXPECT_EQ(value("How many loans of the huller were there in 2020?"), 2);
  EXPECT_EQ(value("How many loans of the huller were there in 2021?"), 2);
}
TEST_F(Roaster, TwoYearsAreBoth) {
  EXPECT_EQ(value("How many visits were there in 2020 and 2021?"), 4);
  EXPECT_NE(ask("How many visits were there in 2020 and 2023?").status, "answered");
}
TEST_F(Roaster, AColumnOfNumbersIsNoNegation) {
  EXPECT_EQ(value("Which farms had no visit in 2020?"), Json::array({"Casa Verde"}));
}
TEST_F(Roaster, ANoticeMayTakeSeveralLines) {
  EXPECT_EQ(value("What is the weight of DN203?"), 1300);
  EXPECT_EQ(value("What was the total payment for deliveries of Bella Vista in 2021?"), 945);
}
TEST_F(Roaster, ACodeIsCalledByItsMeaning) {
  EXPECT_EQ(value("How many deliveries were held for a test in 2020?"), 1);
  EXPECT_EQ(value("How many deliveries were HLD in 2021?"), 1);
}

}  // namespace
}  // namespace freehold::papers
