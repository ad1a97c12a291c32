// VocabularyTree: the tokens of a vocabulary as trees over their bytes, in the order in which a walk meets them. Tokens
// that are short plain text stand in trees of their own: where a grammar takes any such text, as inside a JSON string,
// all of a tree's tokens fit, and it need not be walked.
#pragma once

#include <span>
#include <vector>

#include "text/grammar/char_set.h"
#include "text/tokenizer.h"
#include "text/tool_calls.h"

namespace freehold {

class VocabularyTree {
 public:
  // Of the first `size` tokens those that are text: no control tokens, but for the marks of `tools`.
  VocabularyTree(const Tokenizer& tokenizer, int size, ToolSyntax tools);

  struct Node {
    int32_t skip;    // the node behind all that go on from this one
    int32_t tokens;  // those that end here: from this index up to that of the next node
    uint16_t depth;  // bytes up to here, this one counted
    uint8_t byte;
  };
  struct Tree {
    int plain_characters = 0;  // each token is at most so many plain characters; 0: any bytes
    std::vector<Node> nodes;   // one more at the end
    std::vector<Token> tokens;
    int depth = 0;
  };
  std::span<const Tree> trees() const { return trees_; }
  static const CharSet& plain_characters();
  // Bytes of the longest token that this text begins with; 0: no token does.
  size_t longest_token(std::string_view text) const;

  const std::vector<Token>& ends() const { return ends_; }
  std::string_view bytes_of(Token token) const { return tokenizer_->bytes_of(token); }
  int size() const { return size_; }

 private:
  static Tree tree_of(const Tokenizer& tokenizer, std::vector<Token> tokens, int plain_characters);
  const Tokenizer* tokenizer_;
  int size_;
  std::vector<Token> ends_;
  std::vector<Tree> trees_;
};

}  // namespace freehold
