#include "run/answer_text.h"

#include <algorithm>

#include "base/check.h"

namespace freehold {
namespace {

bool is_tag(std::string_view bytes) { return bytes == "<think>" || bytes == "</think>"; }

}  // namespace

AnswerText::AnswerText(const Tokenizer& tokenizer, AnswerTextOptions options)
    : tokenizer_(&tokenizer), options_(std::move(options)), decoder_(tokenizer), splitter_(options_.thinking_open) {
  for (const std::string& stop : options_.stops) CHECK(!stop.empty());
}

std::vector<Part> AnswerText::push(Token token) {
  if (stopped_) return {};
  const std::string_view bytes = tokenizer_->bytes_of(token);
  const bool tag = is_tag(bytes);
  const bool before = splitter_.thinking();
  std::vector<Part> parts;
  // Control tokens are no text for the reader, but for the tags of thinking, which are marks that we look for.
  if (!tokenizer_->is_special(token) || (tag && !options_.raw) || is_tool_mark(options_.tools, bytes)) {
    const std::string text = decoder_.push(token);
    if (options_.raw && !text.empty()) parts.push_back({Voice::answer, text});
    if (!options_.raw) parts = splitter_.push(text);
  }
  thinking_ = !options_.raw && !tag && (before || splitter_.thinking());
  thinking_tokens_ += thinking_;
  return sift(std::move(parts), false);
}

bool AnswerText::ends(Token token) const {
  const auto among = [&](const std::vector<Token>& ends) {
    return std::find(ends.begin(), ends.end(), token) != ends.end();
  };
  return among(tokenizer_->ends()) || among(options_.ends);
}

std::vector<Part> AnswerText::finish() {
  if (stopped_) return {};
  const std::string text = decoder_.finish();
  std::vector<Part> parts;
  if (options_.raw) {
    if (!text.empty()) parts.push_back({Voice::answer, text});
  } else {
    parts = splitter_.push(text);
    for (Part& part : splitter_.finish()) parts.push_back(std::move(part));
  }
  return sift(std::move(parts), true);
}

std::vector<Part> AnswerText::sift(std::vector<Part> parts, bool last) {
  if (options_.stops.empty()) return parts;
  std::vector<Part> out;
  for (Part& part : parts) {
    if (part.voice == Voice::thinking)
      out.push_back(std::move(part));
    else if (!stopped_)
      sift_answer(part.text, false, out);
  }
  if (last && !stopped_) sift_answer("", true, out);
  return out;
}

void AnswerText::sift_answer(std::string_view text, bool last, std::vector<Part>& out) {
  held_ += text;
  size_t found = std::string::npos;
  for (const std::string& stop : options_.stops)
    if (const size_t at = held_.find(stop); at < found) found = at, stopped_by_ = stop;
  size_t certain = held_.size();
  if (found != std::string::npos) {
    certain = found;
    stopped_ = true;
  } else if (!last) {  // the longest end that begins one of the texts
    for (const std::string& stop : options_.stops)
      for (size_t n = std::min(held_.size(), stop.size() - 1); n > held_.size() - certain; --n)
        if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, n))) {
          certain = held_.size() - n;
          break;
        }
  }
  if (certain > 0) out.push_back({Voice::answer, held_.substr(0, certain)});
  held_.erase(0, stopped_ ? held_.size() : certain);
}

}  // namespace freehold
