// A safetensors header with its data.
#include "files/safetensors.h"

#include "fuzz/fuzz.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const auto tensors = read_safetensors_header(input, "input.safetensors");
  if (!tensors) {
    fuzz::expect(is_clean_utf8(tensors.error().what));
    return;
  }
  const std::byte* end = nullptr;
  for (const StoredTensor& tensor : *tensors) {  // one after the other, the last up to the end
    fuzz::expect(end == nullptr || tensor.bytes.data() == end);
    end = tensor.bytes.data() + tensor.bytes.size();
  }
  fuzz::expect(tensors->empty() || end == input.data() + input.size());
}
