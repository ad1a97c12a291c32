// What a model is told of a library and of a question, and what it may write.
#include "library/reading.h"

#include <algorithm>

#include "library/planner.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

// How the model names what is asked.
struct Asked {
  std::string_view name;
  Ask ask;
  bool ascending;
  std::string_view meaning;
};
constexpr Asked asks[] = {
    {"count", Ask::count, false, "how many records"},
    {"distinct", Ask::distinct, false, "how many different values of `by`"},
    {"most", Ask::top, false, "which value of `by` has most records, or the largest sum of `field`"},
    {"fewest", Ask::top, true, "which value of `by` has fewest records, or the smallest sum of `field`"},
    {"sum", Ask::sum, false, "the sum of `field`"},
    {"mean", Ask::mean, false, "the mean of `field`"},
    {"largest", Ask::extreme, false, "the largest or latest `field`"},
    {"smallest", Ask::extreme, true, "the smallest or earliest `field`"},
    {"lookup", Ask::lookup, false, "the `field` of one record"},
    {"list", Ask::list, false, "all values of `by`"},
    {"each", Ask::series, false, "the count of records, or the sum of `field`, for each value of `by` or each `per`"},
    {"trend", Ask::trend, false, "whether that count or sum rises or falls over the years"},
    {"exists", Ask::exists, false, "whether there is any record"},
    {"between", Ask::mtbf, false, "the mean time between records"},
};
constexpr size_t most_types = 12, most_fields = 40;  // that a model is told of
constexpr size_t most_words = 6;                     // that the rules could not place; with more it is no such question
constexpr size_t most_alike = 8;                     // values of a field that such a word may be
constexpr int readings = 3;                          // that must agree: the likeliest, and others drawn
constexpr std::string_view none = "none", nothing = "nothing", records = "records", other = "other";

// What the words of asking leave open of it: "how many" asks for no mean.
std::vector<std::string> names_left(const Question& question) {
  static const std::pair<std::string_view, std::vector<std::string>> decided[] = {
      {"mtbf", {"between"}},
      {"trend", {"trend"}},
      {"most", {"most", "largest"}},
      {"least", {"fewest", "smallest"}},
      {"distinct", {"distinct"}},
      {"mean", {"mean", "between"}},
      {"longest", {"largest"}},
      {"shortest", {"smallest"}},
      {"latest", {"largest", "lookup"}},
      {"earliest", {"smallest", "lookup"}},
      {"by month", {"each"}},
      {"by quarter", {"each"}},
      {"by year", {"each"}},
      {"count", {"count", "distinct", "sum"}},
      {"how much", {"sum"}},
      {"sum", {"sum", "count"}},
      {"exists", {"exists"}},
      {"when", {"lookup", "largest", "smallest"}}};
  for (const auto& [word, left] : decided)
    if (question.says(word)) return left;
  std::vector<std::string> all;
  for (const Asked& one : asks) all.emplace_back(one.name);
  return all;
}

// The fields of a type that a plan may speak of, as the model names them: its own, and those of what it refers to.
using Fields = std::vector<std::pair<std::string, Place>>;
Fields fields_of(const KnownType& type, const Vocabulary& vocabulary) {
  Fields fields;
  for (const KnownField& field : type.fields)
    fields.push_back({field.name, Place{"", field.name, type.name, field.kind}});
  for (const KnownField& field : type.fields)
    if (const KnownType* there = field.refers.empty() ? nullptr : vocabulary.type(field.refers);
        there && there != &type)
      for (const KnownField& far : there->fields)
        if (far.name != there->key && fields.size() < most_fields)
          fields.push_back({field.name + "." + far.name, Place{field.name, far.name, there->name, far.kind}});
  return fields;
}

// Whether a word may be a misspelling or another form of one word of a value.
bool resembles(const std::string& word, const std::string& value, const Domain& domain) {
  for (const std::string& part : words_of(value)) {
    if (part.size() < 3 || has_digit(part)) continue;
    const bool swapped = part.size() == word.size() && std::is_permutation(part.begin(), part.end(), word.begin());
    const int most = word.size() >= 7 ? 2 : word.size() >= 4 ? 1 : 0;
    if (swapped || edit_distance(word, part, most) <= most || domain.root(word) == domain.root(part)) return true;
  }
  return false;
}

