// Fill in the middle: the tokens with which a model was taught to write what belongs between two texts, and the prompt
// that asks it to (Bavarian et al. 2022, in the order prefix, suffix, middle):
//
//   [repo NAME \n] [file NAME \n TEXT]... [file NAME \n] before PREFIX after SUFFIX middle
//
// Code models of DeepSeek, Qwen, StarCoder and Granite have these tokens; models that were not taught so have none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace freehold {

struct FillTokens {
  Token before = -1, after = -1, middle = -1;
  std::optional<Token> repo = {}, file = {};  // of models that know several files
  std::vector<Token> ends = {};               // what ends such an answer beside the tokenizer's own
};

// By the names that families give them.
std::optional<FillTokens> find_fill_tokens(const Tokenizer& tokenizer);

struct OtherFile {
  std::string name, text;
};
// All texts are text: what looks like a special token in them is none.
std::vector<Token> fill_prompt(const Tokenizer& tokenizer, const FillTokens& fill, std::string_view prefix,
                               std::string_view suffix, std::span<const OtherFile> others = {});

}  // namespace freehold
