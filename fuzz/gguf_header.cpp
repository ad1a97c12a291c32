// A GGUF header, whole and cut off.
#include "files/gguf.h"

#include "fuzz/fuzz.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const auto whole = read_gguf_header(input, "input.gguf", Cut::refuse);
  const auto cut = read_gguf_header(input, "input.gguf", Cut::allow);
  if (whole) fuzz::expect(cut.has_value() && cut->tensors.size() == whole->tensors.size());
  for (const auto* header : {&whole, &cut}) {
    if (!*header) {
      fuzz::expect(is_clean_utf8(header->error().what));
      continue;
    }
    // What has been let through is inside the input and can be printed.
    for (const StoredTensor& tensor : (*header)->tensors) {
      if (tensor.bytes.empty()) continue;
      fuzz::expect(tensor.bytes.data() >= input.data() &&
                   tensor.bytes.data() + tensor.bytes.size() <= input.data() + input.size());
    }
    for (const auto& [key, strings] : (*header)->strings)
      for (std::string_view s : strings) fuzz::expect(s.size() <= input.size());
    (void)(*header)->config.dump();
  }
}
