#include "text/jinja/text.h"

#include <algorithm>

#include "base/check.h"
#include "text/jinja/unicode.h"

namespace freehold::jinja {

Text::Text(std::string bytes, Author author) {
  if (bytes.empty()) return;
  const size_t characters = count_characters(bytes);
  rep_ = std::make_shared<const Rep>(Rep{std::move(bytes), {}, author, characters});
}

Text::Text(std::string bytes, std::vector<Run> runs) {
  if (bytes.empty()) return;
  CHECK(!runs.empty() && runs.back().end == bytes.size());
  const Author author = runs.front().author;
  if (runs.size() == 1) runs.clear();
  const size_t characters = count_characters(bytes);
  rep_ = std::make_shared<const Rep>(Rep{std::move(bytes), std::move(runs), author, characters});
}

size_t Text::offset_of(size_t character) const {
  if (ascii()) return std::min(character, size());
  const std::string_view all = bytes();
  size_t at = 0;
  while (character-- > 0 && at < all.size()) at = next_character(all, at);
  return at;
}

size_t Text::character_of(size_t offset) const {
  return ascii() ? offset : count_characters(bytes().substr(0, offset));
}

size_t Text::run_at(size_t offset) const {
  const auto& runs = rep_->runs;
  const auto run =
      std::upper_bound(runs.begin(), runs.end(), offset, [](size_t at, const Run& r) { return at < r.end; });
  return static_cast<size_t>(run - runs.begin());
}

Author Text::author_at(size_t offset) const {
  return rep_->runs.empty() ? rep_->author : rep_->runs[run_at(offset)].author;
}

Author Text::author() const {
  if (!rep_) return Author::the_template;
  return rep_->runs.empty() ? rep_->author : Author::the_request;  // several runs: one of them is the request's
}

Text Text::slice(size_t first, size_t end) const {
  CHECK(first <= end && end <= size());
  if (first == 0 && end == size()) return *this;
  std::vector<Run> runs;
  each_run(first, end, [&](std::string_view bytes, Author author) {
    runs.push_back({(runs.empty() ? 0 : runs.back().end) + bytes.size(), author});
  });
  Text part(std::string(bytes().substr(first, end - first)), std::move(runs));
  part.markup_ = markup_;
  return part;
}

Text Text::as_markup(bool markup) const {
  Text text = *this;
  text.markup_ = markup;
  return text;
}

void TextBuilder::add(std::string_view bytes, Author author) {
  if (bytes.empty() || failed_) return;
  const bool same_run = !runs_.empty() && runs_.back().author == author;
  const size_t cost = bytes.size() + (same_run ? 0 : sizeof(Run));
  const size_t taken = bytes_.size() + runs_.size() * sizeof(Run);
  if (bytes.size() > most_ - bytes_.size() || cost > limits::template_value_bytes - taken) {
    failed_ = over_limit("a text of more than {} bytes", most_).value();
    return;
  }
  if (const auto held = budget_.hold(cost); !held) {
    failed_ = held.error();
    return;
  }
  bytes_ += bytes;
  if (same_run)
    runs_.back().end = bytes_.size();
  else
    runs_.push_back({bytes_.size(), author});
}

Result<Text> TextBuilder::finish() {
  if (failed_) return why_full();
  TRY(budget_.read(bytes_.size() + runs_.size() * sizeof(Run)));
  return Text(std::move(bytes_), std::move(runs_));
}

std::vector<Piece> TextBuilder::pieces() const {
  std::vector<Piece> pieces;
  size_t first = 0;
  for (const Run& run : runs_) {
    pieces.push_back({bytes_.substr(first, run.end - first), run.author});
    first = run.end;
  }
  return pieces;
}

}  // namespace freehold::jinja
