// GGUF headers, good and hostile. Every bad sample has the Fault that it must give.
#include "files/gguf.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/limits.h"
#include "files/testing/gguf_writer.h"

namespace freehold {
namespace {

using testing::floats;
using testing::gguf_string;
using testing::GgufType;
using testing::GgufWriter;
using testing::raw;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

Result<GgufHeader> read(const std::string& file, Cut cut = Cut::refuse) {
  return read_gguf_header(bytes_of(file), "t.gguf", cut);
}

// The error of a file that must be refused with `fault`.
std::string refused(const std::string& file, Fault fault, Cut cut = Cut::refuse) {
  const auto header = read(file, cut);
  if (header) {
    ADD_FAILURE() << "was accepted";
    return "";
  }
  EXPECT_EQ(header.error().fault, fault) << header.error().what;
  EXPECT_TRUE(is_clean_utf8(header.error().what));
  EXPECT_TRUE(header.error().what.starts_with("t.gguf: ")) << header.error().what;
  return header.error().what;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

GgufWriter tiny() {
  GgufWriter writer;
  writer.key("general.architecture", "llama").key("llama.block_count", uint32_t{1});
  writer.strings("tokenizer.ggml.tokens", {"a", "", "\xff"});
  writer.numbers<float>("tokenizer.ggml.scores", {0, -1, -2});
  writer.numbers<int32_t>("tokenizer.ggml.token_type", {1, 1, 3});
  writer.tensor("a", {2, 4}, 0, floats(8)).tensor("b", {32}, 2, std::string(18, 'x'));
  return writer;
}

TEST(Gguf, reads_keys_and_tensors) {
  const std::string file = tiny().bytes();
  const auto header = read(file);
  ASSERT_TRUE(header) << header.error().what;
  EXPECT_EQ(header->config["general.architecture"], "llama");
  EXPECT_EQ(header->config["llama.block_count"], 1);
  EXPECT_FALSE(header->config.contains("tokenizer.ggml.tokens"));
  EXPECT_EQ(header->config["tokenizer.ggml.scores"], Json({0.0, -1.0, -2.0}));
  const auto& tokens = header->strings.find("tokenizer.ggml.tokens")->second;
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[2], "\xff");
  EXPECT_TRUE(tokens[0].data() > file.data() && tokens[0].data() < file.data() + file.size());  // a view, no copy
  EXPECT_EQ(header->floats.find("tokenizer.ggml.scores")->second, (std::vector<float>{0, -1, -2}));
  EXPECT_EQ(header->integers.find("tokenizer.ggml.token_type")->second, (std::vector<int32_t>{1, 1, 3}));
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].shape, (Shape{2, 4}));
  EXPECT_EQ(header->tensors[0].bytes.size(), 32u);
  EXPECT_EQ(header->tensors[1].format, Format::q4_0);
  EXPECT_EQ(header->tensors[1].bytes.data() + 18, bytes_of(file).data() + file.size());
}

TEST(Gguf, reads_every_kind_of_value) {
  GgufWriter writer;
  writer.key("u8", uint8_t{255}).key("i8", int8_t{-128}).key("u16", uint16_t{65535}).key("i16", int16_t{-32768});
  writer.key("u32", UINT32_MAX).key("i32", INT32_MIN).key("f32", 0.5f).key("bool", true).key("string", "caf\xc3\xa9\n");
  writer.key("u64", UINT64_MAX).key("i64", INT64_MIN).key("f64", 1e-300);
  writer.numbers<uint16_t>("list", {1, 2}).numbers<bool>("bools", {}).strings("none", {});
  const std::string file = writer.bytes();
  const auto header = read(file);
  ASSERT_TRUE(header) << header.error().what;
  EXPECT_EQ(header->config.dump(),
            "{\"u8\":255,\"i8\":-128,\"u16\":65535,\"i16\":-32768,\"u32\":4294967295,\"i32\":-2147483648,\"f32\":0.5,"
            "\"bool\":true,\"string\":\"caf\xc3\xa9\\n\",\"u64\":18446744073709551615,\"i64\":-9223372036854775808,"
            "\"f64\":1e-300,\"list\":[1,2],\"bools\":[]}");
  EXPECT_EQ(header->strings.count("none"), 1u);
}

