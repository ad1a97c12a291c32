// Repairing text, the normal forms and the normalizers: what comes out is valid, and a fixed point.
#include "text/utf8.h"
#include "fuzz/fuzz.h"
#include "text/tokenizer_normalize.h"
#include "text/unicode.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = fuzz::text_of(input);
  const std::string repaired = repaired_utf8(text);
  fuzz::expect(valid_utf8(repaired));
  fuzz::expect(valid_utf8(text) ? repaired == text : repaired != text);
  fuzz::expect(repaired_utf8(repaired) == repaired);
  const size_t valid = valid_utf8_prefix(text);
  fuzz::expect(valid_utf8(text.substr(0, valid)));

  // Cut where a stream may cut: both sides repaired are the whole repaired.
  const size_t sure = complete_utf8_prefix(text);
  fuzz::expect(sure <= text.size() && text.size() - sure < 4);
  fuzz::expect(repaired_utf8(text.substr(0, sure)) + repaired_utf8(text.substr(sure)) == repaired);

  for (const NormalForm form : {NormalForm::nfc, NormalForm::nfd, NormalForm::nfkc, NormalForm::nfkd}) {
    const std::string normal = normal_form(repaired, form);
    fuzz::expect(valid_utf8(normal) && normal_form(normal, form) == normal);
  }
  fuzz::expect(normal_form(normal_form(repaired, NormalForm::nfd), NormalForm::nfc) ==
               normal_form(repaired, NormalForm::nfc));
  fuzz::expect(valid_utf8(Normalizer::bert({}).apply(repaired)));
}
