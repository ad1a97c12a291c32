#include "library/readers/launcher.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "library/readers/child.h"

namespace freehold::papers {
namespace {

// A page with one line of text.
std::string small_pdf() {
  return "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
         "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R"
         "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
         "4 0 obj<</Length 43>>stream\nBT /F 12 Tf 20 50 Td (Bearing failed) Tj ET\nendstream endobj\n"
         "trailer<</Root 1 0 R>>\n%%EOF\n";
}

TEST(LauncherTest, PrintsWhatTheProgramWouldHere) {
  if (!is_installed(Job::pdf_words)) GTEST_SKIP() << "pdftotext is not installed";
  const auto launcher = Launcher::start();
  ASSERT_TRUE(launcher) << launcher.error().what;
  const auto here = start_here(Job::pdf_words, 0, small_pdf(), "a.pdf");
  ASSERT_TRUE(here) << here.error().what;
  EXPECT_NE(here->find("Bearing"), std::string::npos);
  for (int i = 0; i < 3; ++i) {
    const auto there = (*launcher)->run(Job::pdf_words, 0, small_pdf(), "a.pdf");
    ASSERT_TRUE(there) << there.error().what;
    EXPECT_EQ(*there, *here);
  }
  const auto picture = (*launcher)->run(Job::pdf_page, 1, small_pdf(), "a.pdf");
  ASSERT_TRUE(picture) << picture.error().what;
  EXPECT_TRUE(picture->starts_with("P5"));
}

TEST(LauncherTest, AFaultComesThroughWithItsClass) {
  if (!is_installed(Job::pdf_words)) GTEST_SKIP() << "pdftotext is not installed";
  const auto launcher = Launcher::start();
  ASSERT_TRUE(launcher) << launcher.error().what;
  for (int i = 0; i < 2; ++i) {
    const auto none = (*launcher)->run(Job::pdf_words, 0, "no PDF", "odd.pdf");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().fault, Fault::malformed);
    EXPECT_NE(none.error().what.find("odd.pdf: pdftotext"), std::string::npos) << none.error().what;
  }
}

TEST(LauncherTest, ItsEndIsAnErrorAndNotOurs) {
  const auto launcher = Launcher::start();
  ASSERT_TRUE(launcher) << launcher.error().what;
  ::kill((*launcher)->process(), SIGKILL);
  ::siginfo_t gone;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>((*launcher)->process()), &gone, WEXITED | WNOWAIT), 0);
  for (int i = 0; i < 2; ++i) {
    const auto none = (*launcher)->run(Job::pdf_words, 0, std::string(1 << 20, 'x'), "a.pdf");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().fault, Fault::io);
  }
}

// One that took too long costs that paper: the next ones get their own answers.
TEST(LauncherTest, ATimeOutCostsOnePaper) {
  const auto launcher = Launcher::start();
  ASSERT_TRUE(launcher) << launcher.error().what;
  const auto answer_of = [&](const std::string& name, std::chrono::milliseconds patience) {
    const auto printed = (*launcher)->run(Job::pdf_words, 0, name + std::string(4 << 20, 'x'), name, patience);
    EXPECT_FALSE(printed);  // it is no PDF, or the program is not installed
    return printed ? std::string() : printed.error().what;
  };
  const std::chrono::milliseconds none{0}, little{2}, enough{60'000};
  EXPECT_NE(answer_of("first.pdf", none).find("first.pdf: its program took longer"), std::string::npos);
  EXPECT_NE(answer_of("second.pdf", none).find("second.pdf: a program is still busy"), std::string::npos);
  EXPECT_NE(answer_of("third.pdf", enough).find("third.pdf: pdftotext"), std::string::npos);
  for (int i = 0; i < 5; ++i) {
    answer_of("late.pdf", little);
    EXPECT_NE(answer_of("next.pdf", enough).find("next.pdf: pdftotext"), std::string::npos);
  }
}

TEST(LauncherTest, WhatNoJobAsksForEndsIt) {
  const auto launcher = Launcher::start();
  ASSERT_TRUE(launcher) << launcher.error().what;
  EXPECT_FALSE((*launcher)->run(static_cast<Job>(jobs), 0, "x", "a"));
  const auto other = Launcher::start();
  ASSERT_TRUE(other) << other.error().what;
  EXPECT_FALSE((*other)->run(Job::pdf_page, 1000, "x", "a"));
}

TEST(LauncherTest, ItMayNotWinRightsBack) {
  const auto launcher = Launcher::start();
  ASSERT_TRUE(launcher) << launcher.error().what;
  (void)(*launcher)->run(Job::pdf_words, 0, "x", "a");  // it is ready
  std::ifstream file("/proc/" + std::to_string((*launcher)->process()) + "/status");
  const std::string status(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos);
}

}  // namespace
}  // namespace freehold::papers
