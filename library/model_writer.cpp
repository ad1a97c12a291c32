#include "library/model_writer.h"

#include "text/grammar/json_schema.h"
#include "text/prompt.h"

namespace freehold::papers {
namespace {

using namespace std::chrono_literals;

constexpr int most_tokens = 400;  // of an answer

// The engine's thread wakes the one that waits.
struct Bell {
  std::mutex mutex;
  std::condition_variable rang;
  bool ringing = false;
  void ring() {
    const std::lock_guard lock(mutex);
    ringing = true;
    rang.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex);
    rang.wait_for(lock, 100ms, [this] { return ringing; });
    ringing = false;
  }
};

}  // namespace

Result<std::vector<Token>> ModelWriter::prompt_of(const Writing& writing, bool& thinking_open) const {
  Conversation conversation;
  conversation.messages = Json::array(
      {{{"role", "system"}, {"content", writing.instructions}}, {{"role", "user"}, {"content", writing.text}}});
  conversation.variables = special_tokens(tokenizer_);
  conversation.thinking = false;
  TRY_ASSIGN(const Prompt prompt, format_.write(conversation));
  thinking_open = prompt.thinking_open;
  return encode_prompt(prompt.pieces, tokenizer_);
}

std::shared_ptr<const VocabularyTree> ModelWriter::tree() {
  const std::lock_guard lock(mutex_);
  if (!tree_) tree_ = std::make_shared<const VocabularyTree>(tokenizer_, vocabulary_, ToolSyntax::none);
  return tree_;
}

Result<std::string> ModelWriter::write(const Writing& writing, const std::string& user,
                                       const std::function<bool()>& go_on, WritingUse* used) {
  TRY_ASSIGN(const Grammar grammar, json_schema_grammar(writing.schema));
  freehold::Ask ask;
  TRY_ASSIGN(ask.constraint.grammar, CompiledGrammar::make(grammar, tree()));
  TRY_ASSIGN(ask.prompt, prompt_of(writing, ask.text.thinking_open));
  ask.sampling.temperature = writing.draw == 0 ? 0 : 0.8;
  ask.sampling.seed = writing.draw;
  ask.max_tokens = most_tokens;
  ask.user = user;
  auto bell = std::make_shared<Bell>();
  TRY_ASSIGN(const std::shared_ptr<Request> request, scheduler_.submit(std::move(ask), [bell] { bell->ring(); }));
  std::string text;
  Stop stop = Stop::cancelled;
  for (;;) {
    if (!go_on()) {
      request->cancel();
      return failure(Fault::cancelled, "the model's answer was not waited for");
    }
    for (Event& event : request->take()) {
      for (const Part& part : event.parts)
        if (part.voice == Voice::answer) text += part.text;
      if (used) {
        used->prompt = request->prompt_tokens();
        if (event.kind == Event::Kind::begun) used->reused = event.reused;
        used->written += event.kind == Event::Kind::token;
      }
      if (event.kind == Event::Kind::failed) return Failure(event.error);
      if (event.kind == Event::Kind::ended) stop = event.stop;
      if (event.kind != Event::Kind::done) continue;
      if (stop == Stop::cancelled) return failure(Fault::cancelled, "the model is ending");
      if (stop != Stop::end) return out_of_resources("the model's answer: longer than {} tokens", most_tokens);
      return text;
    }
    bell->wait();
  }
}

}  // namespace freehold::papers
