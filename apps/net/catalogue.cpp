#include "apps/net/catalogue.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/json.h"

namespace freehold {
namespace {

constexpr uint64_t most_bytes = 1ull << 44;
constexpr size_t most_models = 10'000, most_parts = 10'000, most_text = 2'000;

bool is_one_of(char c, std::string_view more) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
}
// Letters, digits and `more`, beginning with a letter or digit: cannot be taken for an option.
bool is_word(std::string_view text, std::string_view more) {
  return !text.empty() && text.size() <= 200 && is_one_of(text[0], "") &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_one_of(c, more); });
}
bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}
bool is_https(std::string_view text) {
  return text.starts_with("https://") &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

// An object's fields, taken one by one; what is left over at the end was not known.
class Fields {
 public:
  Fields(const Json& object, std::string place) : object_(object), place_(std::move(place)) {}

  Result<Done> check(std::initializer_list<std::string_view> known) const {
    if (!object_.is_object()) return malformed("{}: found {}; expected an object", place_, object_.type_name());
    for (const auto& [key, value] : object_.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        return malformed("{}: unknown key '{}'", place_, printable(key));
    return Done{};
  }
  bool has(const char* key) const { return object_.contains(key); }
  Result<std::string> text(const char* key) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_string() || it->get_ref<const std::string&>().empty() ||
        it->get_ref<const std::string&>().size() > most_text)
      return malformed("{}: '{}' is missing or no text of 1 to {} bytes", place_, key, most_text);
    return it->get<std::string>();
  }
  Result<uint64_t> count(const char* key, uint64_t most) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_number_unsigned() || it->get<uint64_t>() == 0 || it->get<uint64_t>() > most)
      return malformed("{}: '{}' is missing or no whole number of 1 to {}", place_, key, most);
    return it->get<uint64_t>();
  }
  Result<const Json*> list(const char* key, size_t most) const {
    const auto it = object_.find(key);
    if (it == object_.end() || !it->is_array() || it->empty() || it->size() > most)
      return malformed("{}: '{}' is missing or no list of 1 to {} things", place_, key, most);
    return &*it;
  }
  const std::string& place() const { return place_; }

 private:
  const Json& object_;
  std::string place_;
};

Result<PackagePart> part_of(const Json& json, const std::string& place) {
  const Fields fields(json, place);
  TRY(fields.check({"package", "version", "member"}));
  PackagePart part;
  TRY_ASSIGN(part.package, fields.text("package"));
  TRY_ASSIGN(part.version, fields.text("version"));
  TRY_ASSIGN(part.member, fields.text("member"));
  if (!is_word(part.package, "._-")) return malformed("{}: '{}' is no package name", place, printable(part.package));
  if (!is_word(part.version, "._+!-")) return malformed("{}: '{}' is no version", place, printable(part.version));
  return part;
}

Result<Source> source_of(const Json& json, const std::string& place) {
  const Fields fields(json, place);
  TRY(fields.check({"https", "packages"}));
  if (fields.has("https") == fields.has("packages")) return malformed("{}: expected either https or packages", place);
  Source source;
  if (fields.has("https")) {
    TRY_ASSIGN(source.url, fields.text("https"));
    if (!is_https(source.url)) return malformed("{}: '{}' is no https address", place, printable(source.url));
    return source;
  }
  TRY_ASSIGN(const Json* parts, fields.list("packages", most_parts));
  for (const Json& json_part : *parts) {
    TRY_ASSIGN(PackagePart part, part_of(json_part, fmt::format("{}, package {}", place, source.parts.size() + 1)));
    source.parts.push_back(std::move(part));
  }
  return source;
}

// A plain name, or one in a folder of a plain name.
bool is_file_name(std::string_view name) {
  const size_t slash = name.find('/');
  return slash == name.npos ? is_plain_name(name)
                            : is_plain_name(name.substr(0, slash)) && is_plain_name(name.substr(slash + 1));
}