TEST(Gguf, long_arrays_stay_out_of_the_configuration) {
  GgufWriter writer;
  writer.numbers("few", std::vector<int32_t>(4096, 7)).numbers("many", std::vector<int32_t>(4097, 7));
  writer.numbers("bytes", std::vector<uint8_t>(5000, 7));
  const std::string file = writer.bytes();
  const auto header = read(file);
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->config.contains("few"));
  EXPECT_FALSE(header->config.contains("many"));
  EXPECT_FALSE(header->config.contains("bytes"));
  EXPECT_EQ(header->integers.find("many")->second.size(), 4097u);

  GgufWriter greedy;  // many short ones, which take sixteen times their size in memory
  for (int i = 0; i < 70; ++i) greedy.numbers(fmt::format("k{}", i), std::vector<uint8_t>(4096, 1));
  refused(greedy.bytes(), Fault::malformed);
}

TEST(Gguf, cut_anywhere_is_refused) {
  const std::string whole = tiny().bytes(), header = tiny().header();
  for (size_t n = 0; n < whole.size(); ++n) {
    refused(whole.substr(0, n), Fault::malformed);
    if (n < header.size())
      refused(whole.substr(0, n), Fault::malformed, Cut::allow);
    else
      EXPECT_TRUE(read(whole.substr(0, n), Cut::allow)) << n;
  }
}

TEST(Gguf, a_cut_file_lists_what_is_not_whole) {
  const std::string whole = tiny().bytes();
  const std::string cut = whole.substr(0, whole.size() - 1);
  const auto header = read(cut, Cut::allow);
  ASSERT_TRUE(header) << header.error().what;
  EXPECT_EQ(header->tensors[0].bytes.size(), 32u);
  EXPECT_TRUE(header->tensors[1].bytes.empty());
  EXPECT_EQ(header->tensors[1].shape, (Shape{32}));
}

TEST(Gguf, counts_are_claims) {
  for (uint64_t count :
       {uint64_t{1}, uint64_t{1} << 16, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 63, UINT64_MAX}) {
    refused(GgufWriter().claim(count, 0).bytes(), Fault::malformed);
    refused(GgufWriter().claim(0, count).bytes(), Fault::malformed);
    refused(tiny().claim(std::max(count, count + 2), 5).bytes(), Fault::malformed);
    refused(tiny().claim(2, std::max(count, count + 5)).bytes(), Fault::malformed);
    const std::string claimed = raw(count);
    refused(GgufWriter().raw_key("s", GgufType::string, claimed).bytes(), Fault::malformed);
    for (uint32_t type = 0; type < 13; ++type)
      refused(GgufWriter().raw_key("a", GgufType::array, raw(type) + claimed).bytes(), Fault::malformed);
    refused(
        std::string("GGUF") + raw<uint32_t>(3) + raw<uint64_t>(0) + raw<uint64_t>(1) + claimed + std::string(64, 'k'),
        Fault::malformed);
    refused(GgufWriter().raw_tensor("t", {count << 1}, 0, 0).bytes(), Fault::malformed);
    refused(GgufWriter().raw_tensor("t", {2, count << 1, 3}, 0, 0).bytes(), Fault::malformed);
  }
  EXPECT_TRUE(read(GgufWriter().bytes()));  // nothing at all is well formed
  // Zero where there is more: what follows is no longer understood, or lies outside of the table.
  refused(tiny().claim(2, 0).bytes(), Fault::malformed);
}

TEST(Gguf, refuses_other_files) {
  refused("", Fault::malformed);
  refused(std::string(100, '\0'), Fault::malformed);
  refused(std::string("GGUX") + std::string(100, '\0'), Fault::malformed);
  EXPECT_TRUE(contains(refused(std::string("PK\x03\x04") + std::string(100, 'x'), Fault::unsupported), "pickle"));
  EXPECT_TRUE(contains(refused(std::string("\x80\x02}q") + std::string(100, 'x'), Fault::unsupported), "pickle"));
  EXPECT_TRUE(contains(refused(std::string("tjgg") + std::string(100, 'x'), Fault::unsupported), "before GGUF"));
}

