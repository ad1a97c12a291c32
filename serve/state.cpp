// What is told of the server. GET /freehold/state: what the page shows. GET /freehold/usage and /freehold/budget: what
// was used, of whose budget. Counts only; what is not known is null or "none".
#include <nlohmann/json.hpp>

#include <ctime>

#include "serve/api.h"
#include "serve/change_request.h"
#include "serve/fields.h"
#include "serve/usage_report.h"

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
          {"adapters", change_names(side_, false)},
          {"steering", change_names(side_, true)},
          {"chats", side_.format.has_value()},
          {"running", counts.running},
          {"waiting", counts.waiting},
          {"answers_at_once", options.running},
          {"queue", options.waiting},
          {"cache", {{"positions", counts.cache_positions}, {"used", counts.cache_used}}},
          {"tokens",
           {{"asked", counts.asked_tokens}, {"reused", counts.reused_tokens}, {"written", counts.answer_tokens}}},
          {"listens", {{"address", surroundings_.address}, {"this_machine_only", surroundings_.this_machine_only}}},
          {"sealed", surroundings_.sealed},
          {"energy", accounts_.energy_method()},
          {"papers", papers_ != nullptr}})};
}

// ?from=2026-11-01&to=2026-11-30&group_by=department|key|model&format=json|csv
Api::Answer Api::usage(const Json& query) {
  Fields fields(query);
  std::string from, to, group = "department", format = "json";
  fields.text("from", from);
  fields.text("to", to);
  fields.one_of("group_by", {"department", "key", "model"}, group);
  fields.one_of("format", {"json", "csv"}, format);
  for (const std::string& name : fields.unknown()) fields.fail(unsupported_field(name, "is not known"));
  if (fields.error()) return tl::unexpected(*fields.error());
  const auto range = usage_range(from, to);
  if (!range) return tl::unexpected(api_error(range.error(), from.empty() ? "to" : "from"));
  const UsageRows rows = accounts_.ledger().usage(*range, *usage_group_of(group));
  if (format == "csv") return HttpAnswer{200, usage_csv(rows, group), "text/csv; charset=utf-8"};
  return HttpAnswer{200, text_of(Json{{"object", "list"}, {"group_by", group}, {"data", usage_json(rows)}})};
}

Api::Answer Api::budget(const Json&) {
  Json list = Json::array();
  for (const Budget& budget : guard_.budgets())
    list.push_back(budget_json(budget, accounts_.ledger().month_of(budget.department, std::time(nullptr))));
  return HttpAnswer{200, text_of(Json{{"object", "list"}, {"data", std::move(list)}})};
}

}  // namespace freehold
