#include "text/deepseek_v4.h"

#include <algorithm>
#include <map>

namespace freehold::deepseek {
namespace {

// In the words of the published encoders: what the model was trained to read.
constexpr std::string_view before_schemas = R"(## Tools

You have access to a set of tools to help answer the user's question. You can invoke tools by writing a "<｜DSML｜tool_calls>" block like the following:

<｜DSML｜tool_calls>
<｜DSML｜invoke name="$TOOL_NAME">
<｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
...
</｜DSML｜invoke>
<｜DSML｜invoke name="$TOOL_NAME2">
...
</｜DSML｜invoke>
</｜DSML｜tool_calls>

String parameters should be specified as is and set `string="true"`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format and set `string="false"`.

If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside <think>...</think> BEFORE any tool calls or final response.

Otherwise, output directly after </think> with tool calls or final response.

### Available Tool Schemas

)";
constexpr std::string_view after_schemas =
    "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.\n";

constexpr std::string_view great_effort =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root cause, "
    "rigorously stress-testing your logic against all potential paths, edge cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every intermediate step, considered "
    "alternative, and rejected hypothesis to ensure absolutely no assumption is left unchecked.\n\n";
constexpr std::string_view greatest_effort =
    "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n"
    "You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: exhaustively decompose the "
    "problem into its most fundamental components, trace every causal chain to its root, and resolve the underlying "
    "cause rather than any surface symptom.\n"
    "Do not stop reasoning until you have independently verified the solution from multiple angles and are certain "
    "that no assumption remains unchecked and no error remains undiscovered.\n\n";

constexpr std::string_view tasks[] = {"action", "query", "authority", "domain", "title", "read_url"};

// The words that clients use for an effort, brought to the model's levels.
Result<std::string_view> effort_text(Efforts efforts, std::string_view word) {
  if (word.empty() || word == "none" || word == "minimal" || word == "low" || word == "medium") return "";
  if (word == "high") return efforts == Efforts::three ? great_effort : "";
  if (word == "xhigh" || word == "max") return efforts == Efforts::three ? greatest_effort : great_effort;
  return usage_error("reasoning effort: expected none, minimal, low, medium, high, xhigh or max, found {}",
                     printable(word, 40));
}

// A message, or a user's turn made of what a user said and what tools answered.
struct Turn {
  Message message;
  struct Block {
    bool is_result;
    std::string text, call_id;
  };
  std::vector<Block> blocks;
};

std::vector<Turn> merged(std::vector<Message> messages) {
  std::vector<Turn> turns;
  for (Message& message : messages) {
    const bool is_tool = message.role == "tool", is_user = message.role == "user";
    if (!is_tool && !is_user) {
      turns.push_back({std::move(message), {}});
      continue;
    }
    Turn::Block block{is_tool, std::move(message.content), std::move(message.call_id)};
    const bool joins =
        !turns.empty() && turns.back().message.role == "user" && (is_tool || turns.back().message.task.empty());
    if (!joins) {
      turns.emplace_back();
      turns.back().message.role = "user";
      if (is_user) turns.back().message.task = std::move(message.task);
    }
    turns.back().blocks.push_back(std::move(block));
  }
  return turns;
}

void sort_results(std::vector<Turn>& turns) {
  std::map<std::string, size_t> places;  // of the calls of the last assistant that made some
  const auto place = [&](const Turn::Block& block) {
    const auto found = places.find(block.call_id);
    return found == places.end() ? size_t{0} : found->second;
  };
  for (Turn& turn : turns) {
    if (turn.message.role == "assistant" && !turn.message.calls.empty()) {
      places.clear();
      for (size_t i = 0; i < turn.message.calls.size(); ++i)
        if (!turn.message.calls[i].id.empty()) places[turn.message.calls[i].id] = i;
    }
    if (places.empty()) continue;
    std::vector<Turn::Block> results;
    for (const Turn::Block& block : turn.blocks)
      if (block.is_result) results.push_back(block);
    std::stable_sort(results.begin(), results.end(),
                     [&](const Turn::Block& a, const Turn::Block& b) { return place(a) < place(b); });
    size_t next = 0;
    for (Turn::Block& block : turn.blocks)
      if (block.is_result) block = std::move(results[next++]);
  }
}

class Encoder {
 public:
  Encoder(const std::vector<Turn>& turns, int last_user, bool thinks, bool keeps, bool prompts)
      : turns_(turns), last_user_(last_user), thinks_(thinks), keeps_(keeps), prompts_(prompts) {}

