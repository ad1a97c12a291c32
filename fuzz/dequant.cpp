// Blocks of every format: the first byte chooses it, the rest are the blocks.
#include <algorithm>
#include <memory>

#include "fuzz/fuzz.h"
#include "tensor/format.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  if (input.empty()) return;
  const auto formats = all_formats();
  const FormatInfo& row = formats[std::to_integer<size_t>(input[0]) % formats.size()];
  if (!row.decode) return;
  const std::span<const std::byte> data = input.subspan(1);
  const size_t blocks = data.size() / static_cast<size_t>(row.block_bytes);
  const size_t elements = blocks * static_cast<size_t>(row.block),
               bytes = blocks * static_cast<size_t>(row.block_bytes);
  fuzz::expect(stored_bytes(row.format, elements) == bytes);
  // Exact sizes, so that the address sanitizer sees a step beyond either.
  const auto from = std::make_unique<std::byte[]>(bytes);
  std::copy_n(data.data(), bytes, from.get());
  const auto to = std::make_unique<float[]>(elements);
  row.decode(from.get(), static_cast<int64_t>(elements), to.get());
}
