// What guesses of the next tokens (run/drafts.h) are worth: the same answers with and without, in interleaved pairs.
//   bench_drafts MODEL [PAIRS [ROW]]
// Rows: text that is mostly copied, and plain chat; each greedy and sampled. A pair is one answer to each question of
// the row either way, A B then B A, each in a session and an engine of its own, so that nothing of a run helps the
// next. The ratio is time of decoding without / with; the first token and the prompt do not count. Tokens must be
// equal.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bench/loaded.h"
#include "run/chat.h"

namespace freehold {
namespace {

constexpr const char* code = R"(def read_table(path, separator=","):
    """Reads a table and returns its rows as dictionaries."""
    rows = []
    with open(path, encoding="utf-8") as file:
        header = file.readline().rstrip("\n").split(separator)
        for number, line in enumerate(file, start=2):
            cells = line.rstrip("\n").split(separator)
            if len(cells) != len(header):
                raise ValueError(f"{path}:{number}: {len(cells)} cells, expected {len(header)}")
            rows.append(dict(zip(header, cells)))
    return rows


def mean_of(rows, column):
    """The mean of the numbers in a column; empty cells do not count."""
    numbers = [float(row[column]) for row in rows if row[column]]
    if not numbers:
        return None
    return sum(numbers) / len(numbers)
)";
constexpr const char* letter = R"(Dear members of the garden club,

our spring meeting will be held on Saturday, 14 March, at three o'clock in the hall beside the old mill. Mrs. Albrecht
will speak about the pruning of old apple trees, and afterwards there will be coffee and cake as in every year. Please
bring seeds and cuttings that you would like to exchange. The committee asks all members who still have keys to the
tool shed to return them by the end of the month, because the lock will be changed in April. Those who want to join the
trip to the botanical garden on 9 May may enter their names in the list that hangs beside the door.

With kind regards,
Theodor Wegener, secretary
)";

struct Work {
  std::string name;
  std::vector<std::string> questions;
  double temperature;
  int tokens;  // of an answer, at most
};

std::vector<Work> all_work() {
  const std::vector<std::string> copied = {
      "Repeat this code exactly, without any explanation:\n\n```python\n" + std::string(code) + "```",
      "Copy this letter word for word:\n\n" + std::string(letter),
      "Rename the function mean_of to average_of and print the whole file again:\n\n```python\n" + std::string(code) +
          "```"};
  const std::vector<std::string> chat = {"Tell me a short story about a lighthouse keeper and a storm.",
                                         "How do vaccines work?", "What should I look at when I buy a used bicycle?",
                                         "Write a function in C that reverses a string, and explain it.",
                                         "Name three rivers in Europe and say something about each."};
  return {{"copy-greedy", copied, 0, 256},
          {"copy-sampled", copied, 0.7, 256},
          {"chat-greedy", chat, 0, 128},
          {"chat-sampled", chat, 0.7, 128}};
}

struct Ran {
  double seconds = 0;
  int tokens = 0;
  DraftCounts drafts;
  std::vector<Token> all;
};

struct Bench {
  Pool pool{0};
  Checkpoint checkpoint;
  std::unique_ptr<Model> model;
  Tokenizer tokenizer;
  PromptFormat format;

  Ran run(const Work& work, bool drafts) {
    Ran sum;
    Engine engine(*model, best_kernels(), pool);
    for (const std::string& question : work.questions) {
      Session session = bench::or_exit(Session::make(engine, {.positions = 2048, .drafts = drafts}));
      SamplerSettings settings;
      settings.temperature = work.temperature, settings.seed = 7;
      Sampler sampler = bench::or_exit(Sampler::make(settings, model->facts().vocabulary));
      Chat chat(session, tokenizer, format);
      AnswerOptions options;
      options.max_tokens = work.tokens;
      const Answer answer = bench::or_exit(chat.ask(question, sampler, options, {}));
      sum.seconds += answer.answer_seconds;
      sum.tokens += std::max(0, static_cast<int>(answer.tokens.size()) - 1);
      sum.drafts.computed += answer.drafts.computed, sum.drafts.right += answer.drafts.right;
      sum.all.insert(sum.all.end(), answer.tokens.begin(), answer.tokens.end());
    }
    return sum;
  }
};

