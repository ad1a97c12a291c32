// Any bytes through byte-level BPE with made-up merges and special tokens, for each family of pre-tokenizers: text
// comes back, special tokens come only where they are looked for, streams and parts agree with the whole. The first
// byte picks the family, the second the place where the text is cut into two authors' parts.
#include <map>

#include "base/random.h"
#include "fuzz/fuzz.h"
#include "text/tokenizer.h"
#include "text/tokenizer_vocabulary.h"
#include "text/utf8.h"

using namespace freehold;

namespace {

constexpr const char* families[] = {"deepseek-v3",  "qwen2",          "llama-bpe", "smollm",
                                    "deepseek-llm", "deepseek-coder", "gpt-2",     "default"};

Tokenizer make(const char* family) {
  std::vector<std::string> tokens, merges;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(alphabet_of_bytes(std::string(1, static_cast<char>(byte))));
  Random random(1);
  const auto add = [&](const std::string& left, const std::string& right) {
    if (std::find(tokens.begin(), tokens.end(), left + right) != tokens.end() || left.size() + right.size() > 40)
      return;
    merges.push_back(fmt::format("{} {}", left, right));
    tokens.push_back(left + right);
  };
  for (int i = 0; i < 2'000; ++i) {
    const auto pick = [&] {
      const int n = static_cast<int>(tokens.size());
      return tokens[static_cast<size_t>(random.below(3) ? random.below(n) : 32 + random.below(96))];
    };
    const std::string left = pick(), right = pick();
    add(left, right);
  }
  std::vector<int32_t> types(tokens.size(), 1);
  for (const char* special : {"<|a|>", "<|a|>b", "<", "\u4e2d\u4e2d"}) {
    tokens.push_back(special);
    types.push_back(3);
  }
  tokens[tokens.size() - 2] = "<<";  // one byte tokens exist already
  const std::vector<std::string_view> token_views(tokens.begin(), tokens.end()),
      merge_views(merges.begin(), merges.end());
  GgufVocabulary gguf;
  gguf.file = "made up";
  gguf.model = "gpt2";
  gguf.pre = family;
  gguf.tokens = token_views;
  gguf.merges = merge_views;
  gguf.types = types;
  auto tokenizer = Tokenizer::from_gguf(gguf);
  fuzz::expect(tokenizer.has_value());
  return *tokenizer;
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  static const std::vector<Tokenizer> tokenizers([] {
    std::vector<Tokenizer> all;
    for (const char* family : families) all.push_back(make(family));
    return all;
  }());
  if (input.size() < 2) return;
  const Tokenizer& tokenizer = tokenizers[static_cast<size_t>(input[0]) % std::size(families)];
  const auto text = std::string(fuzz::text_of(input.subspan(2)));
  const std::string repaired = repaired_utf8(text);

  const auto plain = tokenizer.encode(text, Specials::as_text), parsed = tokenizer.encode(text, Specials::parse);
  fuzz::expect(tokenizer.decode(plain) == repaired && tokenizer.decode(parsed) == repaired);
  for (Token token : plain) fuzz::expect(!tokenizer.is_special(token));
  fuzz::expect(tokenizer.encode(repaired, Specials::parse) == parsed);

  StreamDecoder stream(tokenizer);
  std::string streamed;
  for (Token token : parsed) {
    const std::string part = stream.push(token);
    fuzz::expect(valid_utf8(part));
    streamed += part;
  }
  fuzz::expect(streamed + stream.finish() == repaired);

  size_t cut = repaired.empty() ? 0 : static_cast<size_t>(input[1]) % repaired.size();
  while (cut > 0 && (static_cast<unsigned char>(repaired[cut]) & 0xc0) == 0x80) --cut;
  const std::string_view whole = repaired;
  for (const Specials second : {Specials::parse, Specials::as_text}) {
    const Tokenizer::Part parts[] = {{whole.substr(0, cut), Specials::parse}, {whole.substr(cut), second}};
    const auto joined = tokenizer.encode(parts);
    fuzz::expect(tokenizer.decode(joined) == repaired);
    fuzz::expect(second == Specials::as_text || joined == parsed);
  }
}
