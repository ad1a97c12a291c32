#include "library/places.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "library/store.h"

namespace freehold::papers {
namespace {

class Places : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + fmt::format("places_{}", ::getpid());
    std::filesystem::create_directories(folder_ / "in");
    std::string csv = "Order,Point,Day\n";
    for (int i = 1; i <= 9; ++i) csv += fmt::format("W-{},point {},2020-01-0{}\n", i, i, i);
    ASSERT_TRUE(replace_file(folder_ / "in/orders.csv", csv));
    ASSERT_TRUE(replace_file(folder_ / "in/notes.txt", "first line\n\nsecond line\n\nthird line\n"));
    auto store = Store::open(folder_ / "x.sqlite", Database::Mode::write);
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->add_folder(folder_ / "in", {}, [](double) { return true; }));
    auto opened = Store::open(folder_ / "x.sqlite", Database::Mode::read);
    ASSERT_TRUE(opened);
    store_ = std::make_unique<Store>(std::move(*opened));
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Path folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(Places, HoldingsAndPapers) {
  const auto all = holdings(store_->database());
  ASSERT_TRUE(all);
  EXPECT_EQ(all->papers, 2u);
  EXPECT_EQ(all->failed, 0u);
  const auto papers = held_papers(store_->database(), 10);
  ASSERT_TRUE(papers);
  ASSERT_EQ(papers->size(), 2u);
  EXPECT_EQ((*papers)[0].path, "notes.txt");
  EXPECT_EQ((*papers)[1].rows, 9u);
  EXPECT_EQ(all->rows, (*papers)[0].rows + 9);
  EXPECT_EQ(held_papers(store_->database(), 1)->size(), 1u);
}

TEST_F(Places, ARowStandsAmongItsNeighbours) {
  const auto shown = show_place(store_->database(), "orders.csv", "L5", 2);
  ASSERT_TRUE(shown) << shown.error().what;
  EXPECT_EQ(shown->headers, (std::vector<std::string>{"Order", "Point", "Day"}));
  ASSERT_EQ(shown->rows.size(), 5u);
  EXPECT_EQ(shown->rows[2].cells, (std::vector<std::string>{"W-4", "point 4", "2020-01-04"}));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(shown->rows[i].meant, i == 2);
  EXPECT_TRUE(shown->more_before && shown->more_after);
  const auto first = show_place(store_->database(), "orders.csv", "L2", 2);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->rows[0].meant && !first->more_before && first->more_after);
  const auto whole = show_place(store_->database(), "orders.csv", "L10", 50);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->rows.size(), 9u);
  EXPECT_TRUE(whole->rows[8].meant && !whole->more_before && !whole->more_after);
}

TEST_F(Places, LinesOfText) {
  const auto papers = held_papers(store_->database(), 10);
  ASSERT_TRUE(papers);
  const auto shown = show_place(store_->database(), "notes.txt", "L1", 5);
  ASSERT_TRUE(shown) << shown.error().what;
  EXPECT_TRUE(shown->headers.empty());
  EXPECT_EQ(shown->rows.size(), (*papers)[0].rows);
  EXPECT_TRUE(shown->rows[0].meant);
}

TEST_F(Places, WhatIsNotThereIsSaid) {
  for (const auto& [file, place] :
       {std::pair("orders.csv", "L99"), std::pair("../orders.csv", "L2"), std::pair("' OR 1=1 --", "L2")}) {
    const auto shown = show_place(store_->database(), file, place, 2);
    ASSERT_FALSE(shown);
    EXPECT_EQ(shown.error().fault, Fault::usage);
  }
}

}  // namespace
}  // namespace freehold::papers
