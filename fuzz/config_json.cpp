// JSON of any kind: what is accepted can be printed, read again, and is then the same.
#include "base/json.h"
#include "fuzz/fuzz.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const auto json = parse_json(fuzz::text_of(input), "input.json", {.bytes = 1 << 20});
  if (!json) {
    fuzz::expect(is_clean_utf8(json.error().what));
    return;
  }
  const auto again = parse_json(json->dump(), "again.json");
  fuzz::expect(again.has_value() && *again == *json);
}
