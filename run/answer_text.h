// AnswerText: from the tokens of an answer to its text, as it streams: whole characters only, thinking told from the
// answer, and texts that end it. What could be the beginning of a tag or of such a text is held back until it is
// decided.
#pragma once

#include <string>
#include <vector>

#include "run/thinking.h"
#include "text/tokenizer.h"
#include "text/tool_calls.h"

namespace freehold {

struct AnswerTextOptions {
  bool thinking_open = false;  // the prompt ended inside thinking
  bool raw = false;            // no thinking split: all is answer
  // Whose marks stay in the text although they are control tokens, for a ToolCallParser to read.
  ToolSyntax tools = ToolSyntax::none;
  std::vector<std::string> stops = {};  // not empty, valid UTF-8; looked for in the answer, not in the thinking
  std::vector<Token> ends = {};         // that end the answer beside those of the tokenizer
};

class AnswerText {
 public:
  AnswerText(const Tokenizer& tokenizer, AnswerTextOptions options);

  std::vector<Part> push(Token token);  // what became certain; no empty parts
  std::vector<Part> finish();           // what was held back
  bool ends(Token token) const;         // the token is none of the answer, but its end
  // One of the texts was found: it and what follows are not part of the answer, and more tokens change nothing.
  bool stopped() const { return stopped_; }
  const std::string& stopped_by() const { return stopped_by_; }
  // Whether the last token pushed belongs to the thinking; the tags themselves belong to neither.
  bool thinking() const { return thinking_; }
  int thinking_tokens() const { return thinking_tokens_; }

 private:
  std::vector<Part> sift(std::vector<Part> parts, bool last);
  void sift_answer(std::string_view text, bool last, std::vector<Part>& out);
  const Tokenizer* tokenizer_;
  AnswerTextOptions options_;
  StreamDecoder decoder_;
  ThinkingSplitter splitter_;
  std::string held_;        // of the answer
  std::string stopped_by_;  // which of the texts
  bool stopped_ = false, thinking_ = false;
  int thinking_tokens_ = 0;
};

}  // namespace freehold
