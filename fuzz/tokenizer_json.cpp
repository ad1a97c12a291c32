// tokenizer.json from anywhere. The input is the file, or up to a zero byte the file and then tokenizer_config.json.
// What is accepted encodes and decodes without a fault, and as_text never gives a special token.
#include "fuzz/fuzz.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = fuzz::text_of(input);
  const size_t end = std::min(text.find('\0'), text.size());
  const std::string_view config = end < text.size() ? text.substr(end + 1) : std::string_view();
  const auto tokenizer = Tokenizer::from_json(text.substr(0, end), config, "input");
  if (!tokenizer) return fuzz::expect(is_clean_utf8(tokenizer.error().what));
  const std::string_view sample = text.substr(0, std::min<size_t>(text.size(), 500));
  for (const Specials specials : {Specials::parse, Specials::as_text})
    for (const Token token : tokenizer->encode(sample, specials)) {
      fuzz::expect(token >= 0 && token < tokenizer->size());
      fuzz::expect(specials == Specials::parse || !tokenizer->is_special(token) || tokenizer->kind() == "WordPiece");
    }
  fuzz::expect(valid_utf8(tokenizer->decode(tokenizer->encode(sample, Specials::parse))));
}
