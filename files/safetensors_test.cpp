// safetensors headers and indexes, good and hostile.
#include "files/safetensors.h"

#include <gtest/gtest.h>

#include "files/testing/safetensors_writer.h"

namespace freehold {
namespace {

using testing::floats;
using testing::raw;
using testing::safetensors;
using testing::safetensors_of;

Result<std::vector<StoredTensor>> read(const std::string& file) {
  return read_safetensors_header(std::as_bytes(std::span(file)), "t");
}

std::string refused(const std::string& file, Fault fault = Fault::malformed) {
  const auto tensors = read(file);
  if (tensors) {
    ADD_FAILURE() << "was accepted: " << file.substr(0, 200);
    return "";
  }
  EXPECT_EQ(tensors.error().fault, fault) << tensors.error().what;
  EXPECT_TRUE(is_clean_utf8(tensors.error().what));
  return tensors.error().what;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// A file of one entry, given as JSON, over `bytes` bytes of data.
std::string one(std::string_view entry, size_t bytes = 4) {
  return safetensors_of("{\"a\":" + std::string(entry) + "}", std::string(bytes, 'x'));
}

TEST(Safetensors, reads_tensors_in_the_order_of_their_data) {
  const std::string file = safetensors_of(
      R"({"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},"__metadata__":{"format":"pt"},)"
      R"("a":{"shape":[2],"data_offsets":[0,8],"dtype":"F32"},"s":{"dtype":"U8","shape":[],"data_offsets":[12,13]}}   )",
      std::string(13, 'x'));
  const auto tensors = read(file);
  ASSERT_TRUE(tensors) << tensors.error().what;
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[1].shape, (Shape{2, 1}));
  EXPECT_EQ((*tensors)[1].format, Format::bf16);
  EXPECT_EQ((*tensors)[2].shape.rank(), 0);
  EXPECT_EQ((*tensors)[2].bytes.data() + 1, std::as_bytes(std::span(file)).data() + file.size());
  EXPECT_TRUE(read(safetensors_of("{}", "")));
}

TEST(Safetensors, cut_anywhere_is_refused) {
  const std::string whole = safetensors({{"a", "F32", {2}, floats(2)}, {"b", "F16", {3}, std::string(6, 'x')}});
  ASSERT_TRUE(read(whole));
  for (size_t n = 0; n < whole.size(); ++n) refused(whole.substr(0, n));
  refused(whole + "x");
}

TEST(Safetensors, the_header_length_is_a_claim) {
  for (uint64_t length :
       {uint64_t{0}, uint64_t{3}, uint64_t{1} << 31, uint64_t{100'000'001}, uint64_t{1} << 63, UINT64_MAX})
    refused(raw(length) + "{}");
}

TEST(Safetensors, refuses_other_files) {
  refused("");
  refused(safetensors_of("[]", ""));
  refused(safetensors_of(" {}", ""));
  refused(safetensors_of("{}x", ""));
  refused(std::string(64, '\0'));
  EXPECT_TRUE(contains(refused("PK\x03\x04" + std::string(100, 'x'), Fault::unsupported), "pickle"));
  EXPECT_TRUE(contains(refused("\x80\x02\x8a\x0al\xfc\x9c" + std::string(100, 'x'), Fault::unsupported), "pickle"));
}

TEST(Safetensors, an_entry_has_its_three_fields_once) {
  for (const char* bad : {"{}",
                          "7",
                          "[]",
                          "null",
                          "\"x\"",
                          R"({"dtype":"F32","shape":[1]})",
                          R"({"dtype":"F32","data_offsets":[0,4]})",
                          R"({"shape":[1],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})",
                          R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]})",
                          R"({"dtype":7,"shape":[1],"data_offsets":[0,4]})",
                          R"({"dtype":["F32"],"shape":[1],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":{"a":1},"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[0]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":4})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[0,5]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[-1,3]})",
                          R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})",
                          R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[9223372036854775808,2],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[2147483648,2147483648],"data_offsets":[0,4]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]})",
                          R"({"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]})"})
    refused(one(bad));
  EXPECT_TRUE(read(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})")));
  refused(one(R"({"dtype":"F4","shape":[1],"data_offsets":[0,4]})"), Fault::unsupported);
  refused(one(R"({"dtype":"","shape":[1],"data_offsets":[0,4]})"), Fault::unsupported);
  refused(one(R"({"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[0,4]})"), Fault::unsupported);
}

