// The header of a packed file. The input is a byte, how many pages of 4096 the matrices take, and the header; the rest
// of the file is zeros. Its sizes and its checksum are made to fit, so that what lies behind is reached.
#include "files/packed_file.h"

#include <cstring>
#include <vector>

#include "base/checksum.h"
#include "fuzz/fuzz.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  constexpr size_t fixed = 40, first_at = 2u << 20;
  if (input.size() < 1 + fixed + 8 || input.size() > first_at) return;
  const auto pages = std::to_integer<size_t>(input[0]);
  input = input.subspan(1);
  std::vector<std::byte> file(first_at + pages * 4096);
  std::memcpy(file.data(), input.data(), input.size());
  const uint64_t header_bytes = input.size(), file_bytes = file.size();
  std::memcpy(file.data() + 24, &header_bytes, 8);
  std::memcpy(file.data() + 32, &file_bytes, 8);
  const uint64_t sum = checksum64(std::span(file).first(header_bytes - 8));
  std::memcpy(file.data() + header_bytes - 8, &sum, 8);
  const auto found = read_packed_header(file, "fuzz.fhpack");
  if (!found) return;
  uint64_t end = 0;
  for (const PackedMatrix& m : found->matrices) {
    fuzz::expect(m.offset >= end && m.offset % 4096 == 0 && m.bytes <= file.size() - m.offset);
    fuzz::expect(m.rows > 0 && m.cols > 0 && !m.name.empty());
    end = m.offset + m.bytes;
  }
}
