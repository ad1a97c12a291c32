// Vocabulary: every name a question can use, of this library: its record types and fields (by the domain's words and by
// the papers' own headers), the values that stand in them, other names of things, terms. What is not in it cannot be
// asked for, and is said to be unknown.
#pragma once

#include <map>
#include <set>

#include "library/records.h"

namespace freehold::papers {

struct KnownField {
  std::string name, refers;
  Kind kind = Kind::text;
  std::set<std::string> roots;                                         // of the words of its headers
  bool money = false, quantity = false, about = false, theme = false;  // by its headers
};
struct KnownType {
  std::string name, key, time;
  const TypeRule* rule = nullptr;
  std::vector<KnownField> fields;
  int64_t records = 0;
  bool named = false;  // its key is a name, not a number: drivers, not invoices
  const KnownField* field(std::string_view name) const;
  std::string things(int64_t count = 2) const;  // what so many of its records are called: "failures"
};
struct Link {
  enum class What : uint8_t { type, field, value, record };
  What what;
  std::string type, field, value;
  int64_t record = -1;
};
struct Vocabulary {
  std::vector<KnownType> types;
  std::multimap<std::string, Link> names;   // key_of or "#" + canon -> what it may mean
  std::set<std::string> words;              // of all names, for misspellings
  std::set<std::string> proper;             // of those, words of names of people, places and firms
  std::multimap<std::string, Link> firsts;  // first word of a kind of things -> that kind: "belts" are belt conveyors
  std::multimap<std::string, Link> roots;   // of words of headers of dates and amounts -> that field
  std::set<std::string> known_roots;        // of every name's words: what a verb may repeat
  std::map<std::string, std::string> meanings;  // canon of a term -> meaning
  const KnownType* type(std::string_view name) const;
};
// Values of a field, those of most records first.
Result<std::vector<std::string>> frequent_values(Database& database, std::string_view type, std::string_view field,
                                                 size_t most);
Result<Vocabulary> load_vocabulary(Database& database, const Domain& domain);

}  // namespace freehold::papers
