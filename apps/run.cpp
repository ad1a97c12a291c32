// freehold run: talk with a model in the terminal, or get one answer to a prompt that stands on the command line or
// comes through a pipe.
#include <sys/random.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/line_editor.h"
#include "apps/machine.h"
#include "apps/models.h"
#include "apps/report.h"
#include "apps/wrap.h"
#include "base/memory.h"
#include "run/chat.h"

namespace freehold {
namespace {

constexpr int usual_context = 8192;

struct Options {
  ModelOptions model;
  std::string prompt, system, think, effort;
  SamplerSettings sampling;
  std::vector<std::string> bias;
  int max_tokens = 0;
  bool raw = false, json = false, thinking = false, drafts = true, stats = false, seed_given = false;
};

// Everything that a conversation needs, in order of dependence.
struct Talk {
  LoadedModel loaded;
  Session session;
  Sampler sampler;
  std::unique_ptr<Chat> chat;  // null with --raw
  double bandwidth = 0;        // measured when first shown
};

Result<Done> parse_bias(const std::vector<std::string>& words, SamplerSettings& settings) {
  for (const std::string& word : words) {
    Token token;
    double bias;
    char rest;
    if (std::sscanf(word.c_str(), "%d:%lf%c", &token, &bias, &rest) != 2)
      return usage_error("--logit-bias: expected TOKEN:BIAS, found {}", printable(word));
    settings.logit_bias.emplace_back(token, bias);
  }
  return Done{};
}

Result<std::unique_ptr<Talk>> prepare(const Options& options) {
  SamplerSettings settings = options.sampling;
  TRY(parse_bias(options.bias, settings));
  if (!options.seed_given && ::getrandom(&settings.seed, 4, 0) != 4) settings.seed = 0;
  settings.score = settings.top_logprobs > 0;
  TRY(check_settings(settings, limits::vocabulary));  // before the model is loaded
  if (options.max_tokens < 0) return usage_error("--max-tokens: expected 0 or more, found {}", options.max_tokens);

  TRY_ASSIGN(LoadedModel loaded, load(options.model));
  std::optional<PromptFormat> format;
  if (!options.raw) {
    TRY_ASSIGN(format, prompt_format_for(loaded.checkpoint, loaded.tokenizer));
    if (!format) return unsupported("{}: has no chat template; --raw continues a text", loaded.name);
    if (!options.think.empty() && !format->switches_thinking())
      return usage_error("--think: the template of {} does not let thinking be switched", loaded.name);
    if (!options.effort.empty() && !format->takes_effort())
      return usage_error("--effort: the template of {} takes none", loaded.name);
  }
  const int most = loaded.model->facts().context;
  const int positions = options.model.context > 0 ? options.model.context : std::min(most, usual_context);
  if (options.model.context < 0)
    return usage_error("--context: expected 1 to {}, found {}", most, options.model.context);
  TRY_ASSIGN(Session session, Session::make(*loaded.engine, {.positions = positions, .drafts = options.drafts}));
  TRY_ASSIGN(Sampler sampler, Sampler::make(settings, loaded.model->facts().vocabulary));
  auto talk = std::make_unique<Talk>(Talk{std::move(loaded), std::move(session), std::move(sampler), nullptr});
  if (!options.raw) {
    talk->chat = std::make_unique<Chat>(talk->session, talk->loaded.tokenizer, std::move(*format));
    talk->chat->set_system(options.system);
    if (!options.think.empty()) talk->chat->set_thinking(options.think == "on");
    talk->chat->set_effort(options.effort);
  } else if (!options.system.empty()) {
    return usage_error("--system: there is no system message with --raw");
  } else if (!options.think.empty() || !options.effort.empty()) {
    return usage_error("{}: is for chats; this is --raw", options.think.empty() ? "--effort" : "--think");
  }
  return talk;
}

// Prints an answer as it comes. Thinking is dimmed at a terminal, and left out elsewhere unless asked for.
class Speaker {
 public:
  explicit Speaker(bool thinking) : terminal_(output_is_terminal()), thinking_(thinking || terminal_) {}
  void say(const Part& part) {
    if (part.voice == Voice::thinking && !thinking_) return;
    std::string text = part.text;
    if (!begun_) text.erase(0, std::min(text.find_first_not_of("\r\n"), text.size()));
    if (text.empty()) return;
    if (begun_ && part.voice != last_) put(fresh_ ? "\n" : "\n\n", part.voice);
    put(text, part.voice);
    begun_ = true;
    last_ = part.voice;
  }
  void end() {
    if (!fresh_) print("\n");
  }

