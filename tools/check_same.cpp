// check_same A B: two checkpoints of one model, say a folder and a GGUF of the same numbers, answer alike: in exact
// mode the logits of 80 random tokens are equal to the bit, whole and token by token. --mla absorbed|expanded picks the
// form of latent attention; --forms compares the two forms of A instead, and prints their relative difference.
#include <fmt/format.h>

#include <cstring>

#include "base/random.h"
#include "files/checkpoint.h"
#include "model/model.h"
#include "tools/check_report.h"

namespace freehold {
namespace {

constexpr int length = 80;

Result<std::unique_ptr<Model>> load(const Path& path, MlaForm form, Pool& pool) {
  TRY_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(path));
  NumericMode mode = NumericMode::exact();
  mode.mla = form;
  return load_model(checkpoint, {mode, {}}, pool);
}

// [length, vocabulary], in passes of `step` tokens.
std::vector<float> logits_of(const Model& model, std::span<const Token> tokens, int step, Pool& pool) {
  const auto cache = model.make_cache(length);
  std::vector<float> logits;
  for (int start = 0; start < length; start += step) {
    Arena arena;
    Context context{best_kernels(), pool, arena, Arithmetic::exact, nullptr};
    const auto part = tokens.subspan(static_cast<size_t>(start), static_cast<size_t>(step));
    Batch batch{{{.tokens = part, .start = start, .cache = cache.get(), .logits = Batch::Sequence::Logits::all}}};
    Pass pass(context, batch, model.facts().layers);
    const Tensor made = model.forward(pass);
    logits.insert(logits.end(), made.all().begin(), made.all().end());
  }
  return logits;
}

Result<Done> check(const Path& first, const Path& second, MlaForm form, MlaForm other, Pool& pool,
                   CheckReport& report) {
  TRY_ASSIGN(const auto a, load(first, form, pool));
  TRY_ASSIGN(const auto b, load(second, other, pool));
  if (a->facts().vocabulary != b->facts().vocabulary)
    return inconsistent("{} has a vocabulary of {}, {} of {}", first.string(), a->facts().vocabulary, second.string(),
                        b->facts().vocabulary);
  Random random(11);
  std::vector<Token> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back(random.below(a->facts().vocabulary));
  const std::vector<float> ours = logits_of(*a, tokens, length, pool), theirs = logits_of(*b, tokens, length, pool);
  const auto equal = [](const std::vector<float>& x, const std::vector<float>& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
  };
  report.equal("token by token as whole", equal(theirs, logits_of(*b, tokens, 1, pool)));
  if (form == other)
    report.equal("logits", equal(ours, theirs), fmt::format("relative error {:.2e}", relative_error(theirs, ours)));
  else
    report.say("absorbed against expanded", fmt::format("relative error {:.2e}", relative_error(theirs, ours)));
  return Done{};
}

int main_of(int count, char** arguments) {
  std::vector<Path> paths;
  MlaForm form = MlaForm::absorbed, other = form;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--mla" && i + 1 < count)
      form = other = std::string_view(arguments[++i]) == "expanded" ? MlaForm::expanded : MlaForm::absorbed;
    else if (argument == "--forms")
      other = MlaForm::expanded;
    else
      paths.emplace_back(argument);
  }
  if (paths.size() == 1 && form != other) paths.push_back(paths[0]);
  if (paths.size() != 2) return fmt::print(stderr, "usage: check_same [--mla absorbed|expanded] A B | --forms A\n"), 2;
  Pool pool;
  CheckReport report;
  fmt::print("{} and {}\n", paths[0].filename().string(), paths[1].filename().string());
  const auto done = check(paths[0], paths[1], form, other, pool, report);
  if (!done) report.equal(done.error().what, false, name_of(done.error().fault));
  return report.exit_status();
}

}  // namespace
}  // namespace freehold

int main(int count, char** arguments) { return freehold::main_of(count, arguments); }
