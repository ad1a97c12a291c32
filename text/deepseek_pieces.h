// What the encoders of V3.2 and V4 share: writing pieces, reading messages, and DSML, the notation of tool calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/chat_template.h"

namespace freehold::deepseek {

inline constexpr std::string_view bos = "<｜begin▁of▁sentence｜>", eos = "<｜end▁of▁sentence｜>",
                                  user_tag = "<｜User｜>", assistant_tag = "<｜Assistant｜>", think = "<think>",
                                  end_think = "</think>";

// Collects pieces; the first thing that goes wrong is kept and told by finish().
class PieceWriter {
 public:
  void ours(std::string_view text) { add(text, Author::the_template); }
  void theirs(std::string_view text) { add(text, Author::the_request); }
  void their_json(const Json& value);  // as Python's json.dumps(value, ensure_ascii=False) writes it
  void fail(Failure failure) {
    if (!failed_) failed_ = std::move(failure);
  }
  Result<std::vector<Piece>> finish();

 private:
  void add(std::string_view text, Author author);
  std::vector<Piece> pieces_;
  size_t bytes_ = 0;
  std::optional<Failure> failed_;
};

// One message of the conversation, checked.
struct Message {
  std::string role, content, reasoning, task, call_id;
  Json tools, response_format;  // null where absent
  struct Call {
    std::string id, name;
    Json arguments;  // an object
  };
  std::vector<Call> calls;
  bool without_end = false;
};
// The messages, with the conversation's tools on the first system message (which is made if there is none).
Result<std::vector<Message>> read_messages(const Conversation&);

int last_user(const std::vector<Message>&);  // of role user or developer; -1: none
// What the encoders leave out when earlier reasoning is dropped: developers before the last question, and reasoning
// there.
void drop_earlier_reasoning(std::vector<Message>&);

// A message's tools, one line of JSON for each between the words before and after, and the format of the answer.
void write_extras(PieceWriter&, const Message&, std::string_view before, std::string_view after);
void write_calls(PieceWriter&, const std::vector<Message::Call>&, std::string_view block);

}  // namespace freehold::deepseek
