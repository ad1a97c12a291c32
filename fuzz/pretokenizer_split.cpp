// Any text through a family's loops or, after a zero byte, through a regular expression of the input: every byte is in
// exactly one piece, in order. The first byte picks the family.
#include "fuzz/fuzz.h"
#include "text/pretokenize.h"
#include "text/utf8.h"

using namespace freehold;

namespace {

constexpr const char* families[] = {"deepseek-v3",  "qwen2",          "llama-bpe", "smollm",
                                    "deepseek-llm", "deepseek-coder", "gpt-2",     "default"};

void expect_all_bytes(const PreTokenizer& splitter, const std::string& text) {
  size_t at = 0;
  auto take = [&](std::string_view piece) {
    fuzz::expect(!piece.empty() && at + piece.size() <= text.size() && text.compare(at, piece.size(), piece) == 0);
    fuzz::expect(valid_utf8(piece));
    at += piece.size();
  };
  splitter.split(text, take);
  fuzz::expect(at == text.size());
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  if (input.empty()) return;
  const std::string_view rest = fuzz::text_of(input.subspan(1));
  if (const size_t end = rest.find('\0'); end != rest.npos) {
    constexpr const char* behaviors[] = {"Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const Json node = {{"type", "Split"},
                       {"pattern", {{"Regex", repaired_utf8(rest.substr(0, end))}}},
                       {"behavior", behaviors[static_cast<size_t>(input[0]) % 4]},
                       {"invert", (static_cast<unsigned>(input[0]) & 4) != 0}};
    const auto splitter = PreTokenizer::from_json(node, "input");
    if (splitter) expect_all_bytes(*splitter, repaired_utf8(rest.substr(end + 1)));
    return;
  }
  const auto splitter = PreTokenizer::named(families[static_cast<size_t>(input[0]) % std::size(families)], "input");
  fuzz::expect(splitter.has_value());
  expect_all_bytes(*splitter, repaired_utf8(rest));
}
