// What is told of the server. GET /freehold/state: what the page shows. GET /freehold/usage and /freehold/budget: what
// was used, of whose budget. Counts only; what is not known is null or "none". And the same as others' clients ask for
// it: llama.cpp's /props and /slots, Ollama's list of models.
#include <nlohmann/json.hpp>

#include <ctime>

#include "serve/api.h"
#include "serve/change_request.h"
#include "serve/fields.h"
#include "serve/ollama.h"
#include "serve/request_parts.h"
#include "serve/usage_report.h"
#include "text/prompt.h"

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

Api::Answer Api::props(const Json&) {
  const SamplerSettings s = llamacpp_sampling();
  const Json texts = special_tokens(side_.tokenizer);
  return HttpAnswer{200, text_of(Json{{"default_generation_settings",
                                       {{"n_ctx", side_.context},
                                        {"speculative", scheduler_.options().drafts},
                                        {"params",  // of /infill
                                         {{"n_predict", -1},
                                          {"temperature", s.temperature},
                                          {"top_k", s.top_k},
                                          {"top_p", s.top_p},
                                          {"min_p", s.min_p},
                                          {"repeat_penalty", s.repetition_penalty},
                                          {"presence_penalty", s.presence_penalty},
                                          {"frequency_penalty", s.frequency_penalty}}}}},
                                      {"total_slots", scheduler_.options().running},
                                      {"model_alias", side_.name},
                                      {"model_path", side_.aliases.empty() ? side_.name : side_.aliases.front()},
                                      {"chat_template", side_.format ? side_.format->source() : ""},
                                      {"bos_token", texts["bos_token"]},
                                      {"eos_token", texts["eos_token"]},
                                      {"modalities", {{"vision", false}, {"audio", false}}},
                                      {"build_info", "freehold " + surroundings_.version},
                                      {"is_sleeping", false}})};
}

// Answers have no places of their own here: of as many as may be written at once, so many are.
Api::Answer Api::slots(const Json& query) {
  Fields fields(query);
  std::string fail = "0";
  fields.one_of("fail_on_no_slot", {"0", "1"}, fail);
  for (const std::string& name : fields.unknown()) fields.fail(unsupported_field(name, "is not known"));
  if (fields.error()) return tl::unexpected(*fields.error());
  const int busy = scheduler_.counts().running, all = scheduler_.options().running;
  if (fail == "1" && busy >= all)
    return tl::unexpected(
        ApiError{.status = 503, .message = "all slots are in use", .type = "unavailable_error", .code = "no_slot"});
  Json list = Json::array();
  for (int id = 0; id < all; ++id)
    list.push_back({{"id", id},
                    {"n_ctx", side_.context},
                    {"speculative", scheduler_.options().drafts},
                    {"is_processing", id < busy}});
  return HttpAnswer{200, text_of(list)};
}

Api::Answer Api::ollama_tags(const Json&) {
  Json list = Json::array();
  for (const ModelSide* side : sides()) list.push_back(ollama_listed(*side));
  return HttpAnswer{200, text_of(Json{{"models", std::move(list)}})};
}

Api::Answer Api::ollama_ps(const Json&) {
  Json list = Json::array();
  for (const ModelSide* side : sides()) list.push_back(ollama_running(*side));
  return HttpAnswer{200, text_of(Json{{"models", std::move(list)}})};
}

Api::Answer Api::ollama_version(const Json&) {
  return HttpAnswer{200, text_of(Json{{"version", ollama_api_version}, {"freehold", surroundings_.version}})};
}

Api::Answer Api::ollama_show(const Json& body) { return ollama_shown(served_for("", body).side, body); }

}  // namespace freehold
