// A library's schema as text, in the form of a domain file (domain.h): what ingest made of the papers, for the owner to
// read and change. Saved as NAME.schema.json beside the library it counts before what would be inferred.
#pragma once

#include "library/vocabulary.h"

namespace freehold::papers {

Result<std::string> schema_of(Database& database, const Domain& domain);

// The lexicon: words that stand for values, as the papers define them and the owner declares them. A file with the
// declared ones and those that shall not count ("terms", "not_terms") is a part of the schema.
struct KnownTerm {
  std::string text, type, field, value;
  std::string file, place;  // where the papers say so; empty: the owner does
};
Result<std::vector<KnownTerm>> lexicon_of(Database& database, size_t most);

}  // namespace freehold::papers