  Result<std::vector<Piece>> encode(std::string_view effort) {
    out_.ours(bos);
    if (thinks_ && !turns_.empty()) out_.ours(effort);
    for (size_t i = 0; i < turns_.size(); ++i) {
      TRY(body(i));
      TRY(transition(i));
    }
    return out_.finish();
  }

 private:
  Result<Done> body(size_t i) {
    const Message& message = turns_[i].message;
    if (message.role == "system") {
      out_.theirs(message.content);
      write_extras(out_, message, before_schemas, after_schemas);
    } else if (message.role == "developer") {
      out_.ours(user_tag);
      out_.theirs(message.content);
      write_extras(out_, message, before_schemas, after_schemas);
    } else if (message.role == "user") {
      out_.ours(user_tag);
      bool first = true;
      for (const Turn::Block& block : turns_[i].blocks) {
        if (!first) out_.ours("\n\n");
        first = false;
        if (block.is_result) out_.ours("<tool_result>");
        out_.theirs(block.text);
        if (block.is_result) out_.ours("</tool_result>");
      }
    } else if (message.role == "latest_reminder") {
      out_.ours("<｜latest_reminder｜>");
      out_.theirs(message.content);
    } else if (message.role == "assistant") {
      const bool answers_task = i > 0 && !turns_[i - 1].message.task.empty();
      if (thinks_ && !answers_task && (keeps_ || static_cast<int>(i) > last_user_)) {
        out_.theirs(message.reasoning);
        out_.ours(end_think);
      }
      out_.theirs(message.content);
      write_calls(out_, message.calls, "tool_calls");
      if (!message.without_end) out_.ours(eos);
    } else {
      return inconsistent("messages: role '{}'; expected system, developer, user, assistant, tool or latest_reminder",
                          printable(message.role, 40));
    }
    return Done{};
  }

  // What stands between a turn and the answer to it.
  Result<Done> transition(size_t i) {
    const Message& message = turns_[i].message;
    if (!message.task.empty() && std::find(std::begin(tasks), std::end(tasks), message.task) == std::end(tasks))
      return inconsistent("messages: task '{}'; expected action, query, authority, domain, title or read_url",
                          printable(message.task, 40));
    const bool is_final = i + 1 == turns_.size();
    if (is_final && !prompts_) return Done{};
    if (!is_final) {
      const std::string& next = turns_[i + 1].message.role;
      if (next != "assistant" && next != "latest_reminder") return Done{};
    }
    if (!message.task.empty()) {
      if (message.task == "action") {
        out_.ours(assistant_tag);
        out_.ours(thinks_ ? think : end_think);
      }
      out_.ours(fmt::format("<｜{}｜>", message.task));
    } else if (message.role == "user" || message.role == "developer") {
      out_.ours(assistant_tag);
      out_.ours(thinks_ && (keeps_ || static_cast<int>(i) >= last_user_) ? think : end_think);
    }
    return Done{};
  }

  const std::vector<Turn>& turns_;
  const int last_user_;
  const bool thinks_, keeps_, prompts_;
  PieceWriter out_;
};

}  // namespace

Result<std::vector<Piece>> encode_v4(std::vector<Message> messages, bool thinks, bool add_generation_prompt,
                                     Efforts efforts, std::string_view effort) {
  TRY_ASSIGN(const std::string_view first_words, effort_text(efforts, effort));
  const bool keeps = std::any_of(messages.begin(), messages.end(), [](const Message& m) { return !m.tools.is_null(); });
  std::vector<Turn> turns = merged(std::move(messages));
  sort_results(turns);
  // Here a tool's result counts as a question, as it is part of a user's turn.
  const auto is_question = [](const Turn& turn) {
    return turn.message.role == "user" || turn.message.role == "developer";
  };
  const auto last = std::find_if(turns.rbegin(), turns.rend(), is_question);
  auto last_user = static_cast<int>(turns.rend() - last) - 1;
  if (thinks && !keeps) {
    std::vector<Turn> kept;
    for (int i = 0; i < static_cast<int>(turns.size()); ++i)
      if (i >= last_user || turns[static_cast<size_t>(i)].message.role != "developer")
        kept.push_back(std::move(turns[static_cast<size_t>(i)]));
    last_user -= static_cast<int>(turns.size() - kept.size());  // all that went stood before it
    turns = std::move(kept);
  }
  return Encoder(turns, last_user, thinks, keeps, add_generation_prompt).encode(first_words);
}

}  // namespace freehold::deepseek
