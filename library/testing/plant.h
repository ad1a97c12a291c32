// A small plant's papers in a library, for tests: two exports of orders that overlap, a register, notes, a glossary, a
// mail that corrects.
#pragma once

#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"
#include "library/answer.h"

namespace freehold::papers {

inline constexpr const char* orders =
    "WO No;Date;Equipment;Component;Downtime [min];Order type\nWO-1001;13.02.2020;BC-01;belt "
    "edge;30;corrective\nWO-1002;14.02.2020;BC-01;belt edge;45;corrective\n"
    "WO-1003;15.03.2020;BC-02;bearing;60;corrective\nWO-1004;16.03.2020;BC-02;bearing;;preventive\nWO-1005;17.03.2021;"
    "BC-02;belt edge;20;corrective\nWO-1006;18.04.2021;PU-01;impeller;90;corrective\n";
inline constexpr const char* assets =
    "Equipment,Description,Model,Installed on,Also called\nBC-01,belt conveyor,X,2019-05-01,Old Bertha\nBC-02,belt "
    "conveyor,X,2017-06-01,\nPU-01,pump,P-7,2015-01-01,\n";

class Plant : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("papers/orders.csv", orders);
    folder.write("papers/copy of orders.csv", orders);
    folder.write("papers/assets.csv", assets);
    folder.write("papers/notes.txt",
                 "Shift notes\n\n13.02.2020\n- Old Bertha: belt edge torn, down 30 min\n- BC-02: bearing checked ok, "
                 "no stop\n20.02.2020\n- BC 01: belt edge frayed, down 15 min\n");
    folder.write("papers/glossary.md", "- fringe = belt edge\n");
    folder.write("papers/mail.eml",
                 "From: a@b\nSubject: Correction WO-1006\n\nthe downtime of WO-1006 was 100 min, not 90 min\n");
    domain = *built_in_domain();
  }
  IngestReport ingest() {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::write);
    EXPECT_TRUE(store) << store.error().what;
    auto report = store->add_folder(folder / "papers", domain, [](double) { return true; });
    EXPECT_TRUE(report) << report.error().what;
    const auto built = build_records(*store, domain);
    EXPECT_TRUE(built) << built.error().what;
    return *report;
  }
  Answer ask(std::string_view question) {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::read);
    EXPECT_TRUE(store) << store.error().what;
    const auto vocabulary = load_vocabulary(store->database(), domain);
    EXPECT_TRUE(vocabulary) << vocabulary.error().what;
    auto answer = answer_question(store->database(), *vocabulary, domain, question, 100);
    EXPECT_TRUE(answer) << answer.error().what;
    return *answer;
  }
  freehold::testing::TemporaryFolder folder;
  Domain domain;
};

}  // namespace freehold::papers
