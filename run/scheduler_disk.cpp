// Prefixes of sessions that have ended go to disk, and come back.
#include <algorithm>
#include <climits>

#include "run/scheduler_parts.h"

namespace freehold {
namespace {

constexpr int least_gain = kv_page_positions;  // positions more than memory has; fewer are computed again
constexpr int taken_beside_work = 4;           // pages a step
constexpr std::chrono::milliseconds idle_wait{10};

}  // namespace

// What follows in the prompt on disk behind what was found in memory is fetched, from where a page begins.
void Scheduler::look_on_disk(Writing& writing, int reused) {
  const Ask& ask = writing.request->ask_;
  if (options_.prefixes && !ask.computes_all()) {
    const std::span<const Token> wanted(ask.prompt.data(), ask.prompt.size() - 1);
    const PrefixStore::Names names =
        options_.prefixes->names_of(ask.user, wanted, writing.session.blocks_of(ask.prompt.size()), ask.changes_id());
    const int held = options_.prefixes->held(names), from = reused / kv_page_positions;
    if (held * kv_page_positions >= reused + least_gain && writing.session.rewind(from * kv_page_positions)) {
      writing.fetch = options_.prefixes->fetch(
          std::span(names).subspan(static_cast<size_t>(from), static_cast<size_t>(held - from)));
      writing.fetched_from = from * kv_page_positions;
      writing.state = Writing::State::fetches;
      return;
    }
  }
  say_begun(writing, reused, 0);
}

void Scheduler::say_begun(Writing& writing, int reused, int from_disk) {
  totals_.reused_tokens += static_cast<uint64_t>(reused);
  totals_.disk_tokens += static_cast<uint64_t>(from_disk);
  Event event{.kind = Event::Kind::begun};
  event.reused = reused;
  say(writing.request, std::move(event));
}

// Takes over what has come. Only where there is nothing else to do it waits, for a moment.
void Scheduler::take_from_disk() {
  using State = Writing::State;
  const bool idle = std::none_of(writing_.begin(), writing_.end(), [](const auto& writing) {
    return writing->state == State::prompt || writing->state == State::writes;
  });
  for (const auto& writing : writing_) {
    if (writing->state != State::fetches) continue;
    const std::vector<Token>& prompt = writing->request->ask_.prompt;
    for (int left = idle ? INT_MAX : taken_beside_work; left > 0; --left) {
      const std::optional<std::string> page = writing->fetch->take(idle ? idle_wait : idle_wait * 0);
      if (!page) break;
      const auto at = static_cast<size_t>(writing->session.position());
      writing->session.append_page(std::span(prompt).subspan(at, kv_page_positions), *page);
    }
    if (!writing->fetch->ended()) continue;
    writing->fetch.reset();
    writing->state = State::prompt;
    say_begun(*writing, writing->session.position(), writing->session.position() - writing->fetched_from);
  }
}

// Hands over so many pages at most of sessions that have ended.
void Scheduler::save_pages(int most) {
  if (!unsaved_) return;
  for (Kept& kept : kept_)
    for (; kept.saved < kept.names.size(); ++kept.saved) {
      if (most-- == 0 || !options_.prefixes->store().has_room()) return;
      options_.prefixes->put(kept.session, static_cast<int>(kept.saved), kept.names[kept.saved],
                             kept.last_used - static_cast<int64_t>(kept.saved));
    }
  unsaved_ = false;
}

}  // namespace freehold