class Reader {
 public:
  Reader(Database& database, const Question& question, const Vocabulary& vocabulary, const Domain& domain)
      : db_(database), q_(question), v_(vocabulary), domain_(domain) {
    for (const KnownType& type : v_.types)
      if (type.records > 0 && types_.size() < most_types) types_.push_back(&type);
  }

  // Words that the rules could not place. False: one of them is a name or a number, which no reading explains.
  bool take_words(const Plan& by_rules) {
    for (const auto* list : {&q_.unknown, &by_rules.missing, &by_rules.open})
      for (const std::string& words : *list) {
        if (q_.text.find(words) == std::string::npos &&
            std::find(q_.tokens.begin(), q_.tokens.end(), words) == q_.tokens.end())
          continue;  // said of the question, not in it
        const bool first = !q_.tokens.empty() && q_.tokens[0] == words;
        if (has_digit(words) || (std::isupper(static_cast<unsigned char>(words[0])) && !first)) return false;
        if (std::find(words_.begin(), words_.end(), words) == words_.end()) words_.push_back(words);
      }
    return words_.size() <= most_words;
  }

  // How much of a reading is asked for: what the words stand for, or all of it.
  enum class Part : uint8_t { words, all };

  Result<Writing> writing(Part part) {
    Writing out;
    TRY_ASSIGN(out.instructions, instructions());
    out.text = "Question: " + q_.text + "\nWords: " + (words_.empty() ? "none" : Json(words_).dump());
    Json ways = Json::array();
    for (const KnownType* type : types_) ways.push_back(schema_of(*type, part));
    out.schema = {{"anyOf", ways}};
    return out;
  }

