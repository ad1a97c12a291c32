#include "model/points.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

TEST(Points, OwnNamesComeBack) {
  for (int p = 0; p < point_count; ++p) {
    const auto point = static_cast<Point>(p);
    const PointId id{point, is_per_layer(point) ? 17 : 0};
    const auto parsed = parse_point(text_of(id));
    ASSERT_TRUE(parsed) << text_of(id);
    EXPECT_EQ(*parsed, id);
  }
}

TEST(Points, AliasesNameTheSamePlace) {
  const auto same = [](std::string_view alias, PointId id) {
    const auto parsed = parse_point(alias);
    ASSERT_TRUE(parsed) << alias;
    EXPECT_EQ(*parsed, id) << alias;
  };
  same("blocks.3.hook_resid_post", {Point::resid_post, 3});
  same("blocks.3.hook_out", {Point::resid_post, 3});
  same("blocks.0.hook_in", {Point::resid_pre, 0});
  same("blocks.12.attn.hook_pattern", {Point::attn_probs, 12});
  same("blocks.7.attn.o.hook_in", {Point::z, 7});
  same("ln_final.hook_normalized", {Point::final_norm, 0});
}

TEST(Points, OthersAreRefused) {
  for (const char* text :
       {"", "resid_post", "resid_post.", "resid_post.x", "resid_post.-1", "resid_post.4096", "resid_post.3.4",
        "final_norm.0", "blocks..hook_in", "blocks.1.hook_nothing", "resid_post.99999999999999999999"})
    EXPECT_FALSE(parse_point(text)) << text;
}

}  // namespace
}  // namespace freehold
