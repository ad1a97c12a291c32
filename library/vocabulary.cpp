#include "library/vocabulary.h"

#include <algorithm>

#include "library/english.h"
#include "library/words.h"

namespace freehold::papers {
namespace {

constexpr size_t most_kinds = 100;  // of a field whose values are kinds of things
constexpr int64_t few_rows = 10;
constexpr int64_t most_values = 5000;  // of a field; one with more holds free text, or keys: those are looked up

struct Builder {
  Vocabulary& vocabulary;
  std::vector<std::pair<std::string, Link>> weak, late;  // words of headers: they count when they name nothing else
  std::vector<std::pair<std::string, Link>> heads;       // last words of kinds, likewise
  std::map<std::string, size_t> parts;                   // words of names -> names that have them
  const std::vector<std::string>& common;                // words that are no part of one: "workshop" of "Own workshop"
  void add(std::string_view text, const Link& link) {
    const std::string key = key_of(text);
    if (key.empty() || key.size() > 100) return;
    if (link.what == Link::What::field && (key == "no" || key == "nr")) return;  // "had no visit": not its "No."
    const auto put = [&](const std::string& name) {
      const auto [first, last] = vocabulary.names.equal_range(name);
      for (auto it = first; it != last; ++it)
        if (it->second.what == link.what && it->second.type == link.type && it->second.field == link.field &&
            it->second.value == link.value && it->second.record == link.record)
          return;
      vocabulary.names.emplace(name, link);
    };
    put(key);
    if (link.what == Link::What::value || link.what == Link::What::record) put(fmt::format("#{}", canon(text)));
    for (const std::string& word : words_of(text))
      if (!has_digit(word) && word.size() >= 4) vocabulary.words.insert(word);
    if (link.what == Link::What::value || link.what == Link::What::record) add_proper(text);
  }
  // "Emil Lund": words with capitals that are none of English.
  void add_proper(std::string_view text) {
    const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || (c & 0x80) != 0; };
    for (size_t i = 0; i < text.size();) {
      size_t end = i;
      while (end < text.size() && letter(text[end])) ++end;
      const std::string word = fold(text.substr(i, end - i));
      if (end > i + 3 && word[0] != text[i] && !is_english(word)) vocabulary.proper.insert(word);
      i = end + 1;
    }
  }
  // Several things of a kind are also called by its first word, if no other kind begins so.
  void add_firsts(const std::vector<std::string>& values, const Link& field) {
    if (values.size() > most_kinds) return;
    std::map<std::string, std::vector<std::string>> kinds;
    for (const std::string& value : values)
      if (const auto words = words_of(value); words.size() == 2 && words[0].size() >= 3 && !has_digit(words[0]))
        kinds[stem(words[0])].push_back(value);
    for (const auto& [first, of] : kinds) {
      Link link = field;
      link.value = of[0];
      if (of.size() == 1) vocabulary.firsts.emplace(first, link);
    }
  }
  // Kinds of things are also called by their last word, all of them that have it: "pumps" for "slurry pump" and "sump
  // pump". Only in fields of few values: others hold names, or text.
  void add_heads(const std::vector<std::string>& values, const Link& field, const Domain& domain) {
    if (values.size() > most_kinds) return;
    for (const std::string& value : values) {
      const auto words = words_of(value);
      if (words.size() < 2 || words.size() > 4 || words.back().size() < 4 || has_digit(words.back()) ||
          std::find(domain.filler_words.begin(), domain.filler_words.end(), words.back()) != domain.filler_words.end())
        continue;
      Link link = field;
      link.value = value;
      heads.emplace_back(words.back(), link);
    }
  }
  // Of names of several words, each word alone, if no other name has it: "Weiss" of "Lukas Weiss".
  void add_value(const std::string& value, bool is_key, const Link& link) {
    add(value, link);
    const auto words = words_of(value);
    if (!is_key || has_digit(value) || words.size() < 2 || words.size() > 4) return;
    for (const std::string& word : words)
      if (word.size() >= 4 && !among(common, word)) ++parts[word], weak.emplace_back(word, link);
  }
  // Records are called by what numbers them: those with a "Delivery note" are deliveries, with a "Job no" jobs.
  void name_by_number(const std::string& header, const Link& type) {
    const auto words = words_of(header);
    static const std::set<std::string> papers = {"note",  "slip",        "ticket", "docket", "form",
                                                 "sheet", "certificate", "no",     "nr",     "number"};
    for (size_t i = 1; i < words.size() && i <= 2; ++i)
      if (papers.count(words[i])) add(words[i - 1], type);
  }
  void add_words(const std::string& header, const Link& link, const Domain& domain) {
    const auto words = words_of(header);
    if (words.size() < 2 || words.size() > 5) return;
    for (const std::string& word : words)
      if (word.size() >= 4 && !has_digit(word) &&
          std::find(domain.filler_words.begin(), domain.filler_words.end(), word) == domain.filler_words.end())
        weak.emplace_back(word, link);
  }
};

Result<Done> load_values(Database& database, const Domain& domain, const KnownType& type, const KnownField& field,
                         Builder& builder) {
  const std::string column = quoted_name(field.name);
  TRY_ASSIGN(Statement values,
             database.prepare("SELECT " + column + ", count(*) FROM " + quoted_name("r_" + type.name) + " WHERE " +
                              column + " IS NOT NULL GROUP BY 1 LIMIT " + std::to_string(most_values + 1)));
  TRY(values.begin({}));
  std::vector<std::string> found;
  size_t words = 0;
  for (;;) {
    TRY_ASSIGN(const bool more, values.next());
    if (!more) break;
    found.push_back(values.text(0));
    words += words_of(found.back()).size();
  }
  const bool is_key = field.name == type.key;
  if (found.empty() || found.size() > most_values || (!is_key && words > found.size() * 6)) return Done{};
  for (const std::string& value : found)
    if (value.size() <= 80) builder.add_value(value, is_key, {Link::What::value, type.name, field.name, value, -1});
  if (!is_key && field.refers.empty())
    builder.add_heads(found, {Link::What::value, type.name, field.name, "", -1}, domain);
  if (!is_key && field.refers.empty() && type.time.empty())
    builder.add_firsts(found, {Link::What::value, type.name, field.name, "", -1});
  return Done{};
}

// Most of the keys are words.
Result<bool> is_named(Database& database, const KnownType& type) {
  if (type.key.empty()) return false;
  TRY_ASSIGN(const auto keys, frequent_values(database, type.name, type.key, 20));
  const auto words = std::count_if(keys.begin(), keys.end(), [](const std::string& key) { return !has_digit(key); });
  return static_cast<size_t>(words) * 2 > keys.size();
}

}  // namespace