 private:
  void put(const std::string& text, Voice voice) {
    fresh_ = text.back() == '\n';
    if (!terminal_) return print(text);
    const std::string shown = wrap_.put(fit_for_terminal(text), terminal_columns());
    print(voice == Voice::thinking ? dim(shown) : shown);
  }
  bool terminal_, thinking_, begun_ = false, fresh_ = true;
  Voice last_ = Voice::answer;
  WordWrap wrap_;
};

std::string stats_text(Talk& talk, const Answer& answer) {
  std::string text = fmt::format("{} tokens", answer.tokens.size());
  if (answer.answer_rate() > 0) {
    if (talk.bandwidth == 0) talk.bandwidth = measure_bandwidth(*talk.loaded.pool);
    text += fmt::format(", {:.1f} tokens/s", answer.answer_rate());
    const double bytes = answer.answer_rate() * static_cast<double>(talk.loaded.model->facts().bytes_per_token);
    if (talk.bandwidth > 0)
      text += fmt::format(" ({:.0f} % of {:.1f} GB/s memory bandwidth)", 100 * bytes / talk.bandwidth,
                          talk.bandwidth * 1e-9);
  }
  if (answer.drafts.computed > 0)
    text += fmt::format(", {} of {} guesses right", answer.drafts.right, answer.drafts.computed);
  const int fresh = answer.prompt_tokens - answer.reused_tokens;
  text += fmt::format("; prompt {} tokens in {:.2f} s", fresh, answer.prompt_seconds);
  if (answer.reused_tokens > 0) text += fmt::format(", {} reused", answer.reused_tokens);
  if (const WeightStore* store = talk.loaded.model->store()) {
    const WeightStoreCounts c = store->counts();
    text += fmt::format("; {:.0f} % of experts' weights found in memory so far, {} read, {:.2f} s waited",
                        100 * c.found(), text_of_bytes(c.read_bytes), c.wait_seconds);
  }
  return text;
}

Result<Answer> answer_to(Talk& talk, const std::string& prompt, const Options& options, Listener listener) {
  ProgressLine line("reading the prompt");
  listener.prompt = [&](int done, int total) {
    if (done < total)
      line.at(static_cast<double>(done) / total);
    else
      line.clear();
    return !interrupt::requested();
  };
  listener.go_on = [] { return !interrupt::requested() && !output_is_closed(); };
  AnswerOptions how;
  how.max_tokens = options.max_tokens;
  how.raw = options.raw;
  if (talk.chat) return talk.chat->ask(prompt, talk.sampler, how, listener);
  const Tokenizer& tokenizer = talk.loaded.tokenizer;
  std::vector<Token> tokens = tokenizer.encode(prompt, Specials::parse);
  if (tokenizer.adds_bos() && tokenizer.bos() && (tokens.empty() || tokens[0] != *tokenizer.bos()))
    tokens.insert(tokens.begin(), *tokenizer.bos());
  return generate(talk.session, tokenizer, talk.sampler, tokens, how, listener);
}

Json scored_json(const Tokenizer& tokenizer, const Scored& scored) {
  return {
      {"token", scored.token}, {"text", std::string(tokenizer.bytes_of(scored.token))}, {"logprob", scored.logprob}};
}

Result<Done> answer_once(Talk& talk, const Options& options, const std::string& prompt) {
  Speaker speaker(options.thinking);
  Listener listener;
  Json logprobs = Json::array();
  if (!options.json) listener.part = [&](const Part& part) { speaker.say(part); };
  if (options.json && options.sampling.top_logprobs > 0)
    listener.token = [&](const Choice& choice) {
      Json row = scored_json(talk.loaded.tokenizer, choice);
      for (const Scored& other : choice.top) row["top"].push_back(scored_json(talk.loaded.tokenizer, other));
      logprobs.push_back(std::move(row));
    };
  TRY_ASSIGN(const Answer answer, answer_to(talk, prompt, options, listener));
  if (options.json) {
    Json json = {{"model", talk.loaded.name},
                 {"mode", text_of(talk.loaded.model->mode())},
                 {"kernels", talk.loaded.engine->kernels().name},
                 {"threads", talk.loaded.pool->threads()},
                 {"seed", talk.sampler.settings().seed},
                 {"text", answer.text},
                 {"thinking", answer.thinking},
                 {"stop", name_of(answer.stop)},
                 {"tokens", answer.tokens},
                 {"prompt_tokens", answer.prompt_tokens},
                 {"answer_tokens", answer.tokens.size()},
                 {"draft_tokens", answer.drafts.computed},
                 {"draft_tokens_accepted", answer.drafts.right},
                 {"prompt_seconds", answer.prompt_seconds},
                 {"prompt_tokens_per_second", answer.prompt_rate()},
                 {"answer_tokens_per_second", answer.answer_rate()},
                 {"load_seconds", talk.loaded.seconds}};
    if (!logprobs.empty()) json["logprobs"] = logprobs;
    if (const WeightStore* store = talk.loaded.model->store()) json["experts"] = as_json(store->counts());
    print_json(json);
  } else {
    speaker.end();
    if (options.stats || (output_is_terminal() && messages_are_terminal())) {
      const std::string stats = stats_text(talk, answer);
      std::fputs(((messages_are_terminal() ? dim(stats) : stats) + "\n").c_str(), stderr);
    }
    if (answer.stop == Stop::context)
      std::fputs(
          fmt::format("freehold: the context of {} positions is full, the answer is cut off\n", talk.session.capacity())
              .c_str(),
          stderr);
  }
  if (answer.stop == Stop::cancelled && !output_is_closed())
    return failure(Fault::cancelled, "answer: stopped by signal");
  return Done{};
}

constexpr const char* chat_help = R"(  /reset          forget the conversation
  /system TEXT    set the system message; without TEXT show it
  /save FILE      keep the conversation and what was computed of it
  /load FILE      go on with a kept conversation
  /stats          speed, context, memory
  /quit           leave (also Ctrl-D)
  A line that ends with \ goes on with the next; """ opens and closes a text of several lines; so does pasting.
  Ctrl-C stops an answer.
)";

void show_stats(Talk& talk, const Answer* last) {
  const ModelFacts& facts = talk.loaded.model->facts();
  if (talk.bandwidth == 0) talk.bandwidth = measure_bandwidth(*talk.loaded.pool);
  print(fmt::format("  model     {}: {}, {} parameters, {}\n", talk.loaded.name, facts.architecture,
                    text_of_large(facts.parameters), text_of(talk.loaded.model->mode())));
  print(fmt::format("  machine   kernels {}, {} threads, memory {:.1f} GB/s\n", talk.loaded.engine->kernels().name,
                    talk.loaded.pool->threads(), talk.bandwidth * 1e-9));
  print(fmt::format("  context   {} of {} positions\n", talk.session.position(), talk.session.capacity()));
  print(fmt::format("  memory    weights {}, cache {}, process {}\n", text_of_bytes(facts.weight_bytes),
                    text_of_bytes(talk.session.cache_bytes()), text_of_bytes(resident_memory())));
  print(fmt::format("  seed      {}\n", talk.sampler.settings().seed));
  if (last) print(fmt::format("  last      {}\n", stats_text(talk, *last)));
}

enum class Next { go_on, leave };

// A line that starts with a slash.
Next do_command(Talk& talk, const std::string& line, const Answer* last) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  rest.erase(0, std::min(rest.find_first_not_of(' '), rest.size()));
  const auto note = [](const std::string& text) { print(dim(fit_for_terminal(text)) + "\n"); };
  Chat* chat = talk.chat.get();
  if (name == "/quit" || name == "/exit" || name == "/bye") return Next::leave;
  if (name == "/help" || name == "/?") {
    print(chat_help);
  } else if (name == "/stats") {
    show_stats(talk, last);
  } else if (!chat) {
    note("  " + name + " is for chats; this is --raw");
  } else if (name == "/reset") {
    chat->reset();
    note("  the conversation is forgotten");
  } else if (name == "/system") {
    if (rest.empty())
      note("  " + (chat->system().empty() ? "no system message of yours; the template may have one" : chat->system()));
    else
      chat->set_system(rest), note("  set; it holds for the whole conversation");
  } else if (name == "/save" || name == "/load") {
    if (rest.empty()) {
      note("  " + name + " needs the name of a file");
    } else if (name == "/save") {
      const auto saved = chat->save(rest);
      note("  " +
           (saved ? fmt::format("kept in {} and {}.state, readable by you only", rest, rest) : saved.error().what));
    } else if (const auto loaded = chat->load(rest); !loaded) {
      note("  " + loaded.error().what);
    } else {
      note(fmt::format("  {} messages{}", loaded->messages,
                       loaded->note.empty() ? "" : "; read anew at the next question (" + loaded->note + ")"));
    }
  } else {
    note("  " + printable(name) + ": no such command; /help lists them");
  }
  return Next::go_on;
}

Result<Done> converse(Talk& talk, const Options& options) {
  const ModelFacts& facts = talk.loaded.model->facts();
  print(fmt::format(
      "{}  {}\n{}\n\n", bold(talk.loaded.name),
      dim(fmt::format("{} {}, {} positions, kernels {}, {} threads", facts.architecture,
                      text_of_large(facts.parameters), text_of_count(static_cast<uint64_t>(talk.session.capacity())),
                      talk.loaded.engine->kernels().name, talk.loaded.pool->threads())),
      dim("/help lists commands, Ctrl-C stops an answer, Ctrl-D leaves")));
  LineEditor editor;
  std::optional<Answer> last;
  for (bool interrupted = false;;) {
    const LineEditor::Entry entry = editor.read();
    if (entry.kind == LineEditor::Entry::Kind::end) {
      print("\n");
      return Done{};
    }
    if (entry.kind == LineEditor::Entry::Kind::interrupted) {
      if (interrupted) return failure(Fault::cancelled, "chat: left with Ctrl-C");
      interrupted = true;
      print(dim("  Ctrl-C once more leaves") + "\n");
      continue;
    }
    interrupted = false;
    if (entry.text.find_first_not_of(" \t\n") == std::string::npos) continue;
    if (entry.text[0] == '/' && entry.text.find('\n') == std::string::npos) {
      if (do_command(talk, entry.text, last ? &*last : nullptr) == Next::leave) return Done{};
      continue;
    }
    Speaker speaker(options.thinking);
    Listener listener;
    listener.part = [&](const Part& part) { speaker.say(part); };
    const auto answer = answer_to(talk, entry.text, options, listener);
    const bool stopped = interrupt::requested();
    interrupt::reset();
    if (!answer) {
      if (stopped) print("\n");
      print(dim(stopped ? "  stopped; the question is forgotten" : "  " + fit_for_terminal(answer.error().what)) +
            "\n\n");
      continue;
    }
    speaker.end();
    std::string stats = stats_text(talk, *answer);
    if (answer->stop == Stop::cancelled) stats = "stopped; " + stats;
    if (answer->stop == Stop::length) stats = "cut off by --max-tokens; " + stats;
    if (answer->stop == Stop::context)
      stats = fmt::format("the context of {} positions is full, /reset starts anew; ", talk.session.capacity()) + stats;
    print(dim("  " + stats) + "\n\n");
    last = *answer;
  }
}

Result<std::string> read_input() {
  std::string text;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, n);
    if (text.size() > limits::string_bytes)
      return out_of_resources("standard input: more than {} bytes", limits::string_bytes);
  }
  if (interrupt::requested()) return failure(Fault::cancelled, "standard input: stopped by signal");
  if (std::ferror(stdin)) return io_error("standard input: cannot be read");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<Done> run(const Options& options, bool prompt_given) {
  const bool people = !prompt_given && isatty(STDIN_FILENO) == 1 && output_is_terminal() && !options.json;
  std::string prompt = options.prompt;
  if (!people && !prompt_given) {
    if (isatty(STDIN_FILENO) == 1) return usage_error("prompt: expected one, as output is no terminal to talk at");
    TRY_ASSIGN(prompt, read_input());
  }
  if (!people && prompt.empty()) return usage_error("prompt: is empty; give one as an argument or through a pipe");
  TRY_ASSIGN(const std::unique_ptr<Talk> talk, prepare(options));
  return people ? converse(*talk, options) : answer_once(*talk, options, prompt);
}

}  // namespace

Command run_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", "talk with a model in the terminal, or get one answer");
  app->footer(R"(
With PROMPT, or with a text through a pipe, prints the answer and ends. Without, it is a chat.

examples:
  freehold run smollm2-135m-instruct
  freehold run model.gguf "Name three rivers." --temperature 0
  freehold run model.gguf --system "Answer in French." --seed 7
  git diff | freehold run model.gguf --json
  freehold run model.gguf --raw "Once upon a time" --max-tokens 100)");
  auto options = std::make_shared<Options>();
  SamplerSettings& s = options->sampling;
  add_model_argument(*app, options->model);
  CLI::Option* prompt = app->add_option("prompt", options->prompt, "a question to answer once")->type_name("PROMPT");
  app->add_option("--system", options->system, "system message")->type_name("TEXT");
  app->add_option("--think", options->think,
                  "whether a model that can do both shall think; default: as its format has it")
      ->type_name("on|off")
      ->check(CLI::IsMember({"on", "off"}));
  app->add_option("--effort", options->effort, "how hard it shall think, for models that know efforts")
      ->type_name("WORD")
      ->check(CLI::IsMember({"none", "minimal", "low", "medium", "high", "xhigh", "max"}));
  app->add_option("--max-tokens", options->max_tokens, "length of an answer; 0: to the end of the context")
      ->type_name("N");
  app->add_option("--context", options->model.context, "positions to keep; default 8192, or the model's if fewer")
      ->type_name("N");
  const char* sampling = "Sampling";
  app->add_option("--temperature", s.temperature, "0: always the most likely")
      ->type_name("X")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--top-k", s.top_k, "only the K most likely; 0: all")
      ->type_name("K")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--top-p", s.top_p, "the fewest whose probabilities reach P")
      ->type_name("P")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--min-p", s.min_p, "at least P of the most likely")
      ->type_name("P")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--repetition-penalty", s.repetition_penalty, "1: none")
      ->type_name("X")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--frequency-penalty", s.frequency_penalty, "for each time in the answer")
      ->type_name("X")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--presence-penalty", s.presence_penalty, "for being in the answer")
      ->type_name("X")
      ->capture_default_str()
      ->group(sampling);
  app->add_option("--logit-bias", options->bias, "added to a token's logit, -100 to 100")
      ->type_name("TOKEN:BIAS")
      ->group(sampling);
  CLI::Option* seed =
      app->add_option("--seed", s.seed, "the same seed gives the same answer; default: another each time")
          ->type_name("N")
          ->group(sampling);
  app->add_option("--logprobs", s.top_logprobs, "with --json: log probabilities of each token and of the N most likely")
      ->type_name("N")
      ->group(sampling);
  add_model_options(*app, options->model);
  add_drafts_options(*app, options->drafts, options->model);
  app->add_flag("--raw", options->raw, "continue the text: no template, special tokens written out count");
  app->add_flag("--show-thinking", options->thinking, "print thinking where output is no terminal too");
  app->add_flag("--stats", options->stats, "speed on standard error where it is no terminal too");
  app->add_flag("--json", options->json, "the answer as one JSON object");
  return {app, [options, prompt, seed] {
            options->seed_given = seed->count() > 0;
            return run(*options, prompt->count() > 0);
          }};
}

}  // namespace freehold