TEST(Gguf, refuses_other_versions) {
  for (uint32_t version : {0u, 1u, 2u, 4u, UINT32_MAX}) {
    GgufWriter writer = tiny();
    writer.version = version;
    EXPECT_TRUE(contains(refused(writer.bytes(), Fault::unsupported), "version")) << version;
  }
  GgufWriter big_endian = tiny();
  big_endian.version = 3u << 24;
  EXPECT_TRUE(contains(refused(big_endian.bytes(), Fault::unsupported), "big-endian"));
}

TEST(Gguf, duplicates_are_refused) {
  EXPECT_EQ(refused(GgufWriter().key("k", 1u).key("j", 1u).key("k", 1u).bytes(), Fault::malformed),
            "t.gguf: key 'k' occurs twice");
  refused(GgufWriter().key("k", 1u).strings("k", {"a"}).bytes(), Fault::malformed);
  refused(GgufWriter().numbers<float>("k", {1}).numbers<float>("k", {1}).bytes(), Fault::malformed);
}

TEST(Gguf, refuses_unknown_and_wrong_types) {
  for (uint32_t type : {13u, 255u, 1u << 31, UINT32_MAX}) {
    refused(GgufWriter().raw_key("k", static_cast<GgufType>(type), std::string(16, '\0')).bytes(), Fault::malformed);
    refused(GgufWriter().raw_key("k", GgufType::array, raw(type) + std::string(16, '\0')).bytes(), Fault::malformed);
  }
  refused(GgufWriter().raw_key("b", GgufType::boolean, "\x02").bytes(), Fault::malformed);
  refused(GgufWriter().raw_key("b", GgufType::array, raw(GgufType::boolean) + raw<uint64_t>(2) + "\x01\x07").bytes(),
          Fault::malformed);
  refused(GgufWriter().key("s", "\xc3").bytes(), Fault::malformed);
  refused(GgufWriter().key("general.alignment", "32").bytes(), Fault::malformed);
  refused(GgufWriter().key("general.alignment", -32).bytes(), Fault::malformed);
  refused(GgufWriter().key("general.alignment", 32.0f).bytes(), Fault::malformed);
  for (uint32_t bad : {0u, 1u, 4u, 24u, 33u, 1u << 21, 1u << 31, UINT32_MAX})
    refused(GgufWriter().key("general.alignment", bad).bytes(), Fault::malformed);
}