const KnownField* KnownType::field(std::string_view wanted) const {
  for (const KnownField& one : fields)
    if (one.name == wanted) return &one;
  return nullptr;
}
std::string KnownType::things(int64_t count) const {
  const std::string one = spoken(rule && !rule->words.empty() ? rule->words[0] : name);
  return count == 1 ? one : plural(one);
}
const KnownType* Vocabulary::type(std::string_view name) const {
  for (const KnownType& one : types)
    if (one.name == name) return &one;
  return nullptr;
}

Result<std::vector<std::string>> frequent_values(Database& database, std::string_view type, std::string_view field,
                                                 size_t most) {
  const std::string column = quoted_name(field);
  TRY_ASSIGN(Statement all,
             database.prepare(fmt::format("SELECT {}, count(*) FROM {} WHERE {} IS NOT NULL GROUP BY 1 "
                                          "ORDER BY 2 DESC, 1 LIMIT {}",
                                          column, quoted_name(fmt::format("r_{}", type)), column, most)));
  TRY(all.begin({}));
  std::vector<std::string> values;
  for (;;) {
    TRY_ASSIGN(const bool more, all.next());
    if (!more) return values;
    values.push_back(all.text(0));
  }
}

Result<Vocabulary> load_vocabulary(Database& database, const Domain& domain) {
  Vocabulary vocabulary;
  Builder builder{vocabulary, {}, {}, {}, {}, domain.organisation_words};
  {
    TRY_ASSIGN(Statement types, database.prepare("SELECT name, key, time FROM record_type ORDER BY rowid"));
    TRY(types.begin({}));
    for (;;) {
      TRY_ASSIGN(const bool more, types.next());
      if (!more) break;
      vocabulary.types.push_back({types.text(0), types.text(1), types.text(2), domain.type(types.text(0)), {}, 0});
    }
  }
  for (const KnownType& type : vocabulary.types)  // words that tell kinds of entries apart name them in questions too
    if (type.rule)
      for (const auto& [kind, words] : type.rule->kinds)
        for (const std::string& word : words)
          builder.add(word, {Link::What::value, type.name, type.rule->kind, kind, -1});
  for (KnownType& type : vocabulary.types) {
    const Link link{Link::What::type, type.name, "", "", -1};
    if (type.rule)
      for (const std::string& word : type.rule->words) builder.add(word, link);
    std::string name = type.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    builder.add(name, link);
    auto parts = words_of(name);
    std::erase_if(parts, [&](const std::string& word) { return among(domain.container_words, word); });
    if (!type.rule && !parts.empty()) builder.add(parts.back(), link);
    TRY_ASSIGN(Statement count, database.prepare("SELECT count(*) FROM " + quoted_name("r_" + type.name)));
    TRY(count.begin({}));
    TRY_ASSIGN(const bool any, count.next());
    if (any) type.records = count.integer(0);
    TRY_ASSIGN(Statement fields,
               database.prepare("SELECT name, kind, refers, headers FROM field WHERE type = ? ORDER BY rowid"));
    TRY(fields.begin({type.name}));
    for (;;) {
      TRY_ASSIGN(const bool more, fields.next());
      if (!more) break;
      type.fields.push_back({fields.text(0),
                             fields.text(2),
                             kind_of(fields.text(1)).value_or(Kind::text),
                             {},
                             false,
                             false,
                             false,
                             false});
      KnownField& known = type.fields.back();
      bool costs = false;  // "Invoice amount": no quantity
      for (const std::string& word : words_of(fields.text(3))) {
        costs |= !among(domain.quantity_words, word) &&
                 (among(domain.money_words, word) || among(domain.currency_words, word));
        known.quantity |= known.kind == Kind::number && among(domain.quantity_words, word);
        known.about |= known.kind == Kind::text && among(domain.about_words, word);
        known.theme |= known.kind == Kind::text && among(domain.theme_words, word);
        if (among(domain.filler_words, word) || among(domain.header_noise, word)) continue;
        known.roots.insert(domain.root(word));
        known.money |= among(domain.money_words, word) || among(domain.currency_words, word);
      }
      known.money &= known.kind == Kind::number;
      known.quantity &= !costs;
      const Link to{Link::What::field, type.name, fields.text(0), "", -1};
      if (const FieldWords* words = domain.field(fields.text(0)))
        for (const std::string& word : words->words) {
          builder.add(word, to);
          if (known.kind == Kind::date && words_of(word).size() == 1) builder.add("date of " + word, to);
        }
      std::string plain = fields.text(0);
      std::replace(plain.begin(), plain.end(), '_', ' ');
      builder.add(plain, to);
      const auto add_core = [&](const std::string& whole) {  // "client" of "Client no" in clients is the type itself
        const std::string core = core_of_header(whole, domain);
        if (!type.rule && known.name == type.key) builder.name_by_number(whole, link);
        if (key_of(core) != key_of(name) && (parts.empty() || type.key.empty() || key_of(core) != key_of(parts.back())))
          builder.add(core, to);
      };
      const auto add_unit = [&](const std::string& whole) {  // "how many days": of "Days missed"
        const auto words = words_of(whole);
        if (known.kind != Kind::text && known.kind != Kind::date && words.size() >= 2 && words[0].size() >= 4 &&
            words[0].ends_with('s'))
          builder.add(words[0], to);
      };
      const auto add_number = [&](const std::string& whole) {  // "the lease number": "Lease no"
        const auto words = words_of(whole);
        if (words.size() == 2 && (words[1] == "no" || words[1] == "nr")) builder.add(words[0] + " number", to);
      };
      std::string header;
      for (const char c : fields.text(3)) {
        if (c != '\n')
          header += c;
        else
          builder.add(header, to), add_core(header), add_unit(header), add_number(header),
              builder.add_words(header, to, domain), header.clear();
      }
    }
    // A few rows that have neither a key nor a day tell of no things: house rules, opening hours.
    const bool things = !type.key.empty() || !type.time.empty() || type.records > few_rows;
    for (const KnownField& field : type.fields)
      if (things && field.kind == Kind::text) TRY(load_values(database, domain, type, field, builder));
    TRY_ASSIGN(type.named, is_named(database, type));
  }
  TRY_ASSIGN(Statement aliases, database.prepare("SELECT type, text, record FROM alias"));
  TRY(aliases.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, aliases.next());
    if (!more) break;
    const KnownType* type = vocabulary.type(aliases.text(0));
    if (!type) continue;
    vocabulary.names.emplace(fmt::format("#{}", aliases.text(1)),
                             Link{Link::What::record, type->name, type->key, "", aliases.integer(2)});
  }
  TRY_ASSIGN(Statement terms, database.prepare("SELECT text, type, field, value FROM term"));
  TRY(terms.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, terms.next());
    if (!more) break;
    builder.add(terms.text(0), {Link::What::value, terms.text(1), terms.text(2), terms.text(3), -1});
  }
  TRY_ASSIGN(Statement meanings, database.prepare("SELECT canon, text FROM meaning"));
  TRY(meanings.begin({}));
  for (;;) {
    TRY_ASSIGN(const bool more, meanings.next());
    if (!more) break;
    vocabulary.meanings[meanings.text(0)] = meanings.text(1);
  }
  for (const auto& [word, link] : builder.weak)
    if (!vocabulary.names.count(key_of(word)) && (link.what != Link::What::value || builder.parts[word] == 1))
      builder.late.emplace_back(word, link);
  std::set<std::string> things;  // heads of kinds of things, which are meant rather than kinds of what happens to them
  for (const auto& [word, link] : builder.heads)
    if (vocabulary.type(link.type)->time.empty()) things.insert(word);
  for (const auto& [word, link] : builder.heads)
    if (!vocabulary.names.count(key_of(word)) && (!things.count(word) || vocabulary.type(link.type)->time.empty()))
      builder.late.emplace_back(word, link);
  for (const auto& [word, link] : builder.late) builder.add(word, link);
  for (const std::string& word : vocabulary.words) vocabulary.known_roots.insert(domain.root(word));
  for (const KnownType& type : vocabulary.types) {  // "was calibrated": the calibrations are meant
    auto parts = words_of(type.name);
    std::erase_if(parts, [&](const std::string& word) { return among(domain.container_words, word); });
    if (!parts.empty() && !type.rule)
      vocabulary.roots.emplace(domain.root(parts.back()), Link{Link::What::type, type.name, "", "", -1});
  }
  for (const KnownType& type : vocabulary.types)
    for (const KnownField& field : type.fields)
      if (field.name != type.key)  // "who was driving": its driver; "with whom is he insured": his insurance
        for (const std::string& root : field.roots)
          vocabulary.roots.emplace(root, Link{Link::What::field, type.name, field.name, "", -1});
  return vocabulary;
}

}  // namespace freehold::papers
