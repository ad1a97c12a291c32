// What a person should look at, and what becomes of his decisions.
#include "library/review.h"

#include "library/forget.h"
#include "library/testing/plant.h"
#include "library/view.h"

namespace freehold::papers {
namespace {

class Review : public Plant {
 protected:
  void SetUp() override {
    Plant::SetUp();
    folder.write("papers/later.csv",
                 "WO No;Date;Equipment;Component;Downtime [min];Order type\nWO-1003;15.03.2020;BC-02;bearing;75;"
                 "corrective\n");
    folder.write("papers/notes.txt", "Shift notes\n\n13.02.2020\n- BC-01: hums a little tune\n");
    ingest();
  }
  Store open() {
    auto store = Store::open(folder / "l.sqlite", Database::Mode::write);
    EXPECT_TRUE(store) << store.error().what;
    return std::move(*store);
  }
  std::vector<ReviewItem> list() {
    Store store = open();
    const auto items = review_list(store.database());
    EXPECT_TRUE(items) << items.error().what;
    return *items;
  }
  ReviewItem item_of(const std::string& record) {
    for (const ReviewItem& item : list())
      if (item.record == record && item.field == "downtime") return item;
    ADD_FAILURE() << "no item of " << record;
    return {};
  }
  void decide_on(const std::string& id, const std::optional<std::string>& value) {
    Store store = open();
    const auto done = decide(store, domain, id, value, "M. Weber", "2026-01-02");
    EXPECT_TRUE(done) << done.error().what;
  }
};

TEST_F(Review, ConflictsAndOpenLinesAreListed) {
  const ReviewItem item = item_of("WO1003");
  EXPECT_EQ(item.type, "event");
  EXPECT_EQ(std::set<std::string>({item.used, item.other}), (std::set<std::string>{"60", "75"}));
  const auto items = list();
  EXPECT_TRUE(std::any_of(items.begin(), items.end(), [](const ReviewItem& one) {
    return one.file == "notes.txt" && one.field.empty() && one.other.find("tune") != std::string::npos;
  }));
}

TEST_F(Review, ACorrectionCountsAndStays) {
  const std::string question = "What was the downtime of WO-1003?";
  const ReviewItem item = item_of("WO1003");
  decide_on(item.id, "68");
  EXPECT_EQ(ask(question).value, 68) << ask(question).text;
  folder.write("papers/more.txt", "nothing of note\n");
  ingest();
  EXPECT_EQ(ask(question).value, 68);
  for (const ReviewItem& one : list()) EXPECT_FALSE(one.record == "WO1003" && one.field == "downtime");
  bool said = false;
  for (const std::string& note : ask(question).notes) said |= note.find("M. Weber on 2026-01-02") != std::string::npos;
  EXPECT_TRUE(said);
  Store store = open();
  const auto all = decisions(store.database());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*all)[0].was, item.used);
  EXPECT_EQ((*all)[0].value, "68");
}

TEST_F(Review, AcceptedItemsLeaveTheList) {
  const auto before = list();
  for (const ReviewItem& item : before) decide_on(item.id, std::nullopt);
  EXPECT_FALSE(before.empty());
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(ask("How many minutes of downtime did PU-01 have in 2021?").value, 100);
}

TEST_F(Review, WrongDecisionsAreRefused) {
  Store store = open();
  const std::string id = item_of("WO1003").id;
  EXPECT_EQ(decide(store, domain, "00000000", "5", "x", "2026-01-02").error().fault, Fault::usage);
  EXPECT_EQ(decide(store, domain, id, "a while", "x", "2026-01-02").error().fault, Fault::usage);
  for (const ReviewItem& item : list()) {
    if (!item.field.empty()) continue;
    EXPECT_EQ(decide(store, domain, item.id, "5", "x", "2026-01-02").error().fault, Fault::usage);
  }
}

// A decision tells of the papers that it rests on.
TEST_F(Review, DecisionsAreSeenAndForgottenWithTheirPapers) {
  decide_on(item_of("WO1003").id, "68");
  folder.write("l.labels.json", R"({"later.csv": ["staff"]})");
  const auto seen_with = [&](const std::set<std::string>& held) {
    auto view = open_view(folder / "l.sqlite", held, domain);
    EXPECT_TRUE(view) << view.error().what;
    const auto vocabulary = load_vocabulary(view->database(), domain);
    return answer_question(view->database(), *vocabulary, domain, "What was the downtime of WO-1003?", 10)->value;
  };
  EXPECT_EQ(seen_with({"staff"}), 68);
  EXPECT_EQ(seen_with({}), 60);
  Store store = open();
  const auto gone = forget_paper(store, folder / "l.sqlite", domain, "later.csv");
  ASSERT_TRUE(gone) << gone.error().what;
  EXPECT_TRUE(decisions(store.database())->empty());
}

}  // namespace
}  // namespace freehold::papers