Result<std::vector<FolderFile>> files_of(const Fields& fields, uint64_t bytes) {
  std::vector<FolderFile> files;
  TRY_ASSIGN(const Json* list, fields.list("files", most_parts));
  std::set<std::string> names;
  uint64_t sum = 0;
  for (const Json& one : *list) {
    const Fields inner(one, fmt::format("{}, file {}", fields.place(), files.size() + 1));
    TRY(inner.check({"name", "bytes"}));
    FolderFile file;
    TRY_ASSIGN(file.name, inner.text("name"));
    TRY_ASSIGN(file.bytes, inner.count("bytes", most_bytes));
    if (!is_file_name(file.name) || !names.insert(file.name).second)
      return malformed("{}: '{}' is no name of a file in a folder, or stands twice", inner.place(),
                       printable(file.name));
    sum += file.bytes;
    files.push_back(std::move(file));
  }
  if (sum != bytes) return malformed("{}: files of {} bytes; bytes is {}", fields.place(), sum, bytes);
  return files;
}

Result<CatalogueEntry> entry_of(const Json& json, std::string place) {
  {
    const Fields fields(json, place);
    TRY(fields.check({"name", "title", "architecture", "licence", "home", "bytes", "sha256", "files", "sources"}));
    TRY_ASSIGN(const std::string name, fields.text("name"));
    if (!is_word(name, "._-") || !is_plain_name(name))
      return malformed("{}: '{}' is no model name; expected letters, digits, '.', '_', '-'", place, printable(name));
    place += fmt::format(" ({})", name);
  }
  const Fields fields(json, place);
  CatalogueEntry entry;
  TRY_ASSIGN(entry.name, fields.text("name"));
  TRY_ASSIGN(entry.title, fields.text("title"));
  TRY_ASSIGN(entry.architecture, fields.text("architecture"));
  TRY_ASSIGN(entry.licence, fields.text("licence"));
  TRY_ASSIGN(entry.home, fields.text("home"));
  if (!is_https(entry.home)) return malformed("{}: home '{}' is no https address", place, printable(entry.home));
  if (!fields.has("sha256")) {
    if (fields.has("sources") || fields.has("bytes") || fields.has("files"))
      return malformed("{}: sources, files and bytes need a pinned sha256", place);
    return entry;
  }
  TRY_ASSIGN(entry.sha256, fields.text("sha256"));
  if (!is_hash(entry.sha256)) return malformed("{}: sha256 is not 64 lower-case hex digits", place);
  TRY_ASSIGN(entry.bytes, fields.count("bytes", most_bytes));
  if (fields.has("files")) {
    TRY_ASSIGN(entry.files, files_of(fields, entry.bytes));
  }
  TRY_ASSIGN(const Json* sources, fields.list("sources", 16));
  for (const Json& one : *sources) {
    TRY_ASSIGN(Source source, source_of(one, fmt::format("{}, source {}", place, entry.sources.size() + 1)));
    entry.sources.push_back(std::move(source));
  }
  return entry;
}

}  // namespace

std::string Source::text() const {
  if (parts.empty()) return url;
  const bool one =
      std::all_of(parts.begin(), parts.end(), [&](const PackagePart& p) { return p.same_wheel(parts[0]); });
  if (one) return fmt::format("package {} {}", parts[0].package, parts[0].version);
  return fmt::format("{} packages, {} {} to {}", parts.size(), parts[0].package, parts[0].version,
                     parts.back().package);
}

Result<std::vector<CatalogueEntry>> parse_catalogue(std::string_view text, std::string_view name) {
  TRY_ASSIGN(const Json json, parse_json(text, name, {.bytes = 16u << 20, .nesting = 8}));
  const Fields fields(json, printable(name));
  TRY(fields.check({"catalogue", "models"}));
  TRY_ASSIGN(const uint64_t version, fields.count("catalogue", 1'000));
  if (version != 1)
    return unsupported("{}: catalogue version {}; this program reads version 1", printable(name), version);
  TRY_ASSIGN(const Json* models, fields.list("models", most_models));
  std::vector<CatalogueEntry> entries;
  std::set<std::string> names;
  for (const Json& model : *models) {
    TRY_ASSIGN(CatalogueEntry entry, entry_of(model, fmt::format("{}: model {}", printable(name), entries.size() + 1)));
    if (!names.insert(entry.name).second)
      return malformed("{}: the name '{}' stands twice", printable(name), entry.name);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace freehold
