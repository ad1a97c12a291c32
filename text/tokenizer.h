// Tokenizer: text to token ids and back. Byte-level BPE and WordPiece, from GGUF metadata or tokenizer.json. Immutable:
// one may be used from many threads at once.
//
// Text comes back from its ids byte for byte (BPE), but for two things that the model's files decide: a normalizer, and
// vocabularies without tokens for some bytes, which are then left out (SmolLM2 lacks a few control characters).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold {

using Token = int32_t;

// What to do with a special token that is written out in a text. Text of users and documents is always as_text: it
// must not be able to speak as the system.
enum class Specials { as_text, parse };

// The tokenizer.ggml.* metadata of a GGUF file, as found. Views must outlive the call only.
struct GgufVocabulary {
  std::string_view file;        // for errors
  std::string_view model, pre;  // "gpt2" | "bert" | "llama"; "qwen2", "deepseek-v3" ...
  std::span<const std::string_view> tokens, merges;
  std::span<const int32_t> types;  // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  std::optional<int64_t> bos, eos, eot, unknown, padding;
  std::optional<bool> add_bos;
};

class Tokenizer {
 public:
  static Result<Tokenizer> from_gguf(const GgufVocabulary&);
  // Hugging Face's tokenizer.json; `config_json` is tokenizer_config.json (bos, eos, add_bos), or empty.
  static Result<Tokenizer> from_json(std::string_view tokenizer_json, std::string_view config_json,
                                     std::string_view name);

  // BERT's vocab.txt: WordPiece, a token a line, numbered from 0; `config_json` (do_lower_case ...) as above.
  static Result<Tokenizer> from_vocabulary(std::string_view vocab_txt, std::string_view config_json,
                                           std::string_view name);

  // Adds no begin or end token. Invalid UTF-8 is read as U+FFFD for each maximal invalid part.
  std::vector<Token> encode(std::string_view text, Specials) const;
  // Texts of several authors that stand behind one another (a rendered prompt). Added tokens are looked for only inside
  // neighbouring parts marked `parse`; everything between them is encoded as one text, so that the ids are those of the
  // whole text when no part spells a special token it may not use.
  struct Part {
    std::string_view text;
    Specials specials;
  };
  std::vector<Token> encode(std::span<const Part>) const;
  std::string_view bytes_of(Token) const;            // "" for ids out of range; special tokens give their written form
  std::string decode(std::span<const Token>) const;  // invalid UTF-8 becomes U+FFFD per maximal invalid part

  int size() const;
  // Bytes of the longest token: n tokens stand for at most n times as many bytes, so a text far over a limit can be
  // refused before it is encoded.
  size_t longest_bytes() const;
  bool is_special(Token) const;                              // control tokens: not shown to users
  std::optional<Token> id_of(std::string_view bytes) const;  // the token whose bytes_of is that
  std::optional<Token> bos() const;
  const std::vector<Token>& ends() const;  // tokens that end an answer (eos, and end-of-turn ones)
  bool adds_bos() const;
  bool composes() const;          // text is brought to NFC first
  std::string_view kind() const;  // "BPE deepseek-v3", "WordPiece", for inspect

  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

// Turns tokens into text as they come: bytes of a character that is not complete are held back until it is.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
  std::string push(Token);  // the text that became certain
  std::string finish();     // what was held back, as U+FFFD if it never became a character

 private:
  const Tokenizer* tokenizer_;
  std::string held_;
};

}  // namespace freehold
