#include "text/grammar/vocabulary_tree.h"

#include <algorithm>

#include "text/utf8.h"

namespace freehold {
namespace {

constexpr int short_text = 8, longer_text = 24;  // characters

// Of a plain text, the number of its characters; 0 of any other.
int plain_length(std::string_view text) {
  int count = 0;
  for (size_t at = 0; at < text.size(); ++count) {
    const Character c = character_at(text, at);
    if (!c.valid || !VocabularyTree::plain_characters().contains(c.code)) return 0;
    at += static_cast<size_t>(c.bytes);
  }
  return count;
}

}  // namespace

const CharSet& VocabularyTree::plain_characters() {
  static const CharSet plain = [] {
    CharSet set = CharSet::of("\"\\\x7f");
    set.add(0, 0x1f);
    return set.inverted();
  }();
  return plain;
}

VocabularyTree::VocabularyTree(const Tokenizer& tokenizer, int size, ToolSyntax tools)
    : tokenizer_(&tokenizer), size_(std::min(size, tokenizer.size())) {
  for (const Token token : tokenizer.ends())
    if (token < size_) ends_.push_back(token);
  std::vector<Token> few, more, rest;
  for (Token token = 0; token < size_; ++token) {
    const std::string_view bytes = tokenizer.bytes_of(token);
    if (bytes.empty() || (tokenizer.is_special(token) && !is_tool_mark(tools, bytes))) continue;
    if (std::find(ends_.begin(), ends_.end(), token) != ends_.end()) continue;
    const int length = plain_length(bytes);
    (length == 0 || length > longer_text ? rest : length <= short_text ? few : more).push_back(token);
  }
  trees_.push_back(tree_of(tokenizer, std::move(few), short_text));
  trees_.push_back(tree_of(tokenizer, std::move(more), longer_text));
  trees_.push_back(tree_of(tokenizer, std::move(rest), 0));
}

VocabularyTree::Tree VocabularyTree::tree_of(const Tokenizer& tokenizer, std::vector<Token> tokens,
                                             int plain_characters) {
  const auto bytes = [&](Token token) { return tokenizer.bytes_of(token); };
  std::sort(tokens.begin(), tokens.end(),
            [&](Token a, Token b) { return std::pair(bytes(a), a) < std::pair(bytes(b), b); });
  Tree tree;
  tree.plain_characters = plain_characters;
  std::vector<int32_t> path;  // nodes of the last token
  std::string_view last;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      tree.nodes[static_cast<size_t>(path.back())].skip = static_cast<int32_t>(tree.nodes.size());
  };
  for (const Token token : tokens) {
    const std::string_view text = bytes(token);
    size_t same =
        static_cast<size_t>(std::mismatch(last.begin(), last.end(), text.begin(), text.end()).first - last.begin());
    close(same);
    for (; same < text.size(); ++same) {
      path.push_back(static_cast<int32_t>(tree.nodes.size()));
      tree.nodes.push_back({0, static_cast<int32_t>(tree.tokens.size()), static_cast<uint16_t>(same + 1),
                            static_cast<uint8_t>(text[same])});
    }
    tree.tokens.push_back(token);
    tree.depth = std::max(tree.depth, static_cast<int>(text.size()));
    last = text;
  }
  close(0);
  tree.nodes.push_back({0, static_cast<int32_t>(tree.tokens.size()), 0, 0});
  return tree;
}

size_t VocabularyTree::longest_token(std::string_view text) const {
  size_t longest = 0;
  for (const Tree& tree : trees_) {
    size_t at = 0, end = tree.nodes.size() - 1;  // of the nodes that go on from the text so far
    for (size_t i = 0; i < text.size(); ++i) {
      while (at < end && tree.nodes[at].byte != static_cast<uint8_t>(text[i]))
        at = static_cast<size_t>(tree.nodes[at].skip);
      if (at >= end) break;
      end = static_cast<size_t>(tree.nodes[at].skip);
      if (tree.nodes[at + 1].tokens > tree.nodes[at].tokens) longest = std::max(longest, i + 1);
      ++at;
    }
  }
  return longest;
}

}  // namespace freehold
