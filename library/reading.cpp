// What a model is told of a library and of a question, and what is made of its words.
#include "library/reading.h"

#include <algorithm>

#include "library/faithful.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr size_t most_types = 12, most_fields = 24;  // that a model is told of
constexpr size_t most_words = 12;                    // that nothing explains; with more it is no such question
constexpr size_t most_letters = 240;                 // of what it writes
constexpr int most_draws = 5, draws_that_agree = 3;

class Reader {
 public:
  Reader(Database& database, const Vocabulary& vocabulary, const Domain& domain)
      : db_(database), v_(vocabulary), domain_(domain) {
    for (const KnownType& type : v_.types)
      if (type.records > 0 && types_.size() < most_types) types_.push_back(&type);
  }

  Result<Writing> writing(const std::string& question) const {
    Writing out;
    TRY_ASSIGN(out.instructions, instructions());
    out.text = "Question: " + question;
    out.schema = {{"type", "object"},
                  {"properties", {{"plain", {{"type", "string"}, {"maxLength", most_letters}}}}},
                  {"required", {"plain"}},
                  {"additionalProperties", false}};
    return out;
  }

  static std::optional<std::string> parse(const std::string& text) {
    const Result<Json> json = parse_json(text, "reading", {.bytes = 64 << 10});
    if (!json || !json->is_object()) return std::nullopt;
    const auto plain = json->find("plain");
    if (plain == json->end() || !plain->is_string()) return std::nullopt;
    const auto said = plain->get<std::string>();
    return said.empty() || said.size() > 4 * most_letters || !is_utf8(said) ? std::nullopt : std::optional(said);
  }

 private:
  std::string called(const KnownField& field) const {
    const FieldWords* words = domain_.field(field.name);
    return words && !words->words.empty() ? words->words[0] : spoken(field.name);
  }

  Result<std::string> instructions() const {
    std::string text =
        "You write questions that people ask about records again, in plain and literal English. Slang, idioms and "
        "figures of speech become the ordinary words for what is meant. Greetings, reasons, stories and guesses are "
        "left out. Names, codes, numbers, dates and every word that narrows what is asked stay as they are. The plain "
        "question asks for the same thing and nothing else, and is short.\n\nThe records are of\n";
    for (const KnownType* type : types_) {
      text += type->things() + ":";
      for (size_t i = 0; i < std::min(type->fields.size(), most_fields); ++i)
        text += (i == 0 ? " " : ", ") + called(type->fields[i]);
      text += "\n";
    }
    TRY_ASSIGN(const std::string shown, examples());
    return text + "\n" + shown;
  }