TEST(Safetensors, data_has_no_holes_and_no_overlap) {
  const auto two = [](int begin, int end, size_t bytes) {
    return safetensors_of(fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}},)"
                                      R"("b":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}}})",
                                      end - begin, begin, end),
                          std::string(bytes, 'x'));
  };
  EXPECT_TRUE(read(two(4, 8, 8)));
  refused(two(4, 8, 9));
  refused(two(5, 8, 8));
  refused(two(3, 8, 8));
  refused(two(0, 4, 4));
  refused(two(1, 3, 4));
}

TEST(Safetensors, names_are_clean) {
  const auto named = [](std::string_view name) {
    return safetensors_of("{\"" + std::string(name) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  };
  EXPECT_TRUE(read(named("caf\xc3\xa9")));
  for (const std::string& bad :
       {std::string(), std::string("a\\u0000"), std::string("a\\n"), std::string("\xff"), std::string(256, 'n')})
    refused(named(bad));
}

TEST(Safetensors, metadata_holds_strings_once) {
  EXPECT_TRUE(read(safetensors_of(R"({"__metadata__":{"a":"b","c":"d"}})", "")));
  for (const char* bad :
       {R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":{}}})", R"({"__metadata__":{"a":["b"]}})",
        R"({"__metadata__":[]})", R"({"__metadata__":"x"})", R"({"__metadata__":{"a":"b","a":"c"}})",
        R"({"__metadata__":{},"__metadata__":{}})", R"({"__metadata__":{"a":null}})"})
    refused(safetensors_of(bad, ""));
}

TEST(Safetensors, deep_nesting_is_refused) {
  refused(safetensors_of("{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", ""));
}

Result<SafetensorsIndex> index(std::string_view json) { return read_safetensors_index(json, "i"); }

TEST(SafetensorsIndex, reads_the_map) {
  const auto found = index(R"({"metadata":{"total_size":7,"more":[{"x":1}]},"weight_map":{"b":"2","a":"1","c":"2"}})");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->shards, (std::vector<std::string>{"2", "1"}));
  ASSERT_EQ(found->entries.size(), 3u);
  EXPECT_EQ(found->entries[0].tensor, "a");
  EXPECT_EQ(found->entries[0].shard, 1u);
  EXPECT_EQ(found->entries[2].shard, 0u);
}

TEST(SafetensorsIndex, refuses_what_is_no_map) {
  for (const char* bad : {"", "[]", "7", "{}", R"({"weight_map":{}})", R"({"weight_map":[]})", R"({"weight_map":"x"})",
                          R"({"weight_map":null})", R"({"weight_map":{"a":1}})", R"({"weight_map":{"a":{"b":"c"}}})",
                          R"({"weight_map":{"a":["b"]}})", R"({"weight_map":{"a":"m","a":"m"}})",
                          R"({"weight_map":{"a":"m"},"weight_map":{"b":"m"}})", R"({"weight_map":{"":"m"}})",
                          R"({"weight_map":{"a\n":"m"}})", R"({"weight_map":{"a":"m")",
                          R"({"metadata":[[[[[[[[[[]]]]]]]]]],"weight_map":{"a":"m"}})"}) {
    const auto found = index(bad);
    ASSERT_FALSE(found) << bad;
    EXPECT_EQ(found.error().fault, Fault::malformed) << bad;
  }
}

TEST(SafetensorsIndex, shards_are_plain_names) {
  for (const char* bad : {"", ".", "..", "../m", "/m", "a/m", "a\\\\m", "c:m", "file:m", "m\\u0000", "m\\n"}) {
    const auto found = index(fmt::format(R"({{"weight_map":{{"a":"{}"}}}})", bad));
    ASSERT_FALSE(found) << bad;
    EXPECT_EQ(found.error().fault, Fault::malformed) << bad;
  }
  std::string many = R"({"weight_map":{)";
  for (int i = 0; i < 1001; ++i) many += fmt::format(R"({}"t{}":"m{}")", i ? "," : "", i, i);
  EXPECT_FALSE(index(many + "}}"));
}

}  // namespace
}  // namespace freehold
