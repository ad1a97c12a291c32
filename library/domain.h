// Domain: what is known beforehand about the words of a field of work, as data (library/domains/*.json): names of
// record types and of their fields, headers that mean them, words that tell kinds of entries apart. Without one, tables
// keep their own names and everything works by shape alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace freehold::papers {

struct FieldWords {
  std::string name;
  std::vector<std::string> headers;  // headers that mean this field, best first
  std::vector<std::string> words;    // how questions name it
  std::string kind;                  // its columns are of this kind (values.h); empty: any
};
struct TypeRule {
  std::string name;
  std::vector<std::string> words;               // how questions name its records
  std::vector<std::vector<std::string>> needs;  // a table is of this type when it has one field of each
  std::vector<std::string> never;               // and none of these
  std::string key, time, text;                  // fields: identity, day, what was written
  std::vector<std::string> aliases;             // fields that hold other names of the key
  std::vector<std::string> soft_key;            // records that agree in all of these are one
  std::string valid_from, valid_to;             // fields: from when to when the key meant this record
  std::string kind;                             // the field that says what kind of entry it is
  std::vector<std::pair<std::string, std::vector<std::string>>> kinds;  // in order: kind, words that tell it
  std::vector<std::string> kind_columns, kind_texts;  // where those words are looked for: any word; phrases only
  std::string kind_else, kind_counted;  // of records without such words; counted unless others are asked for
  std::map<std::string, std::vector<std::string>>
      precedence;                      // field -> fields whose known values count before its own
  std::vector<std::string> from_text;  // fields that a line of text must give to be a record; empty: never
};
struct TermRule {  // a word of the house for a value: "the lump" is the point "belt edge" of events
  std::string text, type, field, value;
};
struct Domain {
  std::vector<FieldWords> fields;
  std::vector<TypeRule> types;
  std::vector<TermRule> terms;
  std::vector<std::string> not_terms;  // what the papers seem to say of these words does not count
  std::vector<std::string> total_words, correction_words, filler_words, alias_headers, term_headers, meaning_headers;
  // How people ask. A phrase stands for one word of the planner, or for none; longer ones come first.
  std::vector<std::pair<std::string, std::string>> phrases;      // of words in lower case, one blank between them
  std::vector<std::pair<std::string, std::string>> comparisons;  // phrase, > >= < <=
  std::vector<std::pair<std::string, std::string>> slips;        // what is often written for something else
  std::vector<std::string> verb_words;  // verbs that say no more than that what is counted was there, or was dealt with
  std::vector<std::string> active_verb_words;      // likewise, but not in the passive: "were paid" tells some apart
  std::vector<std::string> idle_words;             // likewise, and nothing is a misspelling of them
  std::map<std::string, std::string> base_forms;   // of verbs that are not regular: "bitten" -> "bite"
  std::vector<std::string> crew_words;             // who works there: "the lads" did it
  std::vector<std::string> currency_words;         // in headers and questions: money
  std::vector<std::string> unit_words;             // those, and units, after a number or in a header
  std::vector<std::string> header_noise;           // "Matter no", "Matter number", "Matter" are one header
  std::vector<std::string> organisation_words;     // how questions call the papers' owner: "the clinic"
  std::vector<std::string> title_words;            // before a person's name
  std::vector<std::string> container_words;        // "patient list", "claims register": what holds the records
  std::vector<std::string> quantity_words;         // headers of how many pieces
  std::vector<std::string> about_words;            // headers of what something is about
  std::vector<std::string> money_words;            // in questions and headers: an amount of money is meant
  std::vector<std::string> income_words;           // likewise: what somebody earns
  std::vector<std::string> theme_words;            // headers of what records are about, of which they are not the thing
  std::string declared;                            // the texts of the owner's files, to tell when they change
  std::map<std::string, std::string> families;     // root of a word -> the family's first: "paid", "payment" -> "pay"
  std::vector<std::vector<std::string>> synonyms;  // groups: where the papers know one word, questions may use others
  const FieldWords* field(std::string_view name) const;
  const TypeRule* type(std::string_view name) const;
  std::string root(std::string_view word) const;      // words of one root tell of one thing: arrival, arrived
  std::string roots_of(std::string_view text) const;  // of its words, in alphabetical order
};

Result<Domain> read_domain(std::string_view json, std::string_view name);
Result<Domain> built_in_domain();  // the files of library/domains, joined
// Those and the owner's, which come first: NAME.schema.json beside the library NAME.sqlite, then domains/*.json beside
// the folder of libraries.
Result<Domain> domain_of_library(const Path& library);

}  // namespace freehold::papers
