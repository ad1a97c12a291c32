#include "base/sealed_bytes.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

SealKey key_of(unsigned char first) {
  SealKey key{};
  key[0] = first;
  return key;
}

TEST(SealedBytes, OpenUnderTheirOwnKeyAndNameOnly) {
  for (const size_t size : {0u, 1u, 15u, 16u, 17u, 100'000u}) {
    const std::string text(size, 'x');
    const auto sealed = seal_bytes(key_of(1), "name", text);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), size + sealed_overhead);
    EXPECT_EQ(*open_sealed(key_of(1), "name", *sealed), text);
    EXPECT_EQ(open_sealed(key_of(2), "name", *sealed).error().fault, Fault::integrity);
    EXPECT_EQ(open_sealed(key_of(1), "other", *sealed).error().fault, Fault::integrity);
  }
}

TEST(SealedBytes, EachSealingIsAnother) {
  const std::string text(64, 'x');
  const auto one = seal_bytes(key_of(1), "name", text), two = seal_bytes(key_of(1), "name", text);
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->substr(8, 32), two->substr(8, 32));
  EXPECT_NE(one->substr(40), two->substr(40));
  EXPECT_EQ(one->find("xxxx"), std::string::npos);
}

TEST(SealedBytes, EveryChangedBitAndEveryCutIsRefused) {
  const std::string sealed = *seal_bytes(key_of(1), "name", "what was said");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string other = sealed;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(open_sealed(key_of(1), "name", other)) << i;
    EXPECT_FALSE(open_sealed(key_of(1), "name", sealed.substr(0, i))) << i;
  }
  EXPECT_FALSE(open_sealed(key_of(1), "name", sealed + 'x'));
  EXPECT_EQ(open_sealed(key_of(1), "name", "FHSEAL02" + sealed.substr(8)).error().fault, Fault::unsupported);
  EXPECT_EQ(open_sealed(key_of(1), "name", "GGUF" + sealed).error().fault, Fault::malformed);
}

TEST(SealedBytes, HmacIsThatOfRfc4231) {  // case 2 has a short key, which zeros fill up
  SealKey key{};
  key[0] = 'J', key[1] = 'e', key[2] = 'f', key[3] = 'e';
  const auto sum = hmac_sha256(key, "what do ya want for nothing?");
  EXPECT_EQ(std::make_tuple(sum[0], sum[1], sum[2], sum[31]), std::make_tuple(0x5b, 0xdc, 0xc1, 0x43));
}

}  // namespace
}  // namespace freehold
