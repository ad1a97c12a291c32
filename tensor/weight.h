// Weight: a matrix [rows = out, cols = in] as it is stored, read only by linear and embed. The bytes are those of the
// file (source order) or of the pack made while loading (R16K4, docs/formats.md); both hold the same numbers.
#pragma once

#include <span>
#include <string>

#include "tensor/format.h"

namespace freehold {

enum class Layout : uint8_t {
  source,  // row after row, blocks along a row
  r16k4,   // groups of 16 rows, interleaved four inputs at a time: one layout for every instruction set (tensor/pack.h)
};

class WeightStore;  // tensor/weight_store.h

struct Weight {
  std::string name;  // released name, e.g. model.layers.0.mlp.up_proj.weight
  int64_t rows = 0, cols = 0;
  Format format = Format::f32;
  Layout layout = Layout::source;
  std::span<const std::byte> bytes;  // owned by the checkpoint's mapping or by the model's arena
  // FP8, whose scales are a tensor of their own: one number for each tile of 128 x 128 (less at the edges),
  // [ceil(rows/128), ceil(cols/128)], F32 or F8_E8M0. MXFP4 in source order may have its scales apart as well, and then
  // its codes in another order (tensor/split_fp4.h). Else empty.
  std::span<const std::byte> scales;
  Format scale_format = Format::f32;
  uint64_t checksum = 0;  // checksum_of() it (tensor/pack.h) where a packed file says so; 0: not known
  // What brings the bytes when they are needed, and the weight's number there; null: they are always there.
  WeightStore* store = nullptr;
  int32_t place = -1;

  // Rows first..first+count as floats, [count, cols]. The same numbers from either layout.
  void decode_rows(int64_t first, int64_t count, float* to) const;
  // Inputs first..first+count of one row; both multiples of the format's block.
  void decode_part(int64_t row, int64_t first, int64_t count, float* to) const;
};

// What ops and adapters know a weight by. `id` is unique within a model, dense from 0.
struct Linear {
  Weight weight;
  int id = -1;
};

}  // namespace freehold
