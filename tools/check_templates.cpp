// check_templates FILE.jsonl [--models FOLDER] [--only NAME]: renders the cases of a file of chat template goldens
// (tests/golden/templates/README.md) and compares. One line for each case that differs, then a summary; ends with 1 if
// there was one. Cases name a model's template: it is read from the GGUF file in FOLDER whose name begins with that
// name, or from NAME.jinja there; --only leaves out the cases of other templates. FOLDER is $FREEHOLD_TEST_MODELS or
// the models of $FREEHOLD_HOME where it is not given. Of prompts of GGUF models the tokens are checked too.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "files/checkpoint.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/prompt.h"

namespace freehold {
namespace {

std::string models_folder() {
  if (const char* folder = std::getenv("FREEHOLD_TEST_MODELS")) return folder;
  if (const char* home = std::getenv("FREEHOLD_HOME")) return std::string(home) + "/models";
  const char* home = std::getenv("HOME");
  return std::string(home ? home : ".") + "/.local/share/freehold/models";
}

Result<std::string> read_whole(const Path& path) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

struct Source {
  ChatTemplate chat_template;
  Json special = Json::object();  // bos_token and the like
  std::optional<Tokenizer> tokenizer;
};

Result<Source> source_of_gguf(const std::string& path, const std::string& name) {
  TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open_header(path));
  const Json& config = checkpoint.config();
  const auto text = config.find("tokenizer.chat_template");
  if (text == config.end() || !text->is_string()) return malformed("{}: has no tokenizer.chat_template", path);
  TRY_ASSIGN(auto parsed, ChatTemplate::parse(text->get_ref<const std::string&>(), name));
  Source source{std::move(parsed), Json::object(), std::nullopt};
  TRY_ASSIGN(source.tokenizer, load_tokenizer(checkpoint));
  const auto tokens = checkpoint.strings("tokenizer.ggml.tokens");
  for (const auto& [variable, key] : {std::pair("bos_token", "bos"), std::pair("eos_token", "eos"),
                                      std::pair("pad_token", "padding"), std::pair("unk_token", "unknown")}) {
    const auto id = config.find(fmt::format("tokenizer.ggml.{}_token_id", key));
    if (id != config.end() && id->is_number_unsigned() && id->get<uint64_t>() < tokens.size())
      source.special[variable] = std::string(tokens[id->get<size_t>()]);
  }
  return source;
}

Result<Source> source_named(const std::string& folder, const std::string& name) {
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    if (file == name + ".jinja") {
      TRY_ASSIGN(const std::string text, read_whole(entry.path()));
      TRY_ASSIGN(auto parsed, ChatTemplate::parse(text, name));
      return Source{std::move(parsed), Json::object(), std::nullopt};
    }
    if (file.starts_with(name) && file.ends_with(".gguf")) found.push_back(entry.path().string());
  }
  if (found.empty()) return io_error("{}: no {}*.gguf or {}.jinja", folder, name, name);
  return source_of_gguf(*std::min_element(found.begin(), found.end()), name);
}

Result<std::tm> local_time(const std::string& iso) {
  std::tm time{};
  if (std::sscanf(iso.c_str(), "%d-%d-%dT%d:%d:%d", &time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour,
                  &time.tm_min, &time.tm_sec) != 6)
    return malformed("now: expected an ISO date and time, found '{}'", iso);
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  timegm(&time);  // fills in the day of the week and of the year
  return time;
}

// A prompt's tokens are those of its whole text, unless the request spells a special token; and those decode to it.
std::string wrong_tokens(const std::vector<Piece>& pieces, const Tokenizer& tokenizer) {
  const std::string prompt = joined(pieces);
  const auto tokens = encode_prompt(pieces, tokenizer);
  if (tokenizer.decode(tokens) != prompt) return "the tokens do not spell the prompt";
  const auto count = [&](const std::vector<Token>& all) {
    return std::count_if(all.begin(), all.end(), [&](Token token) { return tokenizer.is_special(token); });
  };
  ptrdiff_t ours = 0, theirs = 0;
  for (const Piece& piece : pieces)
    (piece.author == Author::the_template ? ours : theirs) += count(tokenizer.encode(piece.text, Specials::parse));
  if (count(tokens) != ours) return fmt::format("{} special tokens, the template wrote {}", count(tokens), ours);
  if (theirs == 0 && tokens != tokenizer.encode(prompt, Specials::parse))
    return "the tokens are not those of the whole text";
  return {};
}