TEST(Gguf, keys_are_clean_text) {
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string("\xff"), std::string(1, '\0')})
    refused(GgufWriter().key(bad, 1u).bytes(), Fault::malformed);
  refused(GgufWriter().key(std::string(65'536, 'k'), 1u).bytes(), Fault::malformed);
  EXPECT_TRUE(read(GgufWriter().key(std::string(65'535, 'k'), 1u).bytes()));
}

TEST(Gguf, arrays_nest_eight_deep) {
  const auto nested = [](int depth) {  // arrays of one array each, the innermost of one number
    std::string bytes;
    for (int i = 1; i < depth; ++i) bytes += raw(GgufType::array) + raw<uint64_t>(1);
    return GgufWriter().raw_key("n", GgufType::array, bytes + raw(GgufType::u8) + raw<uint64_t>(1) + "x").bytes();
  };
  for (int depth = 1; depth <= 8; ++depth) EXPECT_TRUE(read(nested(depth))) << depth;
  EXPECT_TRUE(contains(refused(nested(9), Fault::malformed), "nests arrays more than 8 deep"));
  refused(nested(200'000), Fault::malformed);
}

TEST(Gguf, tensors_have_clean_unique_names) {
  for (const std::string& bad :
       {std::string(), std::string("a\x1b"), std::string("\xed\xa0\x80"), std::string(65, 't')})
    refused(GgufWriter().tensor(bad, {8}, 0, floats(8)).bytes(), Fault::malformed);
  const std::string file = GgufWriter().tensor("a", {8}, 0, floats(8)).tensor("a", {8}, 0, floats(8)).bytes();
  const auto header = read(file);  // uniqueness is a matter of all shards together
  ASSERT_TRUE(header);
  EXPECT_EQ(order_by_name(header->tensors, "t.gguf").error().fault, Fault::malformed);
}

TEST(Gguf, tensors_have_one_to_four_dimensions_of_at_least_one) {
  refused(GgufWriter().tensor("t", {}, 0, floats(1)).bytes(), Fault::malformed);
  refused(GgufWriter().tensor("t", {1, 1, 1, 1, 1}, 0, floats(1)).bytes(), Fault::malformed);
  refused(GgufWriter().tensor("t", {4, 0}, 0, floats(1)).bytes(), Fault::malformed);
  refused(GgufWriter().raw_tensor("t", {1ull << 24, 1ull << 24}, 0, 0).bytes(), Fault::malformed);
  refused(GgufWriter().raw_tensor("t", {1ull << 32, 1ull << 32}, 0, 0).bytes(), Fault::malformed);
  const std::string file = GgufWriter().tensor("t", {1, 2, 3, 4}, 0, floats(24)).bytes();
  EXPECT_EQ(read(file)->tensors[0].shape, (Shape{1, 2, 3, 4}));
}

TEST(Gguf, rows_are_whole_blocks) {
  EXPECT_TRUE(contains(refused(GgufWriter().tensor("t", {2, 48}, 2, std::string(54, 'x')).bytes(), Fault::malformed),
                       "Q4_0 comes in blocks of 32"));
  refused(GgufWriter().tensor("t", {256, 2}, 12, std::string(288, 'x')).bytes(),
          Fault::malformed);  // columns, not rows
}

TEST(Gguf, every_type_is_read_or_refused_by_name) {
  for (uint32_t id = 0; id < 400; ++id) {
    const std::string file = GgufWriter().tensor("t", {256}, id, std::string(2048, 'x')).bytes();
    if (format_of_gguf(id)) {
      EXPECT_TRUE(read(file)) << id;
    } else {
      const std::string what = refused(file, Fault::unsupported);
      EXPECT_TRUE(contains(what, std::string(gguf_type_name(id)))) << what;
      EXPECT_TRUE(contains(what, why_gguf_type_is_refused(id))) << what;
    }
  }
  EXPECT_EQ(refused(GgufWriter().tensor("t", {256}, 139, "x").bytes(), Fault::unsupported),
            "t.gguf: tensor 't': type 139 IQ4_K is a type of ik_llama.cpp, not of GGUF");
  EXPECT_EQ(refused(GgufWriter().tensor("t", {256}, 16, "x").bytes(), Fault::unsupported),
            "t.gguf: tensor 't': type 16 IQ2_XXS is not read yet");
}

TEST(Gguf, tensors_lie_in_the_data_and_apart) {
  const auto at = [](uint64_t offset) {
    return GgufWriter().raw_tensor("a", {8}, 0, 0).raw_tensor("b", {8}, 0, offset).raw_data(floats(32)).bytes();
  };
  EXPECT_TRUE(read(at(32)));
  EXPECT_TRUE(read(at(96)));
  EXPECT_TRUE(contains(refused(at(0), Fault::malformed), "overlap"));
  EXPECT_TRUE(contains(refused(at(4), Fault::malformed), "multiple of 32"));
  for (uint64_t offset : {uint64_t{128}, uint64_t{1} << 31, uint64_t{1} << 63, UINT64_MAX - 31})
    refused(at(offset), Fault::malformed);
  // One inside of another, in either order of the table.
  refused(GgufWriter().raw_tensor("a", {32}, 0, 0).raw_tensor("b", {8}, 0, 32).raw_data(floats(32)).bytes(),
          Fault::malformed);
  refused(GgufWriter().raw_tensor("b", {8}, 0, 32).raw_tensor("a", {32}, 0, 0).raw_data(floats(32)).bytes(),
          Fault::malformed);
  // Overlap is refused in a cut file too.
  refused(at(0), Fault::malformed, Cut::allow);
}

TEST(Gguf, honours_the_alignment) {
  GgufWriter writer;
  writer.alignment = 256;
  writer.key("general.alignment", uint32_t{256}).tensor("a", {1}, 0, floats(1)).tensor("b", {1}, 0, floats(1, 2.0f));
  const std::string file = writer.bytes();
  const auto header = read(file);
  ASSERT_TRUE(header) << header.error().what;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(header->tensors[1].bytes.data()), 4), raw(2.0f));
  EXPECT_EQ(header->tensors[1].bytes.data() - header->tensors[0].bytes.data(), 256);
}

}  // namespace
}  // namespace freehold
