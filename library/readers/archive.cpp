// Zip archives through libzip, XML through expat: both behind caps.
#include <expat.h>
#include <zip.h>

#include <algorithm>

#include "base/limits.h"
#include "library/readers/readers.h"

namespace freehold::papers {

struct Archive::State {
  std::string name;
  zip_t* zip = nullptr;
  uint64_t packed = 0, inflated = 0;
  ~State() {
    if (zip) zip_discard(zip);
  }
};

Result<Archive> Archive::open(std::string_view bytes, std::string_view name) {
  Archive archive;
  archive.state_ = std::make_shared<State>();
  State& state = *archive.state_;
  state.name = name;
  state.packed = bytes.size();
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source) state.zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  const std::string reason = state.zip ? "" : zip_error_strerror(&error);
  if (!state.zip && source) zip_source_free(source);
  zip_error_fini(&error);
  if (!state.zip) return malformed("{}: not a readable zip archive: {}", name, reason);
  const zip_int64_t entries = zip_get_num_entries(state.zip, 0);
  if (entries < 0 || static_cast<uint64_t>(entries) > limits::archive_entries)
    return out_of_resources("{}: {} entries, at most {} are read", name, entries, limits::archive_entries);
  return archive;
}

bool Archive::has(const std::string& member) const { return zip_name_locate(state_->zip, member.c_str(), 0) >= 0; }

std::vector<std::string> Archive::members() const {
  std::vector<std::string> names;
  const zip_int64_t entries = zip_get_num_entries(state_->zip, 0);
  for (zip_int64_t i = 0; i < entries; ++i)
    if (const char* name = zip_get_name(state_->zip, static_cast<zip_uint64_t>(i), 0)) names.emplace_back(name);
  return names;
}

Result<std::string> Archive::read(const std::string& member) {
  State& state = *state_;
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen(state.zip, member.c_str(), 0), &zip_fclose);
  if (!file) return malformed("{}: {}: {}", state.name, printable(member), zip_strerror(state.zip));
  std::string out, buffer(1 << 16, '\0');
  for (;;) {
    const zip_int64_t n = zip_fread(file.get(), buffer.data(), buffer.size());
    if (n < 0) return malformed("{}: {}: {}", state.name, printable(member), zip_file_strerror(file.get()));
    if (n == 0) return out;
    out.append(buffer, 0, static_cast<size_t>(n));
    state.inflated += static_cast<uint64_t>(n);
    if (state.inflated > limits::archive_bytes || state.inflated > state.packed * limits::archive_ratio + (1 << 20))
      return out_of_resources("{}: {} inflates to more than {} times the file, or {} bytes", state.name,
                              printable(member), limits::archive_ratio, limits::archive_bytes);
  }
}

namespace {

struct Walk {
  const XmlEvents& events;
  XML_Parser parser;
  int depth = 0;
  const char* stop = nullptr;

  void end(const char* why) {
    stop = why;
    XML_StopParser(parser, XML_FALSE);
  }
};
std::string_view local_name(const char* name) {
  const std::string_view whole(name);
  const size_t colon = whole.rfind(':');
  return colon == std::string_view::npos ? whole : whole.substr(colon + 1);
}

}  // namespace

Result<Done> walk_xml(std::string_view xml, std::string_view name, const XmlEvents& events) {
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), &XML_ParserFree);
  if (!parser) return out_of_resources("{}: no memory for an XML reader", name);
  Walk walk{events, parser.get()};
  XML_SetUserData(parser.get(), &walk);
  XML_SetElementHandler(
      parser.get(),
      [](void* user, const char* element, const char** pairs) {
        Walk& w = *static_cast<Walk*>(user);
        if (++w.depth > limits::xml_nesting) return w.end("elements nest too deep");
        Attributes attributes;
        for (; pairs[0]; pairs += 2) attributes.emplace(local_name(pairs[0]), pairs[1]);
        w.events.start(local_name(element), attributes);
      },
      [](void* user, const char* element) {
        Walk& w = *static_cast<Walk*>(user);
        --w.depth;
        w.events.end(local_name(element));
      });
  XML_SetCharacterDataHandler(parser.get(), [](void* user, const char* text, int length) {
    static_cast<Walk*>(user)->events.text({text, static_cast<size_t>(length)});
  });
  XML_SetStartDoctypeDeclHandler(parser.get(), [](void* user, const char*, const char*, const char*, int) {
    static_cast<Walk*>(user)->end("it has a document type; those are refused");
  });
  for (size_t at = 0;;) {
    const size_t part = std::min<size_t>(xml.size() - at, 1 << 20);
    const bool last = at + part == xml.size();
    if (XML_Parse(parser.get(), xml.data() + at, static_cast<int>(part), last) != XML_STATUS_OK)
      return malformed("{}: line {}: {}", name, XML_GetCurrentLineNumber(parser.get()),
                       walk.stop ? walk.stop : XML_ErrorString(XML_GetErrorCode(parser.get())));
    at += part;
    if (last) return Done{};
  }
}

}  // namespace freehold::papers
