#include "library/training.h"

#include <algorithm>

#include "library/focus.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// FNV-1a: the same on every machine.
uint32_t hash_of(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}
bool in_the_tenth(std::string_view text) { return hash_of(text) % 10 == 0; }

struct Asked {
  std::string question, form, about;  // about: the value or year that it names; empty: the last year
  bool no_answer = false;
};

class Maker {
 public:
  Maker(Database& database, const Vocabulary& vocabulary, const Domain& domain)
      : db_(database), v_(vocabulary), domain_(domain) {}

  Result<Training> make(size_t most) {
    TRY(lines());  // before questions, which restrict what is read
    std::vector<Asked> asked;
    for (const KnownType& type : v_.types)
      if (type.records > 0) TRY(questions_of(type, asked));
    std::stable_sort(asked.begin(), asked.end(),
                     [](const Asked& a, const Asked& b) { return hash_of(a.question) < hash_of(b.question); });
    size_t answered = 0, without = 0, tried = 0;
    for (const Asked& one : asked) {
      if (tried == most) break;
      if (one.no_answer && (without + 1) * 3 > answered) continue;  // a fourth of all
      ++tried;
      TRY_ASSIGN(const Answer answer, answer_question(db_, v_, domain_, one.question, 8));
      if ((answer.status == "answered") == one.no_answer) continue;
      (one.no_answer ? without : answered) += 1;
      for (const std::string& wording : wordings_of(one)) {
        const Json plan = one.no_answer ? Json{{"ask", "unknown"}} : answer.plan;
        add("plan", "Question: " + wording, plan.dump(), held_out(one));
      }
      std::string rows;
      for (const Citation& c : answer.citations)
        rows += fmt::format("{}#{}: {}\n", c.file, c.place, shortened(c.quote, 200));
      add("answer",
          "Question: " + one.question + "\nCounted: " + (one.no_answer ? "nothing" : answer.value.dump()) +
              "\nRows:\n" + rows,
          answer.text, held_out(one));
    }
    return std::move(out_);
  }

 private:
  static bool held_out(const Asked& one) { return one.form == "which" || one.about.empty() || in_the_tenth(one.about); }

  void add(const std::string& kind, const std::string& user, const std::string& assistant, bool held) {
    const Json line = {
        {"kind", kind},
        {"messages", {{{"role", "user"}, {"content", user}}, {{"role", "assistant"}, {"content", assistant}}}}};
    if (!written_.insert(user).second) return;
    (held ? out_.held_out : out_.train) += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    auto& counts = out_.counts[kind];
    ++(held ? counts.second : counts.first);
  }

