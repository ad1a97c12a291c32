// Questions from a file of JSON lines {id, question, and perhaps kind, value, status, citations}; answers as such
// lines.
#include <algorithm>
#include <cmath>

#include "library/answer.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

bool same_value(const Json& found, const Json& expected) {
  if (expected.is_number())
    return found.is_number() &&
           std::abs(found.get<double>() - expected.get<double>()) <= 0.005 + 1e-6 * std::abs(expected.get<double>());
  if (expected.is_string() && found.is_number())  // "113", the name of a room
    return expected.get<std::string>() == text_of_number(found.get<double>());
  if (expected.is_string())
    return found.is_string() && canon(found.get<std::string>()) == canon(expected.get<std::string>());
  if (expected.is_array()) {
    if (!found.is_array() && expected.size() == 1) return same_value(found, expected[0]);
    if (!found.is_array() || found.size() != expected.size()) return false;
    return std::all_of(expected.begin(), expected.end(), [&](const Json& one) {
      return std::any_of(found.begin(), found.end(), [&](const Json& f) { return same_value(f, one); });
    });
  }
  return expected.is_null();
}

void score_citations(const Json& expected, const Answer& answer, Score& score) {
  std::set<std::string> wanted, given;
  for (const Json& one : expected)
    if (one.is_string()) wanted.insert(one.get<std::string>());
  for (const Citation& c : answer.citations) given.insert(c.file + "#" + c.place);
  for (const std::string& one : given) score.cited_right += static_cast<double>(wanted.count(one));
  score.cited_all += static_cast<double>(given.size());
  score.expected_rows += static_cast<double>(wanted.size());
}

}  // namespace

Result<Agreement> compare_records(Database& database, std::string_view truth, std::string_view name) {
  std::map<std::vector<std::string>, std::map<std::string, int64_t>>
      expected;  // type and fields -> values -> how often
  Agreement result;
  size_t line = 0;
  for (size_t at = 0; at < truth.size();) {
    const size_t end = std::min(truth.find('\n', at), truth.size());
    const std::string_view text = truth.substr(at, end - at);
    at = end + 1, ++line;
    if (text.empty()) continue;
    TRY_ASSIGN(const Json json, parse_json(text, fmt::format("{}: line {}", name, line)));
    if (!json.is_object() || !json.contains("type") || !json["type"].is_string())
      return malformed("{}: line {}: expected an object with type and fields", name, line);
    std::vector<std::string> what = {json["type"].get<std::string>()};
    std::string values;
    for (const auto& [field, value] : json.items()) {
      if (field == "type") continue;
      if (!value.is_string()) return malformed("{}: line {}: {}: expected a text", name, line, printable(field));
      what.push_back(field), values += canon(value.get<std::string>()) + "|";
    }
    ++expected[what][values], ++result.expected;
  }
  for (auto& [what, left] : expected) {
    std::string columns;
    for (size_t i = 1; i < what.size(); ++i) columns += (i > 1 ? ", " : "") + quoted_name(what[i]);
    TRY_ASSIGN(Statement rows, database.prepare("SELECT " + columns + " FROM " + quoted_name("r_" + what[0])));
    TRY(rows.begin({}));
    for (;;) {
      TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      std::string values;
      for (int c = 0; c < rows.columns(); ++c) values += canon(rows.text(c)) + "|";
      ++result.records;
      const auto found = left.find(values);
      if (found != left.end() && found->second-- > 0) ++result.both;
    }
  }
  return result;
}

Result<Evaluation> evaluate(std::string_view questions, std::string_view name,
                            const std::function<Result<Answer>(std::string_view question)>& ask) {
  Evaluation result;
  size_t line = 0;
  for (size_t at = 0; at < questions.size();) {
    const size_t end = std::min(questions.find('\n', at), questions.size());
    const std::string_view text = questions.substr(at, end - at);
    at = end + 1;
    ++line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    TRY_ASSIGN(const Json json, parse_json(text, fmt::format("{}: line {}", name, line)));
    if (!json.is_object() || !json.contains("question") || !json["question"].is_string())
      return malformed("{}: line {}: expected an object with id and question", name, line);
    const std::string question = json["question"].get<std::string>();
    TRY_ASSIGN(const Answer answer, ask(question));
    Json citations = Json::array();
    for (const Citation& c : answer.citations) citations.push_back(c.file + "#" + c.place);
    const Json id = json.contains("id") ? json["id"] : Json(line);
    const Json out = {{"id", id},
                      {"answer", answer.text},
                      {"value", answer.value},
                      {"status", answer.status},
                      {"citations", citations}};
    result.answers += out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (!json.contains("value") && !json.contains("status")) continue;
    result.has_expected = true;
    const std::string kind =
        json.contains("kind") && json["kind"].is_string() ? json["kind"].get<std::string>() : "all";
    const std::string status =
        json.contains("status") && json["status"].is_string() ? json["status"].get<std::string>() : "answered";
    Score& score = result.kinds[kind];
    ++score.asked;
    const bool answered = answer.status == "answered" || answer.status == "partial";
    const bool right = status == "answered"
                           ? answered && json.contains("value") && same_value(answer.value, json["value"])
                           : answer.status == status;
    score.right += right;
    score.by_model += answer.by_model && answered;
    score.refused += status == "answered" && !answered;
    score.invented += status == "no_answer" && answered;
    if (right && answered && json.contains("citations")) score_citations(json["citations"], answer, score);
    if (!right)
      result.wrong.push_back(
          fmt::format("{} [{}] {} -> {} {}; expected {} {}", id.dump(), kind, question, answer.status,
                      answer.value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 200), status,
                      json.contains("value") ? json["value"].dump().substr(0, 200) : ""));
  }
  return result;
}

}  // namespace freehold::papers
