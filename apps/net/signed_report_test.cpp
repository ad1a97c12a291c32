#include "apps/net/signed_report.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace freehold {
namespace {

TEST(SignedReports, AreOpenedByTheirKeyAndByNoOther) {
  const Path folder = std::filesystem::temp_directory_path() / ("report_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const Path key = folder / "key", other = folder / "other";
  const std::string payload = "{\"passed\": true, \"text\": \"\u00fc\"}";
  const auto envelope = signed_envelope(key, "a/b", payload);
  ASSERT_TRUE(envelope);
  ASSERT_TRUE(signed_envelope(other, "a/b", payload));
  struct stat s;
  ASSERT_EQ(::stat(key.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0600u);
  for (const std::string& text :
       {payload, std::string(), std::string("x"), std::string("xy"), std::string(1000, '\xff')}) {
    const auto again = signed_envelope(key, "a/b", text);  // with the same key
    ASSERT_TRUE(again);
    EXPECT_EQ(open_envelope(key.native() + ".pub", "a/b", *again).value_or("?"), text);
  }
  EXPECT_EQ(open_envelope(other.native() + ".pub", "a/b", *envelope).error().fault, Fault::integrity);
  EXPECT_FALSE(open_envelope(key.native() + ".pub", "a/c", *envelope));
  int opened = 0;
  for (size_t at = 0; at < envelope->size(); ++at) {  // a change that matters is found; white space is none
    std::string bad = *envelope;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    const auto got = open_envelope(key.native() + ".pub", "a/b", bad);
    if (got) {
      EXPECT_EQ(*got, payload);
      ++opened;
    }
  }
  // The 5 letters and 64 digits of keyid, which only says which key to look for, and the last digit of each of two base64
  // texts, some bits of which carry nothing.
  EXPECT_LE(opened, 5 + 64 + 2);
  for (const char* text : {"", "{", "[]", "{}", R"({"payloadType":"a/b","payload":"","signatures":[]})",
                           R"({"payloadType":"a/b","payload":1,"signatures":[1]})",
                           R"({"payloadType":"a/b","payload":"=","signatures":[{"sig":"===="}]})"})
    EXPECT_FALSE(open_envelope(key.native() + ".pub", "a/b", text)) << text;
  ASSERT_TRUE(replace_file(key, "no key", 0600));
  EXPECT_EQ(signed_envelope(key, "a/b", payload).error().fault, Fault::malformed);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace freehold