  // The question as it is, in few words, with letters that changed places, and within a longer sentence.
  static std::vector<std::string> wordings_of(const Asked& one) {
    std::string terse, mistyped = one.question;
    for (const std::string& token : words_in(one.question).tokens)
      if (!among({"how", "many", "what", "is", "the", "were", "there", "are", "was", "of", "in", "have"}, fold(token)))
        terse += (terse.empty() ? "" : " ") + token;
    for (size_t i = 3; i + 3 < mistyped.size(); ++i)
      if (std::all_of(mistyped.begin() + static_cast<std::ptrdiff_t>(i) - 3,
                      mistyped.begin() + static_cast<std::ptrdiff_t>(i) + 3,
                      [](char c) { return c >= 'a' && c <= 'z'; })) {
        std::swap(mistyped[i], mistyped[i + 1]);
        break;
      }
    std::vector<std::string> all = {one.question};
    if (!terse.empty() && one.form == "count") all.push_back(terse);
    if (mistyped != one.question) all.push_back(mistyped);
    std::string inner = one.question;
    inner[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(inner[0])));
    all.push_back("I am putting the figures together and would like to know: " + inner);
    return all;
  }

  Result<std::vector<std::string>> short_values(const KnownType& type, const std::string& field, size_t most) {
    TRY_ASSIGN(auto values, frequent_values(db_, type.name, field, most));
    std::erase_if(values, [](const std::string& value) { return value.size() > 60; });
    return values;
  }

  Result<Done> questions_of(const KnownType& type, std::vector<Asked>& asked) {
    const std::string things = type.things();
    const auto name_of_field = [&](const KnownField& field) {
      const FieldWords* words = domain_.field(field.name);
      return words && !words->words.empty() ? words->words[0] : spoken(field.name);
    };
    const auto ask = [&](const std::string& form, const std::string& about, const std::string& question,
                         bool no_answer = false) {
      asked.push_back({question, form, about, no_answer});
    };
    std::set<std::string> years;
    if (!type.time.empty()) {
      TRY_ASSIGN(const auto days, short_values(type, type.time, 5000));
      for (const std::string& day : days)
        if (day.size() == 10 && day[0] >= '1' && day[0] <= '2' && day[4] == '-') years.insert(day.substr(0, 4));
    }
    for (const std::string& year : years) {
      const std::string about = year == *years.rbegin() ? "" : year;
      ask("count", about, fmt::format("How many {} were there in {}?", things, year));
    }
    if (!years.empty())
      ask("count", "2", fmt::format("How many {} were there in {}?", things, std::stoi(*years.rbegin()) + 7), true);
    TRY_ASSIGN(const auto keys, type.key.empty() ? std::vector<std::string>{} : short_values(type, type.key, 60));
    for (const KnownField& field : type.fields) {
      const std::string called = name_of_field(field);
      const bool amount = field.kind == Kind::number || field.kind == Kind::minutes;
      if (field.kind == Kind::text && field.name != type.key) {
        TRY_ASSIGN(const auto values, short_values(type, field.name, 12));
        if (values.size() < 2 || values.size() > 11) continue;
        ask("top", field.name, fmt::format("Which {} has the most {}?", called, things));
        for (const std::string& value : values) {
          ask("count", value, fmt::format("How many {} have the {} {}?", things, called, value));
          ask("which", value, fmt::format("Which {} have the {} {}?", things, called, value));
          ask("count", value + "x", fmt::format("How many {} have the {} Qo{}vex?", things, called, value.substr(0, 2)),
              true);
        }
      }
      if (amount)
        for (const std::string& year : years) {
          ask("sum", year, fmt::format("What is the total {} of {} in {}?", called, things, year));
          ask("mean", year, fmt::format("What is the average {} of {} in {}?", called, things, year));
        }
      if (field.name != type.key)
        for (const std::string& key : keys) ask("lookup", key, fmt::format("What is the {} of {}?", called, key));
    }
    for (const std::string& key : keys) {
      ask("lookup", key, fmt::format("What is the shoe size of {}?", key), true);
      ask("lookup", key + "x",
          fmt::format("What is the {} of {}-7Q9?", type.fields.empty() ? "size" : name_of_field(type.fields.back()),
                      key),
          true);
    }
    return Done{};
  }

  // Lines of text that became records.
  Result<Done> lines() {
    for (const KnownType& type : v_.types) {
      std::string columns;
      for (const KnownField& field : type.fields) columns += ", b." + quoted_name(field.name);
      TRY_ASSIGN(Statement rows, db_.prepare("SELECT s.raw, s.heading" + columns +
                                             " FROM evidence e JOIN source_row s ON s.id = e.source_row JOIN " +
                                             quoted_name("r_" + type.name) +
                                             " b ON b.id = e.record WHERE e.type = ? AND s.source_table IS NULL AND "
                                             "e.role IN ('states','repeats') ORDER BY s.id"));
      TRY(rows.begin({type.name}));
      for (;;) {
        TRY_ASSIGN(const bool more, rows.next());
        if (!more) break;
        Json record = {{"type", type.name}};
        for (size_t f = 0; f < type.fields.size(); ++f)
          if (const int c = static_cast<int>(f) + 2; !rows.is_null(c)) record[type.fields[f].name] = rows.text(c);
        add("record", "Heading: " + rows.text(1) + "\nLine: " + rows.text(0), record.dump(),
            in_the_tenth(rows.text(0)));
      }
    }
    return Done{};
  }

  Database& db_;
  const Vocabulary& v_;
  const Domain& domain_;
  std::set<std::string> written_;  // what was asked, to have each once
  Training out_;
};

}  // namespace

Result<Training> make_training(Database& database, const Vocabulary& vocabulary, const Domain& domain, size_t most) {
  return Maker(database, vocabulary, domain).make(most);
}

}  // namespace freehold::papers