  // Nothing that is not one of the names given out; the grammar sees to it, and this does not trust the grammar.
  std::optional<Reading> parse(const std::string& text, Part part) const {
    const Result<Json> json = parse_json(text, "reading", {.bytes = 64 << 10});
    if (!json || !json->is_object()) return std::nullopt;
    const auto member = [&](const char* name) {
      const auto found = json->find(name);
      return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Reading reading;
    const auto type =
        std::find_if(types_.begin(), types_.end(), [&](const KnownType* t) { return t->name == member("records"); });
    if (type == types_.end()) return std::nullopt;
    reading.type = (*type)->name;
    const Fields fields = fields_of(**type, v_);
    if (!parse_words(*json, fields, reading.words)) return std::nullopt;
    if (part == Part::words) return json->size() == 2 ? std::optional(reading) : std::nullopt;
    const std::vector<std::string> left = names_left(q_);
    const auto ask =
        std::find_if(std::begin(asks), std::end(asks), [&](const Asked& a) { return a.name == member("ask"); });
    if (ask == std::end(asks) || !among(left, std::string(ask->name))) return std::nullopt;
    reading.ask = ask->ask, reading.ascending = ask->ascending;
    const auto choose = [&](const std::string& name, std::optional<Place>& place) {
      if (name == none) return true;
      const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == name; });
      if (found == fields.end()) return false;
      place = found->second;
      return true;
    };
    if (!choose(member("field"), reading.field) || !choose(member("by"), reading.group)) return std::nullopt;
    if (const std::string per = member("per"); per == "month" || per == "quarter" || per == "year")
      reading.period = per;
    return reading;
  }

  // What the words were said to stand for, as names beside those of the vocabulary.
  Names names_in(const Reading& reading) const {
    Names names;
    for (const Meaning& one : reading.words) {
      const std::string key = key_of(one.word);
      if (one.what == Meaning::What::records)
        names.emplace(key, Link{Link::What::type, reading.type, "", "", -1});
      else if (one.what == Meaning::What::field)
        names.emplace(key, Link{Link::What::field, one.place.type, one.place.field, "", -1});
      else if (one.what == Meaning::What::value)
        names.emplace(key, Link{Link::What::value, one.place.type, one.place.field, one.value, -1});
    }
    return names;
  }
  bool asks_words() const { return !words_.empty(); }

 private:
  bool parse_words(const Json& json, const Fields& fields, std::vector<Meaning>& meanings) const {
    const auto words = json.find("words");
    if (words == json.end() || !words->is_object() || words->size() != words_.size()) return false;
    for (const std::string& word : words_) {
      const auto found = words->find(word);
      if (found == words->end() || !found->is_string()) return false;
      const auto meaning = meaning_of(word, found->get<std::string>(), fields);
      if (!meaning) return false;
      meanings.push_back(*meaning);
    }
    return true;
  }

  std::optional<Meaning> meaning_of(const std::string& word, const std::string& said, const Fields& fields) const {
    Meaning meaning;
    meaning.word = word;
    if (said == nothing || said == records || said == other) {
      meaning.what = said == nothing   ? Meaning::What::nothing
                     : said == records ? Meaning::What::records
                                       : Meaning::What::other;
      return meaning;
    }
    for (const auto& [name, place] : fields) {
      if (said == name) return meaning.what = Meaning::What::field, meaning.place = place, meaning;
      if (!said.starts_with(name + " = ")) continue;
      for (const std::string& value : values_like(word, place))
        if (said == name + " = " + value)
          return meaning.what = Meaning::What::value, meaning.place = place, meaning.value = value, meaning;
    }
    return std::nullopt;
  }

  // Values of the field that the words may be.
  std::vector<std::string> values_like(const std::string& words, const Place& place) const {
    std::set<std::string> found;
    if (place.kind != Kind::text) return {};
    for (const auto& [name, link] : v_.names)
      if (link.what == Link::What::value && link.type == place.type && link.field == place.field &&
          found.size() < most_alike)
        for (const std::string& word : words_of(words))
          if (resembles(word, link.value, domain_)) found.insert(link.value);
    return {found.begin(), found.end()};
  }

  Json schema_of(const KnownType& type, Part part) const {
    const Fields fields = fields_of(type, v_);
    Json names = Json::array({none}), groups = Json::array({none}), meanings = Json::array({nothing, records, other});
    for (const auto& [name, place] : fields) {
      names.push_back(name), meanings.push_back(name);
      if (place.kind == Kind::text) groups.push_back(name);
    }
    Json words = Json::object(), required = Json::array();
    for (const std::string& word : words_) {
      Json these = meanings;
      for (const auto& [name, place] : fields)
        for (const std::string& value : values_like(word, place)) these.push_back(name + " = " + value);
      words[word] = {{"enum", these}};
      required.push_back(word);
    }
    Json members = {
        {"records", {{"const", type.name}}},
        {"words",
         {{"type", "object"}, {"properties", words}, {"required", required}, {"additionalProperties", false}}}};
    if (part == Part::all) {
      members["ask"] = {{"enum", names_left(q_)}};
      members["field"] = {{"enum", names}};
      members["by"] = {{"enum", groups}};
      members["per"] = {{"enum", {none, "month", "quarter", "year"}}};
    }
    Json all = Json::array();
    for (const auto& [name, member] : members.items()) all.push_back(name);
    return {{"type", "object"}, {"properties", members}, {"required", all}, {"additionalProperties", false}};
  }

  Result<std::string> instructions() {
    std::string text =
        "You read questions about records that were taken from papers. You write how a question is to be read, as "
        "JSON: `records`, which records; `words`, what each of the given words stands for; `ask`, what is asked; "
        "`field`; `by`; `per`. Names, numbers and times in the question have been understood already.\n\n"
        "Records and their fields:\n";
    for (const KnownType* type : types_) {
      text += type->name;
      text += fmt::format(" ({}):\n", type->things());
      for (const auto& [name, place] : fields_of(*type, v_)) {
        text += "  " + name;
        if (place.kind == Kind::text) {
          TRY_ASSIGN(const auto values, frequent_values(db_, place.type, place.field, 4));
          for (size_t i = 0; i < values.size(); ++i) text += (i == 0 ? ": " : ", ") + shortened(values[i], 24);
        } else {
          text += std::string(": ") + std::string(name_of(place.kind));
        }
        text += "\n";
      }
    }
    text += "\nask is one of\n";
    for (const Asked& one : asks) text += fmt::format("  {}: {}\n", one.name, one.meaning);
    text +=
        "\nA word stands for \"nothing\" if the question asks for the same without it, for \"records\" if it says what "
        "the records are or what happens in them, for a field or a value if it is another word for that, and for "
        "\"other\" if it asks for, or narrows by, something that is no field and no value: then there is no answer.\n";
    TRY_ASSIGN(const std::string shown, examples());
    return text + "\nExamples:\n" + shown;
  }

  // Made of this library's own names.
  Result<std::string> examples() {
    const KnownType* type = nullptr;
    for (const KnownType* one : types_)
      if (!type || (!one->time.empty() && (type->time.empty() || one->records > type->records))) type = one;
    if (!type) return std::string();
    std::string kind, amount, value;
    for (const KnownField& field : type->fields) {
      if (amount.empty() && (field.kind == Kind::number || field.kind == Kind::minutes)) amount = field.name;
      if (field.kind != Kind::text || field.name == type->key || !kind.empty()) continue;
      TRY_ASSIGN(const auto values, frequent_values(db_, type->name, field.name, 40));
      if (values.size() > 1 && values.size() < 40) kind = field.name, value = values[0];
    }
    std::string text;
    const auto show = [&](const std::string& question, const Json& words, const char* ask, const std::string& field,
                          const std::string& by) {
      Json names = Json::array();
      for (const auto& [word, meaning] : words.items()) names.push_back(word);
      const Json json = {
          {"records", type->name},        {"words", words}, {"ask", ask}, {"field", field.empty() ? none : field},
          {"by", by.empty() ? none : by}, {"per", none}};
      text += "Question: " + question + "\nWords: " + names.dump() + "\n" + json.dump() + "\n";
    };
    const std::string things = type->rule && !type->rule->words.empty() ? type->rule->words.back() : type->name;
    if (!kind.empty()) {
      show("How many hiccups did we log with " + value + "?", {{"hiccups", records}}, "count", "", "");
      show("Which one gives us the most headaches?", {{"headaches", records}, {"one", kind}}, "most", "", kind);
      show("How many upside-down " + things + " with " + value + "?", {{"upside-down", other}}, "count", "", "");
    }
    if (!amount.empty()) {
      show("Folks, how much of it in 2021, ballpark?", {{"ballpark", nothing}, {"it", amount}}, "sum", amount, "");
      show("What is the average shoe size?", {{"shoe", other}, {"size", other}}, "mean", amount, "");
    }
    return text;
  }

  Database& db_;
  const Question& q_;
  const Vocabulary& v_;
  const Domain& domain_;
  std::vector<const KnownType*> types_;
  std::vector<std::string> words_;
};

