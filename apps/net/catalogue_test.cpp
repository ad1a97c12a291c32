#include "apps/net/catalogue.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

const std::string hash(64, 'a');

std::string with(const std::string& model) { return R"({"catalogue": 1, "models": [)" + model + "]}"; }
std::string model(const std::string& more) {
  return R"({"name": "m", "title": "M", "architecture": "llama", "licence": "MIT", "home": "https://example.org/m")" +
         more + "}";
}
std::string pinned(const std::string& sources) {
  return with(model(R"(, "bytes": 5, "sha256": ")" + hash + R"(", "sources": [)" + sources + "]"));
}

TEST(Catalogue, TheCompiledInOneIsGoodAndPinsTheModelsOfStartAndTest) {
  const auto entries = parse_catalogue(compiled_in_catalogue(), "built-in");
  ASSERT_TRUE(entries) << entries.error().what;
  EXPECT_GT(entries->size(), 20u);
  for (const char* name : {"qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct"}) {
    const auto it = std::find_if(entries->begin(), entries->end(), [&](const auto& e) { return e.name == name; });
    ASSERT_NE(it, entries->end()) << name;
    EXPECT_TRUE(it->pinned());
    ASSERT_EQ(it->sources.size(), 2u);
    EXPECT_TRUE(it->sources[0].parts.empty());
    EXPECT_FALSE(it->sources[1].parts.empty());
  }
}

TEST(Catalogue, ReadsSourcesAndUnpinnedEntries) {
  const auto entries = parse_catalogue(pinned(R"({"https": "https://example.org/f"}, {"packages": [
        {"package": "p-1", "version": "0.1", "member": "p_1/a.bin"}, {"package": "p-2", "version": "0.1", "member": "p_2/b.bin"}]})"),
                                       "test");
  ASSERT_TRUE(entries) << entries.error().what;
  const CatalogueEntry& entry = entries->at(0);
  EXPECT_EQ(entry.sources.at(0).text(), "https://example.org/f");
  EXPECT_EQ(entry.sources.at(1).text(), "2 packages, p-1 0.1 to p-2");
  const auto folder = parse_catalogue(
      pinned(R"({"https": "https://e.org/f"}], "files": [{"name": "a", "bytes": 2}, {"name": "b/a", "bytes": 3})"),
      "test");
  ASSERT_TRUE(folder) << folder.error().what;
  EXPECT_EQ(folder->at(0).files.at(1).name, "b/a");
  const auto open = parse_catalogue(with(model("")), "test");
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->at(0).pinned());
}

TEST(Catalogue, RefusesWhatItMust) {
  const std::string package = R"({"packages": [{"package": "%", "version": "1", "member": "m"}]})";
  const auto named = [&](std::string name) { return pinned(std::string(package).replace(package.find('%'), 1, name)); };
  ASSERT_TRUE(parse_catalogue(named("good-name"), "test"));
  const std::pair<std::string, Fault> cases[] = {
      {"", Fault::malformed},
      {"[]", Fault::malformed},
      {R"({"catalogue": 2, "models": [)" + model("") + "]}", Fault::unsupported},
      {R"({"catalogue": 1, "models": []})", Fault::malformed},
      {with("7"), Fault::malformed},
      {with(model("") + "," + model("")), Fault::malformed},   // the same name twice
      {with(model(R"(, "color": "red")")), Fault::malformed},  // unknown key
      {with(model(R"(, "bytes": 5)")), Fault::malformed},      // bytes without a checksum
      {with(R"({"name": "../m", "title": "M", "architecture": "a", "licence": "l", "home": "https://e.org"})"),
       Fault::malformed},
      {with(R"({"name": "-m", "title": "M", "architecture": "a", "licence": "l", "home": "https://e.org"})"),
       Fault::malformed},
      {with(R"({"name": "m", "title": 1, "architecture": "a", "licence": "l", "home": "https://e.org"})"),
       Fault::malformed},
      {pinned(R"({"https": "http://example.org/f"})"), Fault::malformed},
      {pinned(R"({"https": "file:///etc/passwd"})"), Fault::malformed},
      {pinned(R"({"https": "https://example.org/a b"})"), Fault::malformed},
      {pinned(R"({"https": "https://e.org/f", "packages": []})"), Fault::malformed},
      {pinned(R"({})"), Fault::malformed},
      {named("--index-url=x"), Fault::malformed},
      {named("a b"), Fault::malformed},
      {named("a/../b"), Fault::malformed},
      {with(model(R"(, "bytes": 5, "sha256": "abc", "sources": [{"https": "https://e.org/f"}])")), Fault::malformed},
      {with(model(R"(, "files": [{"name": "a", "bytes": 5}])")), Fault::malformed},  // files without a checksum
      {pinned(R"({"https": "https://e.org/f"}], "files": [{"name": "../a", "bytes": 5})"), Fault::malformed},
      {pinned(R"({"https": "https://e.org/f"}], "files": [{"name": "a/b/c", "bytes": 5})"), Fault::malformed},
      {pinned(R"({"https": "https://e.org/f"}], "files": [{"name": "/a", "bytes": 5})"), Fault::malformed},
      {pinned(R"({"https": "https://e.org/f"}], "files": [{"name": "a", "bytes": 4})"), Fault::malformed},
      {pinned(R"({"https": "https://e.org/f"}], "files": [{"name": "a", "bytes": 2}, {"name": "a", "bytes": 3})"),
       Fault::malformed},
      {with(model(R"(, "bytes": 0, "sha256": ")" + hash + R"(", "sources": [{"https": "https://e.org/f"}])")),
       Fault::malformed},
      {with(model(R"(, "bytes": -1, "sha256": ")" + hash + R"(", "sources": [{"https": "https://e.org/f"}])")),
       Fault::malformed},
  };
  for (const auto& [text, fault] : cases) {
    const auto entries = parse_catalogue(text, "test");
    ASSERT_FALSE(entries) << text;
    EXPECT_EQ(entries.error().fault, fault) << text << "\n" << entries.error().what;
    EXPECT_TRUE(entries.error().what.starts_with("test")) << entries.error().what;
  }
}

}  // namespace
}  // namespace freehold
