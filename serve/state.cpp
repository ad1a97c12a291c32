// GET /freehold/state: what the page shows of the server. Counts only; what is not known is null or "none".
#include <nlohmann/json.hpp>

#include "serve/api.h"

namespace freehold {

Api::Answer Api::state(const Json&) {
  const SchedulerCounts counts = scheduler_.counts();
  const SchedulerOptions& options = scheduler_.options();
  return HttpAnswer{
      200,
      text_of(Json{
          {"model", side_.name},
          {"version", surroundings_.version},
          {"system_fingerprint", side_.fingerprint},
          {"context", side_.context},
          {"chats", side_.format.has_value()},
          {"running", counts.running},
          {"waiting", counts.waiting},
          {"answers_at_once", options.running},
          {"queue", options.waiting},
          {"cache", {{"positions", counts.cache_positions}, {"used", counts.cache_used}}},
          {"tokens",
           {{"asked", counts.asked_tokens}, {"reused", counts.reused_tokens}, {"written", counts.answer_tokens}}},
          {"listens", {{"address", surroundings_.address}, {"this_machine_only", surroundings_.this_machine_only}}},
          {"sealed", surroundings_.sealed ? Json(*surroundings_.sealed) : Json(nullptr)},
          {"energy", "none"},
          {"papers", papers_ != nullptr}})};
}

}  // namespace freehold