std::string listed(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "\"" : ", \"") + word + "\"";
  return all;
}

std::string shown(const Meaning& meaning) {
  switch (meaning.what) {
    case Meaning::What::nothing:
      return "saying nothing more";
    case Meaning::What::records:
      return "what is counted";
    case Meaning::What::field:
      return meaning.place.shown();
    case Meaning::What::value:
      return meaning.place.shown() + " " + meaning.value;
    case Meaning::What::other:
      break;
  }
  return "something else";
}

}  // namespace

bool is_whole(const Plan& plan) {
  if (plan.ask == Ask::define) return true;
  if (plan.type.empty() || !plan.missing.empty() || !plan.open.empty()) return false;
  switch (plan.ask) {
    case Ask::sum:
    case Ask::mean:
    case Ask::extreme:
    case Ask::lookup:
      return plan.measure.has_value();
    case Ask::top:
    case Ask::series:
      return plan.group || !plan.period.empty();
    case Ask::list:
    case Ask::distinct:
      return plan.group.has_value();
    default:
      return true;
  }
}

std::vector<Ask> asks_left(const Question& question) {
  std::vector<Ask> left;
  const std::vector<std::string> names = names_left(question);
  if (names.size() == std::size(asks)) return left;
  for (const Asked& one : asks)
    if (among(names, std::string(one.name))) left.push_back(one.ask);
  return left;
}

