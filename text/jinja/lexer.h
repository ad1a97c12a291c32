// Lexer: template source to tokens, as Jinja 3.1 does with trim_blocks and lstrip_blocks on. Text outside of tags
// comes as `data`, already stripped; comments and raw blocks are gone. The grammar's traps are in lexer.cpp.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/fault.h"

namespace freehold::jinja {

struct Token {
  enum class Kind {
    data,
    block_begin,
    block_end,
    variable_begin,
    variable_end,
    name,
    string,
    integer,
    real,
    symbol,
    end
  };
  Kind kind = Kind::end;
  int line = 1;
  std::string_view text;  // name, symbol: as written; data: the text
  std::string string;     // string: its value
  int64_t integer = 0;
  double real = 0;
};

class Lexer {
 public:
  // `source` has normalized_source() behind it and outlives the lexer and its tokens.
  explicit Lexer(std::string_view source) : source_(source) {}
  Result<Token> next();  // Kind::end for ever once the source is used up
  int line() const { return line_; }

 private:
  enum class In { data, block, variable };
  Result<Token> in_data();
  Result<Token> in_tag();
  Result<Token> string_token();
  Result<Token> number_token();
  std::string_view strip_before_tag(std::string_view text, char sign, bool is_variable) const;
  bool raw_begin(size_t at, size_t& behind) const;
  Result<Done> raw_block(size_t begin);
  Token token(Token::Kind kind, size_t length);
  void move_to(size_t at);  // counts lines
  bool at(std::string_view what) const { return source_.substr(at_).starts_with(what); }
  size_t skip_newline(size_t at) const { return at < source_.size() && source_[at] == '\n' ? at + 1 : at; }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  In in_ = In::data;
  bool line_starting_ = true;   // what was read last ended a line
  std::vector<char> brackets_;  // open in the current tag
  std::deque<Token> ready_;
};

// Newlines as \n, one at the very end dropped.
std::string normalized_source(std::string_view source);

}  // namespace freehold::jinja
