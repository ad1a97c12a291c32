// The rows of tensor/format.h, and the names by which GGUF and safetensors know them.
#include "base/check.h"
#include "base/checked.h"
#include "tensor/format.h"
#include "tensor/formats/decode.h"

namespace freehold {
namespace {

constexpr FormatInfo formats[] = {
    {Format::f32, "F32", 1, 4, decode::f32},
    {Format::f16, "F16", 1, 2, decode::f16s},
    {Format::bf16, "BF16", 1, 2, decode::bf16s},
    {Format::f64, "F64", 1, 8, nullptr},
    {Format::f8_e4m3, "F8_E4M3", 1, 1, decode::f8_e4m3},
    {Format::f8_e5m2, "F8_E5M2", 1, 1, decode::f8_e5m2},
    {Format::f8_e8m0, "F8_E8M0", 1, 1, decode::f8_e8m0},
    {Format::i8, "I8", 1, 1, nullptr},
    {Format::i16, "I16", 1, 2, nullptr},
    {Format::i32, "I32", 1, 4, nullptr},
    {Format::i64, "I64", 1, 8, nullptr},
    {Format::u8, "U8", 1, 1, nullptr},
    {Format::u16, "U16", 1, 2, nullptr},
    {Format::u32, "U32", 1, 4, nullptr},
    {Format::u64, "U64", 1, 8, nullptr},
    {Format::boolean, "BOOL", 1, 1, nullptr},
    {Format::q4_0, "Q4_0", 32, 18, decode::q4_0},
    {Format::q4_1, "Q4_1", 32, 20, decode::q4_1},
    {Format::q5_0, "Q5_0", 32, 22, decode::q5_0},
    {Format::q5_1, "Q5_1", 32, 24, decode::q5_1},
    {Format::q8_0, "Q8_0", 32, 34, decode::q8_0},
    {Format::q2_k, "Q2_K", 256, 84, decode::q2_k},
    {Format::q3_k, "Q3_K", 256, 110, decode::q3_k},
    {Format::q4_k, "Q4_K", 256, 144, decode::q4_k},
    {Format::q5_k, "Q5_K", 256, 176, decode::q5_k},
    {Format::q6_k, "Q6_K", 256, 210, decode::q6_k},
    {Format::iq4_nl, "IQ4_NL", 32, 18, decode::iq4_nl},
    {Format::iq4_xs, "IQ4_XS", 256, 136, decode::iq4_xs},
    {Format::tq1_0, "TQ1_0", 256, 54, decode::tq1_0},
    {Format::tq2_0, "TQ2_0", 256, 66, decode::tq2_0},
    {Format::mxfp4, "MXFP4", 32, 17, decode::mxfp4},
};

constexpr bool rows_stand_in_order() {
  size_t i = 0;
  for (const FormatInfo& row : formats)
    if (static_cast<size_t>(row.format) != i++) return false;
  return true;
}
static_assert(rows_stand_in_order());

enum class Why : uint8_t { read, activation, later, removed, foreign };

struct GgufType {
  uint32_t id;
  std::string_view name;
  Why why;
  Format format;  // when read
};

constexpr GgufType read(uint32_t id, Format format) {
  return {id, formats[static_cast<size_t>(format)].name, Why::read, format};
}
constexpr GgufType refused(uint32_t id, std::string_view name, Why why) { return {id, name, why, Format::f32}; }

constexpr GgufType gguf_types[] = {
    read(0, Format::f32),
    read(1, Format::f16),
    read(2, Format::q4_0),
    read(3, Format::q4_1),
    refused(4, "Q4_2", Why::removed),
    refused(5, "Q4_3", Why::removed),
    read(6, Format::q5_0),
    read(7, Format::q5_1),
    read(8, Format::q8_0),
    refused(9, "Q8_1", Why::activation),
    read(10, Format::q2_k),
    read(11, Format::q3_k),
    read(12, Format::q4_k),
    read(13, Format::q5_k),
    read(14, Format::q6_k),
    refused(15, "Q8_K", Why::activation),
    refused(16, "IQ2_XXS", Why::later),
    refused(17, "IQ2_XS", Why::later),
    refused(18, "IQ3_XXS", Why::later),
    refused(19, "IQ1_S", Why::later),
    read(20, Format::iq4_nl),
    refused(21, "IQ3_S", Why::later),
    refused(22, "IQ2_S", Why::later),
    read(23, Format::iq4_xs),
    read(24, Format::i8),
    read(25, Format::i16),
    read(26, Format::i32),
    read(27, Format::i64),
    read(28, Format::f64),
    refused(29, "IQ1_M", Why::later),
    read(30, Format::bf16),
    refused(31, "Q4_0_4_4", Why::removed),
    refused(32, "Q4_0_4_8", Why::removed),
    refused(33, "Q4_0_8_8", Why::removed),
    read(34, Format::tq1_0),
    read(35, Format::tq2_0),
    refused(36, "IQ4_NL_4_4", Why::removed),
    refused(37, "IQ4_NL_4_8", Why::removed),
    refused(38, "IQ4_NL_8_8", Why::removed),
    read(39, Format::mxfp4),
    refused(40, "NVFP4", Why::later),
    refused(41, "Q1_0", Why::later),
    refused(42, "Q2_0", Why::later),
    // Those of ik_llama.cpp, a fork with numbers of its own; _R4, _R8, _R16 are row-interleaved.
    refused(133, "Q6_0", Why::foreign),
    refused(134, "IQ1_BN", Why::foreign),
    refused(135, "IQ2_BN", Why::foreign),
    refused(136, "Q8_K64", Why::foreign),
    refused(137, "IQ2_K", Why::foreign),
    refused(138, "IQ3_K", Why::foreign),
    refused(139, "IQ4_K", Why::foreign),
    refused(140, "IQ5_K", Why::foreign),
    refused(141, "IQ6_K", Why::foreign),
    refused(144, "IQ4_KS", Why::foreign),
    refused(145, "IQ2_KS", Why::foreign),
    refused(146, "IQ4_KSS", Why::foreign),
    refused(151, "Q8_KV", Why::foreign),
    refused(152, "IQ5_KS", Why::foreign),
    refused(153, "IQ2_KT", Why::foreign),
    refused(154, "IQ3_KT", Why::foreign),
    refused(155, "IQ4_KT", Why::foreign),
    refused(156, "IQ3_KS", Why::foreign),
    refused(157, "IQ2_KL", Why::foreign),
    refused(158, "IQ1_KT", Why::foreign),
    refused(202, "Q4_0_R8", Why::foreign),
    refused(206, "Q5_0_R4", Why::foreign),
    refused(208, "Q8_0_R8", Why::foreign),
    refused(210, "Q2_K_R4", Why::foreign),
    refused(211, "Q3_K_R4", Why::foreign),
    refused(212, "Q4_K_R4", Why::foreign),
    refused(213, "Q5_K_R4", Why::foreign),
    refused(214, "Q6_K_R4", Why::foreign),
    refused(216, "IQ2_XXS_R4", Why::foreign),
    refused(217, "IQ2_XS_R4", Why::foreign),
    refused(218, "IQ3_XXS_R4", Why::foreign),
    refused(219, "IQ1_S_R4", Why::foreign),
    refused(220, "IQ4_NL_R4", Why::foreign),
    refused(221, "IQ3_S_R4", Why::foreign),
    refused(222, "IQ2_S_R4", Why::foreign),
    refused(223, "IQ4_XS_R8", Why::foreign),
    refused(229, "IQ1_M_R4", Why::foreign),
    refused(230, "BF16_R16", Why::foreign),
    refused(233, "Q6_0_R4", Why::foreign),
    refused(335, "IQ2_BN_R4", Why::foreign),
    refused(337, "IQ2_K_R4", Why::foreign),
    refused(338, "IQ3_K_R4", Why::foreign),
    refused(339, "IQ4_K_R4", Why::foreign),
    refused(340, "IQ5_K_R4", Why::foreign),
    refused(344, "IQ4_KS_R4", Why::foreign),
    refused(352, "IQ5_KS_R4", Why::foreign),
    refused(398, "Q8_KV_R8", Why::foreign),
    refused(399, "Q8_K_R8", Why::foreign),
};

const GgufType* gguf_type(uint32_t id) {
  for (const GgufType& type : gguf_types)
    if (type.id == id) return &type;
  return nullptr;
}

}  // namespace

std::span<const FormatInfo> all_formats() { return formats; }

const FormatInfo& info(Format format) {
  const auto row = static_cast<size_t>(format);
  CHECK(row < std::size(formats), "format {}", row);
  return formats[row];
}

std::optional<Format> format_of_gguf(uint32_t id) {
  const GgufType* type = gguf_type(id);
  if (!type || type->why != Why::read) return std::nullopt;
  return type->format;
}

std::string_view gguf_type_name(uint32_t id) {
  const GgufType* type = gguf_type(id);
  return type ? type->name : "";
}

std::string_view why_gguf_type_is_refused(uint32_t id) {
  const GgufType* type = gguf_type(id);
  if (!type) return id > 99 ? "is not a type of GGUF, perhaps one of ik_llama.cpp" : "is not a type of GGUF";
  switch (type->why) {
    case Why::read:
      return "";
    case Why::activation:
      return "is a format of activations, not of weights";
    case Why::later:
      return "is not read yet";
    case Why::removed:
      return "was removed from GGUF";
    case Why::foreign:
      return "is a type of ik_llama.cpp, not of GGUF";
  }
  return "";
}

std::optional<Format> format_of_safetensors(std::string_view dtype) {
  // The plain formats bear the same names here.
  for (const FormatInfo& row : formats)
    if (row.block == 1 && row.name == dtype) return row.format;
  return std::nullopt;
}

std::optional<uint64_t> stored_bytes(Format format, uint64_t elements) {
  const FormatInfo& row = info(format);
  const auto block = static_cast<uint64_t>(row.block);
  if (elements % block != 0) return std::nullopt;
  return checked_mul(elements / block, static_cast<uint64_t>(row.block_bytes));
}

}  // namespace freehold