bool same_plan(const Plan& a, const Plan& b) {
  Json first = json_of(a), second = json_of(b);
  std::vector<std::string> conditions[2];
  for (int i = 0; i < 2; ++i) {
    for (const Json& condition : (i == 0 ? first : second)["where"]) conditions[i].push_back(condition.dump());
    std::sort(conditions[i].begin(), conditions[i].end());
  }
  first.erase("where"), second.erase("where");
  return first == second && conditions[0] == conditions[1];
}

namespace {

using Make = std::function<Plan(const Reading&)>;

// One way of asking the model: it is believed where its plan is whole, and the same each time. `beyond`: it said that a
// word stands for something that the papers do not hold.
Result<ModelPlan> agreed(const Reader& reader, Reader::Part part, Writing writing, const Make& make,
                         const Writer& model, bool& beyond) {
  ModelPlan out;
  for (uint64_t draw = 0; draw < readings; ++draw) {
    writing.draw = draw;
    const Result<std::string> text = model(writing);
    if (!text && text.error().fault == Fault::resources) return ModelPlan{.why = text.error().what};
    if (!text) return Failure(text.error());
    const std::optional<Reading> reading = reader.parse(*text, part);
    if (!reading) return ModelPlan{.why = "the model's reading names what does not exist"};
    beyond = std::any_of(reading->words.begin(), reading->words.end(),
                         [](const Meaning& m) { return m.what == Meaning::What::other; });
    const Plan plan = make(*reading);
    if (!is_whole(plan)) {
      std::vector<std::string> all = plan.missing;
      all.insert(all.end(), plan.open.begin(), plan.open.end());
      return ModelPlan{.why = "a model's reading leaves open " + (all.empty() ? "what is asked" : listed(all))};
    }
    if (draw == 0) {
      out.plan = plan;
      for (const Meaning& meaning : reading->words)
        out.notes.push_back(fmt::format("a model read \"{}\" as {}", meaning.word, shown(meaning)));
    } else if (json_of(plan) != json_of(*out.plan)) {
      return ModelPlan{.why = "a model read it in two ways"};
    }
  }
  return out;
}

}  // namespace

Result<ModelPlan> plan_by_model(Database& database, const Question& question, const Names& keys, const Plan& by_rules,
                                const Vocabulary& vocabulary, const Domain& domain, const Writer& model) {
  Reader reader(database, question, vocabulary, domain);
  bool beyond = false;
  std::optional<Plan> by_words;
  if (!reader.take_words(by_rules)) return ModelPlan{};
  if (reader.asks_words()) {
    const auto with_words = [&](const Reading& reading) {
      Names names = reader.names_in(reading);
      names.insert(keys.begin(), keys.end());
      const Question again = take_apart(question.text, vocabulary, domain, names);
      return Planner(again, vocabulary, domain).make_with(reading);
    };
    TRY_ASSIGN(Writing writing, reader.writing(Reader::Part::words));
    TRY_ASSIGN(ModelPlan first, agreed(reader, Reader::Part::words, writing, with_words, model, beyond));
    if (beyond) return first;
    by_words = first.plan;
  }
  const auto chosen = [&](const Reading& reading) { return Planner(question, vocabulary, domain).make_as(reading); };
  TRY_ASSIGN(Writing writing, reader.writing(Reader::Part::all));
  TRY_ASSIGN(ModelPlan all, agreed(reader, Reader::Part::all, writing, chosen, model, beyond));
  if (by_words && all.plan && !same_plan(*by_words, *all.plan)) return ModelPlan{.why = "a model read it in two ways"};
  return all;
}

}  // namespace freehold::papers
