#include "serve/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace freehold {
namespace {

Key named(const std::string& name) {
  Key key;
  key.name = name;
  return key;
}

TEST(Keys, ASecretFindsItsKeyAndNoOther) {
  KeyFile file;
  std::vector<std::string> secrets;
  for (const char* name : {"a", "b", "c"}) {
    file.keys.push_back(named(name));
    secrets.push_back(make_secret(file.keys.back()));
  }
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(file.find_secret(secrets[i]), &file.keys[i]);
    EXPECT_EQ(file.find_secret(secrets[i] + "0"), nullptr);
    EXPECT_EQ(file.find_secret(secrets[i].substr(1)), nullptr);
    EXPECT_EQ(file.find_secret(file.keys[i].hash), nullptr);
  }
  EXPECT_EQ(file.find_secret(""), nullptr);
  file.keys[1].revoked = 1;
  EXPECT_EQ(file.find_secret(secrets[1]), nullptr);
  EXPECT_EQ(file.find_secret(secrets[2]), &file.keys[2]);
}

TEST(Keys, EqualKeysLookUnlikeInTheFile) {
  Key a = named("a"), b = named("b");
  const std::string first = make_secret(a), second = make_secret(b);
  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), 3u + 64u);
  EXPECT_NE(a.salt, b.salt);
  EXPECT_NE(a.id, b.id);
}

TEST(Keys, WhatIsWrittenIsReadAndOnlyTheOwnerCanReadIt) {
  const Path path = std::filesystem::temp_directory_path() / ("keys_test." + std::to_string(::getpid()));
  KeyFile file;
  Key key = named("Kanzlei M\u00fcller \"A\"");
  key.department = "legal", key.scopes = scope_metrics | scope_papers, key.models = {"m"}, key.labels = {"x", "y"};
  key.requests_per_minute = 3, key.tokens_per_minute = 1'000'000, key.revoked = 5;
  const std::string secret = make_secret(key);
  file.keys = {key};
  ASSERT_TRUE(file.write(path));
  struct stat s;
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0600u);
  const auto text = read_file(path, 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find(secret.substr(3)), std::string::npos);
  const auto back = KeyFile::read(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->keys.size(), 1u);
  const Key& found = back->keys[0];
  EXPECT_EQ(std::tie(found.id, found.name, found.department, found.salt, found.hash, found.scopes, found.models,
                     found.labels, found.requests_per_minute, found.tokens_per_minute, found.created, found.revoked),
            std::tie(key.id, key.name, key.department, key.salt, key.hash, key.scopes, key.models, key.labels,
                     key.requests_per_minute, key.tokens_per_minute, key.created, key.revoked));
}

TEST(Keys, ADamagedFileIsRefusedWithItsPlace) {
  KeyFile file;
  file.keys.push_back(named("a"));
  make_secret(file.keys[0]);
  const Path path = std::filesystem::temp_directory_path() / ("keys_bad." + std::to_string(::getpid()));
  ASSERT_TRUE(file.write(path));
  const Json good = *parse_json(*read_file(path, 1 << 20), "keys.json");
  std::filesystem::remove(path);
  ASSERT_TRUE(KeyFile::parse(good.dump(), "keys.json"));
  const std::pair<const char*, Json> wrong[] = {{"id", "k_1"},
                                                {"id", "x_12345678"},
                                                {"id", nullptr},
                                                {"name", ""},
                                                {"name", "a,b"},
                                                {"name", 3},
                                                {"name", std::string(65, 'a')},
                                                {"department", "a\nb"},
                                                {"salt", "zz"},
                                                {"hash", ""},
                                                {"hash", std::string(64, 'g')},
                                                {"scopes", {"root"}},
                                                {"scopes", "inference"},
                                                {"models", Json{{"a", 1}}},
                                                {"models", {""}},
                                                {"labels", {1}},
                                                {"created", -1},
                                                {"revoked", "no"},
                                                {"requests_per_minute", 1.5},
                                                {"tokens_per_minute", 1e300},
                                                {"more", 1}};
  for (const auto& [name, value] : wrong) {
    Json bad = good;
    bad["keys"][0][name] = value;
    const auto read = KeyFile::parse(bad.dump(), "keys.json");
    ASSERT_FALSE(read) << name << value;
    EXPECT_EQ(read.error().fault, Fault::malformed);
    EXPECT_NE(read.error().what.find("keys[0]"), std::string::npos) << read.error().what;
  }
  for (const auto& [name, value] : good["keys"][0].items()) {
    Json bad = good;
    bad["keys"][0].erase(name);
    EXPECT_FALSE(KeyFile::parse(bad.dump(), "keys.json")) << name;
  }
  const std::string whole = good.dump();
  for (size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(KeyFile::parse(whole.substr(0, cut), "keys.json"));
  for (const char* text : {"[]", "{}", "{\"version\": 2, \"keys\": []}", "{\"version\": \"1\", \"keys\": []}",
                           "{\"version\": 1, \"keys\": {}}", "{\"version\": 1, \"keys\": [1]}"})
    EXPECT_FALSE(KeyFile::parse(text, "keys.json")) << text;
}

}  // namespace
}  // namespace freehold