// Milliseconds of a pass of some rows with logits after each, behind 300 tokens, from the fastest of several rounds.
void show_costs(Bench& bench) {
  Engine engine(*bench.model, best_kernels(), bench.pool);
  Session session = bench::or_exit(Session::make(engine, {.positions = 1024}));
  std::vector<Token> tokens(300);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i * 37 % 1000 + 100);
  if (!session.sync(tokens)) return;
  constexpr int sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 32};
  std::vector<double> best(std::size(sizes), 1e9);
  for (int round = 0; round < 9; ++round)
    for (size_t i = 0; i < std::size(sizes); ++i) {
      const Session::Work work{&session, std::span(tokens).first(static_cast<size_t>(sizes[i])), true, sizes[i] - 1};
      const auto start = std::chrono::steady_clock::now();
      if (!run_pass(engine, {&work, 1}) || !session.rewind(300)) return;
      best[i] = std::min(best[i], std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  fmt::print("rows of a pass: milliseconds (passes of one row)\n");
  for (size_t i = 0; i < std::size(sizes); ++i)
    fmt::print(" {}: {:.2f} ({:.2f})", sizes[i], 1e3 * best[i], best[i] / best[0]);
  fmt::print("\n");
}

double at(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double above = values[std::min(below + 1, values.size() - 1)];
  return values[below] + (place - static_cast<double>(below)) * (above - values[below]);
}

int measure(const char* path, int pairs, const char* row) {
  Checkpoint checkpoint = bench::or_exit(Checkpoint::open(path));
  Tokenizer tokenizer = bench::or_exit(load_tokenizer(checkpoint));
  auto format = bench::or_exit(prompt_format_for(checkpoint, tokenizer));
  if (!format) {
    fmt::print(stderr, "{}: has no chat template\n", path);
    return 2;
  }
  Bench bench{.checkpoint = std::move(checkpoint),
              .model = nullptr,
              .tokenizer = std::move(tokenizer),
              .format = std::move(*format)};
  bench.model = bench::or_exit(load_model(bench.checkpoint, {NumericMode{}, {}}, bench.pool));
  show_costs(bench);
  fmt::print("{:<14} {:>7} {:>10} {:>10} {:>7} {:>16} {:>18}\n", "row", "tokens", "without/s", "with/s", "ratio",
             "quartiles", "guesses right");
  for (const Work& work : all_work()) {
    if (row && work.name != row) continue;
    bench.run(work, false);  // warms up
    std::vector<double> ratios, without, with;
    Ran last;
    for (int pair = 0; pair < pairs; ++pair) {
      Ran ran[2];
      for (const int half : {0, 1}) {
        const bool drafts = (half == 1) != (pair % 2 == 1);
        ran[drafts] = bench.run(work, drafts);
      }
      if (ran[0].all != ran[1].all) {
        fmt::print(stderr, "{}: tokens differ with guesses\n", work.name);
        return 1;
      }
      ratios.push_back(ran[0].seconds / ran[1].seconds);
      without.push_back(ran[0].tokens / ran[0].seconds);
      with.push_back(ran[1].tokens / ran[1].seconds);
      last = ran[1];
    }
    fmt::print("{:<14} {:>7} {:>10.1f} {:>10.1f} {:>7.3f} {:>7.3f}..{:<7.3f} {:>8} of {:<6}\n", work.name, last.tokens,
               at(without, 0.5), at(with, 0.5), at(ratios, 0.5), at(ratios, 0.25), at(ratios, 0.75), last.drafts.right,
               last.drafts.computed);
    fmt::print("{}\n",
               Json{{"row", work.name},
                    {"model", bench.checkpoint.name()},
                    {"pairs", pairs},
                    {"tokens", last.tokens},
                    {"without_tokens_per_second", at(without, 0.5)},
                    {"with_tokens_per_second", at(with, 0.5)},
                    {"ratio", {{"low", at(ratios, 0.25)}, {"median", at(ratios, 0.5)}, {"high", at(ratios, 0.75)}}},
                    {"draft_tokens", last.drafts.computed},
                    {"draft_tokens_accepted", last.drafts.right}}
                   .dump());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace freehold

int main(int count, char** arguments) {
  const int pairs = count > 2 ? std::atoi(arguments[2]) : 7;
  if (count < 2 || count > 4 || pairs < 1) {
    fmt::print(stderr, "usage: bench_drafts MODEL [PAIRS [ROW]]\n");
    return 2;
  }
  return freehold::measure(arguments[1], pairs, count > 3 ? arguments[3] : nullptr);
}
