// A catalogue of the owner's: what is accepted has names that are no options and lead out of no folder.
#include "apps/net/catalogue.h"
#include "base/file.h"
#include "fuzz/fuzz.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  const auto entries = parse_catalogue(fuzz::text_of(input), "catalogue.json");
  if (!entries) return;
  for (const CatalogueEntry& entry : *entries) {
    fuzz::expect(is_plain_name(entry.name) && entry.name[0] != '-' && entry.name[0] != '.');
    fuzz::expect(entry.pinned() == !entry.sources.empty() && entry.pinned() == (entry.bytes > 0));
    for (const Source& source : entry.sources) {
      fuzz::expect(source.parts.empty() == source.url.starts_with("https://"));
      for (const PackagePart& part : source.parts) fuzz::expect(part.package[0] != '-' && part.version[0] != '-');
    }
  }
}
