#include "run/prompt_scores.h"

#include <algorithm>

#include "base/check.h"

namespace freehold {
namespace {

constexpr size_t rows_at_once = 32;  // 20 MiB of logits with the largest vocabularies

}  // namespace

void PromptScores::score(int position, std::span<const float> logits) {
  const auto at = static_cast<size_t>(position);
  CHECK(at < scores_.size(), "position {} of {}", position, prompt_.size());
  scores_[at] = score_token(logits, prompt_[at + 1], top_);
}

Result<std::vector<Choice>> PromptScores::take() {
  std::vector<Choice> all;
  all.reserve(scores_.size());
  for (auto& score : scores_) {
    CHECK(score, "{} of {} tokens have a score", all.size(), scores_.size());
    TRY_ASSIGN(Choice one, std::move(*score));
    all.push_back(std::move(one));
  }
  return all;
}

void score_rows(Engine& engine, Pass& pass, std::span<const ScoredRow> rows) {
  for (; !rows.empty(); rows = rows.subspan(std::min(rows.size(), rows_at_once))) {
    const auto block = rows.first(std::min(rows.size(), rows_at_once));
    std::vector<int32_t> which;
    for (const ScoredRow& one : block) which.push_back(one.row);
    const Arena::Mark mark = engine.arena().mark();
    const Tensor logits = engine.model().final_logits(pass, which);  // [n, vocabulary]
    engine.pool().run(static_cast<int>(block.size()), [&](int i, int) {
      const ScoredRow& one = block[static_cast<size_t>(i)];
      one.scores->score(one.position, logits.row(i));
    });
    engine.arena().rewind(mark);
  }
}

}  // namespace freehold