  bool is_proper(const std::string& value) const {  // the name of somebody
    const auto words = words_of(value);
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return v_.proper.count(word) > 0; });
  }

  static void show(std::string& text, const std::string& question, const std::string& plain) {
    text += "Question: " + question + "\n" + Json({{"plain", plain}}).dump() + "\n";
  }

  // Made of this library's own names; the last ones of what it may not hold, which stays what it is.
  Result<std::string> examples() const {
    const KnownType* type = nullptr;  // what happens
    for (const KnownType* one : types_)
      if (!type || (!one->time.empty() && (type->time.empty() || one->records > type->records))) type = one;
    if (!type) return std::string();
    const KnownField *thing = nullptr, *kind = nullptr, *amount = nullptr;
    std::string value;
    std::vector<std::string> ones;  // things by their names
    for (const KnownField& field : type->fields) {
      if (!amount && (field.kind == Kind::minutes || field.kind == Kind::number)) amount = &field;
      if (field.kind != Kind::text || field.name == type->key) continue;
      TRY_ASSIGN(const auto values, frequent_values(db_, type->name, field.name, 40));
      if (values.size() < 2) continue;
      const bool told_of = type->rule && type->rule->from_text.size() > 2 && type->rule->from_text[2] == field.name;
      if (!field.refers.empty() && !thing)
        thing = &field, ones = values;
      else if (field.refers.empty() && (told_of || (!kind && values.size() < 40)))
        kind = &field, value = values[0];
    }
    const std::string things = type->things();
    const auto one = [&](size_t i) { return ones.empty() ? std::string("A-1") : ones[i % ones.size()]; };
    std::string text;
    if (thing) {
      const std::string word = called(*thing);
      show(text, "Folks, which " + word + " is forever giving us headaches?",
           "Which " + word + " has the most " + things + "?");
      show(text, "How many hiccups did " + one(0) + " throw at us since 2020?",
           "How many " + things + " did " + one(0) + " have since 2020?");
      if (kind) {
        show(text, "What's the first thing to go on " + one(1) + "?",
             "Which " + called(*kind) + " is the most common of " + one(1) + "?");
        show(text, "Which " + plural(word) + " copped a " + value + " in 2021?",
             "Which " + plural(word) + " had " + things + " with " + called(*kind) + " " + value + " in 2021?");
      }
      const KnownType* there = v_.type(thing->refers);
      const auto date = std::find_if(there->fields.begin(), there->fields.end(),
                                     [](const KnownField& field) { return field.kind == Kind::date; });
      if (date != there->fields.end())
        show(text, "Since when has " + one(2) + " been gracing us with its presence?",
             "On what date was " + one(2) + " " + called(*date) + "?");
    }
    if (amount)
      show(text, "All told, how much " + called(*amount) + " did we rack up in 2019, in hours?",
           "What is the total " + called(*amount) + " in 2019 in hours?");
    show(text,
         "The boss hates surprises and the auditor comes on Monday, so I had better get him the number of " + things +
             " in 2021.",
         "How many " + things + " were there in 2021?");
    for (const KnownType* other : types_) {
      if (!other->time.empty() || other->key.empty() || (thing && other->name == thing->refers)) continue;
      TRY_ASSIGN(const auto keys, frequent_values(db_, other->name, other->key, 2));
      if (keys.size() < 2) continue;
      for (const KnownField& field : other->fields) {
        TRY_ASSIGN(const auto values, frequent_values(db_, other->name, field.name, 1));
        if (field.money)
          show(text, "How much do they want for one " + keys[0] + "?",
               "What is the " + called(field) + " of " + keys[0] + "?");
        else if (field.name != other->key && field.kind == Kind::text && !values.empty() && is_proper(values[0]))
          show(text, "Who can get us another " + keys[1] + "?", "Who is the " + called(field) + " of " + keys[1] + "?");
      }
    }
    show(text, "When did " + one(3) + " last see a paintbrush?", "When was " + one(3) + " last painted?");
    show(text, "How many folks threw a sickie in 2021?", "How many employees called in sick in 2021?");
    show(text, "Who knocked " + one(4) + " together?", "Who built " + one(4) + "?");
    show(text, "What's the damage for the Christmas do?", "What was the cost of the Christmas party?");
    return text;
  }

  Database& db_;
  const Vocabulary& v_;
  const Domain& domain_;
  std::vector<const KnownType*> types_;
};

}  // namespace

Result<ModelPlan> plan_by_model(Database& database, const Question& question, const Names& keys, const Plan& by_rules,
                                const Vocabulary& vocabulary, const Domain& domain, const Writer& model) {
  if (question.unknown.size() > most_words || names_unknown(question, by_rules)) return ModelPlan{};
  const Reader reader(database, vocabulary, domain);
  TRY_ASSIGN(Writing writing, reader.writing(question.text));
  ModelPlan out;
  std::string why;
  int agreed = 0;
  for (int draw = 0; draw < most_draws && agreed + (most_draws - draw) >= draws_that_agree && agreed < draws_that_agree;
       ++draw) {
    writing.draw = static_cast<uint64_t>(draw);
    const Result<std::string> text = model(writing);
    if (!text && text.error().fault == Fault::resources) return ModelPlan{.why = text.error().what};
    if (!text) return Failure(text.error());
    const std::optional<std::string> said = Reader::parse(*text);
    if (!said) continue;
    const Question again = take_apart(*said, vocabulary, domain, keys);
    const Plan plan = make_plan(again, vocabulary, domain);
    const std::string changed = is_whole(plan) ? changed_in(question, again, plan, vocabulary) : "";
    if (!is_whole(plan) || !changed.empty()) {
      if (why.empty())
        why = fmt::format("a model read it as \"{}\", which {}", *said,
                          changed.empty() ? "has no answer here" : "changes " + changed);
      continue;
    }
    if (out.plan && !same_plan(plan, *out.plan)) return ModelPlan{.why = "a model read it in two ways"};
    if (!out.plan) out.plan = plan, out.said = *said;
    ++agreed;
  }
  if (agreed >= draws_that_agree) return out;
  return ModelPlan{.why = why.empty() ? "a model read it in different ways" : why};
}

}  // namespace freehold::papers
