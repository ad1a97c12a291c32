// Any text as a chat template: parsed or refused, with an error fit to print.
#include "fuzz/fuzz.h"
#include "text/chat_template.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const auto parsed = ChatTemplate::parse(fuzz::text_of(input), "fuzzed");
  if (!parsed) fuzz::expect(is_clean_utf8(parsed.error().what) && parsed.error().what.size() <= 310);
}
