#include "ops/weight_rows.h"

#include <algorithm>

#include "base/check.h"
#include "tensor/pack.h"

namespace freehold::ops {

std::optional<Record> record_of(Format format) {
  switch (format) {
    case Format::q4_0:
      return Record::q4_0;
    case Format::q4_1:
      return Record::q4_1;
    case Format::q5_0:
      return Record::q5_0;
    case Format::q5_1:
      return Record::q5_1;
    case Format::q8_0:
      return Record::q8_0;
    case Format::iq4_nl:
      return Record::iq4_nl;
    case Format::mxfp4:
      return Record::mxfp4;
    case Format::q4_k:
      return Record::q4_k;
    case Format::q5_k:
      return Record::q5_k;
    case Format::q6_k:
      return Record::q6_k;
    case Format::iq4_xs:
      return Record::iq4_xs;
    case Format::f32:
      return Record::f32;
    case Format::f16:
      return Record::f16;
    case Format::bf16:
      return Record::bf16;
    default:
      return std::nullopt;
  }
}

bool has_int8(const Weight& weight) {
  const std::optional<Record> record = record_of(weight.format);
  return weight.layout == Layout::r16k4 && record && static_cast<int>(*record) < integer_records;
}

int quant_block(const Weight& weight) { return info(weight.format).block == 256 ? 256 : 32; }

void decode_group(const LinearKernels& kernels, const Weight& weight, int64_t group, int64_t first, int64_t count,
                  float* lines) {
  if (weight.layout == Layout::r16k4) {
    const std::byte* from = weight.bytes.data() + group * packed_group_bytes(weight.format, weight.cols);
    kernels.decode[static_cast<size_t>(*record_of(weight.format))](from, first, count, lines);
    return;
  }
  CHECK(count <= decode_inputs, "{} inputs at once", count);
  float rows[16 * decode_inputs];
  const int64_t lanes = std::min<int64_t>(16, weight.rows - 16 * group);
  for (int64_t lane = 0; lane < 16; ++lane) {
    if (lane < lanes)
      weight.decode_part(16 * group + lane, first, count, rows + lane * decode_inputs);
    else
      std::fill_n(rows + lane * decode_inputs, count, 0.0f);
  }
  kernels.transpose(rows, decode_inputs, count, lines);
}

}  // namespace freehold::ops
