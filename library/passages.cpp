#include "library/passages.h"

#include <algorithm>
#include <cmath>

#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr double k1 = 1.2, b = 0.75;  // of BM25: the usual ones
constexpr size_t most_passages = 10, most_bytes = 400;

// "Date: 13.02.2020; Equipment: BC-01", a row as people would read it out.
std::string row_as_text(const std::string& raw, const std::string& headers) {
  const auto cells = parse_json(raw, "library: row"), names = parse_json(headers, "library: headers");
  if (!cells || !cells->is_array()) return raw;
  std::string text;
  for (size_t i = 0; i < cells->size(); ++i) {
    const Json& cell = (*cells)[i].is_array() && !(*cells)[i].empty() ? (*cells)[i][0] : (*cells)[i];
    if (!cell.is_string() || cell.get_ref<const std::string&>().empty()) continue;
    const bool named = names && names->is_array() && i < names->size() && (*names)[i].is_string();
    text += (text.empty() ? "" : "; ") + (named ? (*names)[i].get<std::string>() + ": " : "") + cell.get<std::string>();
  }
  return text;
}

}  // namespace

Result<Passages> Passages::load(Database& database) {
  Passages all;
  TRY_ASSIGN(Statement rows,
             database.prepare("SELECT f.path, r.heading, r.raw, t.headers FROM source_row r JOIN file f "
                              "ON f.id = r.file LEFT JOIN source_table t ON t.id = r.source_table "
                              "ORDER BY r.id"));
  TRY(rows.begin({}));
  double length = 0;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    const std::string row = rows.is_null(3) ? rows.text(2) : row_as_text(rows.text(2), rows.text(3));
    Passage passage;
    passage.text = fmt::format("{}: {}{}{}", rows.text(0), rows.text(1), rows.text(1).empty() ? "" : " / ",
                               shortened(row, most_bytes));
    for (const std::string& word : words_of(passage.text)) ++passage.words[stem(word)], ++passage.length;
    for (const auto& [word, count] : passage.words) ++all.having_[word];
    length += static_cast<double>(passage.length);
    all.passages_.push_back(std::move(passage));
  }
  all.mean_length_ = all.passages_.empty() ? 1 : length / static_cast<double>(all.passages_.size());
  return all;
}

std::vector<std::string> Passages::best(std::string_view question, size_t most) const {
  std::set<std::string> asked;
  for (const std::string& word : words_of(question)) asked.insert(stem(word));
  std::vector<std::pair<double, size_t>> scored;
  for (size_t i = 0; i < passages_.size(); ++i) {
    double score = 0;
    for (const std::string& word : asked) {
      const auto found = passages_[i].words.find(word);
      if (found == passages_[i].words.end()) continue;
      const double n = static_cast<double>(having_.at(word)), all = static_cast<double>(passages_.size());
      const double rare = std::log(1 + (all - n + 0.5) / (n + 0.5)), often = found->second;
      const double length = static_cast<double>(passages_[i].length) / mean_length_;
      score += rare * often * (k1 + 1) / (often + k1 * (1 - b + b * length));
    }
    if (score > 0) scored.emplace_back(-score, i);
  }
  std::sort(scored.begin(), scored.end());
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(most, scored.size()); ++i) texts.push_back(passages_[scored[i].second].text);
  return texts;
}

Result<Answer> answer_from_passages(const Passages& passages, std::string_view question, const Writer& model) {
  Writing writing;
  writing.instructions =
      "You answer a question from passages of papers, as JSON. `answer` is a number, or a name as the papers write it, "
      "a date as YYYY-MM-DD, or null where the passages do not say.";
  for (const std::string& text : passages.best(question, most_passages)) writing.text += text + "\n";
  writing.text += fmt::format("\nQuestion: {}", question);
  writing.schema = {
      {"type", "object"},
      {"properties",
       {{"answer", {{"anyOf", {{{"type", "number"}}, {{"type", "string"}, {"maxLength", 80u}}, {{"type", "null"}}}}}}}},
      {"required", {"answer"}},
      {"additionalProperties", false}};
  TRY_ASSIGN(const std::string text, model(writing));
  TRY_ASSIGN(const Json json, parse_json(text, "the model's answer"));
  Answer answer;
  answer.by_model = true;
  if (json.is_object() && json.contains("answer")) answer.value = json["answer"];
  if (answer.value.is_null()) answer.status = "no_answer";
  answer.text = answer.value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return answer;
}

}  // namespace freehold::papers
