// Text: the template language's string. UTF-8, immutable, cheap to copy, and every byte remembers its author: a text
// is a sequence of runs, most often one. All filters and methods that cut or join texts do it through slice() and
// TextBuilder, so that the mark cannot get lost. Indices of the language count characters (code points).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/jinja/budget.h"
#include "text/piece.h"

namespace freehold::jinja {

struct Run {
  size_t end;  // first byte behind the run
  Author author;
};

class Text {
 public:
  Text() = default;                                // empty
  Text(std::string bytes, Author author);          // valid UTF-8
  Text(std::string bytes, std::vector<Run> runs);  // runs ascending, the last ends with the bytes

  std::string_view bytes() const { return rep_ ? std::string_view(rep_->bytes) : std::string_view(); }
  size_t size() const { return rep_ ? rep_->bytes.size() : 0; }  // bytes
  bool empty() const { return size() == 0; }
  size_t characters() const { return rep_ ? rep_->characters : 0; }
  bool ascii() const { return size() == characters(); }
  size_t offset_of(size_t character) const;  // byte offset; size() when beyond the end
  size_t character_of(size_t offset) const;

  Author author_at(size_t offset) const;
  Author author() const;                       // the_request if any byte is
  Text slice(size_t first, size_t end) const;  // bytes, at borders of characters
  // f(std::string_view bytes, Author) for each run within [first, end).
  template <class F>
  void each_run(size_t first, size_t end, F&& f) const {
    if (first >= end) return;
    if (rep_->runs.empty()) return f(bytes().substr(first, end - first), rep_->author);
    for (size_t i = run_at(first); first < end; ++i) {
      const size_t stop = std::min(end, rep_->runs[i].end);
      f(bytes().substr(first, stop - first), rep_->runs[i].author);
      first = stop;
    }
  }

  // Marked as safe to put into HTML: what is joined to it is escaped first, as Markup does in Jinja.
  bool markup() const { return markup_; }
  Text as_markup(bool markup) const;

 private:
  struct Rep {
    std::string bytes;
    std::vector<Run> runs;  // empty: all by `author`
    Author author;
    size_t characters;
  };
  size_t run_at(size_t offset) const;
  std::shared_ptr<const Rep> rep_;
  bool markup_ = false;
};

// Joins texts. Each byte is paid for before it is taken, and so is each run: a text of many authors costs more than its
// bytes. Once a limit is reached it takes no more, and fails in finish().
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget, uint64_t most = limits::template_value_bytes) : budget_(budget), most_(most) {}
  void add(std::string_view bytes, Author author);
  void add(const Text& text) { add(text, 0, text.size()); }
  void add(const Text& text, size_t first, size_t end) {
    text.each_run(first, end, [this](std::string_view bytes, Author author) { add(bytes, author); });
  }
  size_t size() const { return bytes_.size(); }
  bool full() const { return failed_.has_value(); }
  Failure why_full() const { return Failure(*failed_); }
  Result<Text> finish();  // pays the steps
  std::vector<Piece> pieces() const;

 private:
  Budget& budget_;
  uint64_t most_;
  std::string bytes_;
  std::vector<Run> runs_;
  std::optional<Error> failed_;
};

}  // namespace freehold::jinja
