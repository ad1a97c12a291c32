// A library's schema as text, in the form of a domain file (domain.h): what ingest made of the papers, for the owner to
// read and change. Saved as NAME.schema.json beside the library it counts before what would be inferred.
#pragma once

#include "library/vocabulary.h"

namespace freehold::papers {

Result<std::string> schema_of(Database& database, const Domain& domain);

}  // namespace freehold::papers