class Cases {
 public:
  explicit Cases(std::string folder) : folder_(std::move(folder)) {}

  // What is wrong with the case; empty if nothing is.
  std::string check(const Json& test) {
    const auto rendered = render(test);
    if (rendered) {
      const std::string prompt = joined(*rendered);
      for (size_t i = 1; i < rendered->size(); ++i)
        if ((*rendered)[i].author == (*rendered)[i - 1].author) return "two adjacent pieces of one author";
      if (!test.contains("output"))
        return fmt::format("expected an error '{}', found {}", test["error"].dump(), Json(prompt).dump());
      if (test["output"] == prompt) {
        const auto source = sources_.find(test["template"].get<std::string>());
        if (source == sources_.end() || !source->second->tokenizer) return {};
        return wrong_tokens(*rendered, *source->second->tokenizer);
      }
      return fmt::format("expected {}, found {}", test["output"].dump(), Json(prompt).dump());
    }
    const std::string& what = rendered.error().what;
    if (!test.contains("error")) return fmt::format("expected {}, found the error: {}", test["output"].dump(), what);
    const auto kind = fmt::format(": {}: ", test["error"].get<std::string>());
    if (what.find(kind) == std::string::npos)
      return fmt::format("expected an error '{}', found: {}", test["error"].get<std::string>(), what);
    if (test.contains("message") && !what.ends_with(kind + test["message"].get<std::string>()))
      return fmt::format("expected the message {}, found: {}", test["message"].dump(), what);
    return {};
  }

 private:
  Result<std::vector<Piece>> render(const Json& test) {
    RenderOptions options;
    if (test.contains("now")) {
      TRY_ASSIGN(options.now, local_time(test["now"].get<std::string>()));
    }
    if (test.contains("context")) {
      TRY_ASSIGN(const auto parsed,
                 ChatTemplate::parse(test["template"].get<std::string>(), test["id"].get<std::string>()));
      return parsed.render(test["context"], options);
    }
    const std::string name = test["template"];
    auto source = sources_.find(name);
    if (source == sources_.end()) source = sources_.emplace(name, source_named(folder_, name)).first;
    if (!source->second) return Failure(source->second.error());
    Conversation conversation;
    conversation.messages = test["messages"];
    if (test.contains("tools")) conversation.tools = test["tools"];
    conversation.add_generation_prompt = test["add_generation_prompt"];
    conversation.continue_final_message = test["continue_final_message"];
    conversation.drop_nulls = test["drop_nulls"];
    conversation.variables = source->second->special;
    if (test.contains("variables")) conversation.variables.update(test["variables"]);
    return render_chat(source->second->chat_template, conversation, options);
  }

  std::string folder_;
  std::map<std::string, Result<Source>> sources_;
};

int check_file(const std::string& path, const std::string& folder, const std::string& only) {
  const auto text = read_whole(path);
  if (!text) return fmt::print(stderr, "freehold: error: io: {}\n", text.error().what), 5;
  Cases cases(folder);
  int count = 0, failed = 0, line_number = 0;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    ++line_number;
    if (line.empty()) continue;
    const auto test = parse_json(line, fmt::format("{}:{}", path, line_number));
    if (!test) return fmt::print(stderr, "freehold: error: malformed: {}\n", test.error().what), 3;
    if (!only.empty() && (*test)["template"] != only) continue;
    ++count;
    const std::string wrong = cases.check(*test);
    if (wrong.empty()) continue;
    ++failed;
    fmt::print("{}: {}\n", (*test)["id"].get<std::string>(), wrong);
  }
  fmt::print("{}: {} of {} cases agree\n", path, count - failed, count);
  return failed || count == 0 ? 1 : 0;
}

}  // namespace
}  // namespace freehold

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto option = [&](const char* name, std::string value) {
    const auto at = std::find(arguments.begin(), arguments.end(), name);
    if (arguments.end() - at < 2) return value;
    value = *(at + 1);
    arguments.erase(at, at + 2);
    return value;
  };
  const std::string folder = option("--models", freehold::models_folder()), only = option("--only", "");
  if (arguments.size() != 1 || arguments[0].starts_with("-")) {
    fmt::print(stderr, "usage: check_templates FILE.jsonl [--models FOLDER] [--only NAME]\n");
    return arguments.size() == 1 && arguments[0] == "--help" ? 0 : 2;
  }
  return freehold::check_file(arguments[0], folder, only);
}
