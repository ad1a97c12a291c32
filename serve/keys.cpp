#include "serve/keys.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"

namespace freehold {
namespace {

constexpr int version = 1;
constexpr std::pair<std::string_view, uint8_t> scopes_by_name[] = {
    {"inference", scope_inference}, {"metrics", scope_metrics}, {"admin", scope_admin}, {"papers", scope_papers}};

std::string random_hex(size_t bytes) {
  std::vector<unsigned char> buffer(bytes);
  CHECK(::getrandom(buffer.data(), bytes, 0) == static_cast<ssize_t>(bytes));
  std::string text = hex_of(buffer);
  OPENSSL_cleanse(buffer.data(), bytes);
  return text;
}

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) { return hex_digit(c) >= 0; });
}

// Reads the members of one key; the first that is wrong is kept.
class KeyReader {
 public:
  KeyReader(const Json& json, std::string place) : json_(json), place_(std::move(place)) {}

  std::string text(const char* name) {
    const Json* value = member(name);
    if (value && value->is_string()) return *value;
    return wrong(name, "a text"), "";
  }
  int64_t count(const char* name) {
    const Json* value = member(name);
    if (value && value->is_number_unsigned() && value->get<uint64_t>() <= INT64_MAX) return value->get<int64_t>();
    return wrong(name, "a whole number from 0"), 0;
  }
  std::vector<std::string> words(const char* name) {
    const Json* value = member(name);
    std::vector<std::string> list;
    bool good = value && value->is_array() && value->size() <= limits::key_list;
    if (good)
      for (const Json& one : *value) {
        good = good && one.is_string() && is_key_word(one.get_ref<const std::string&>());
        if (good) list.push_back(one);
      }
    if (!good) wrong(name, "a list of names");
    return list;
  }
  void wrong(const char* name, const char* expected) {
    if (error_.empty()) error_ = fmt::format("{}.{}: expected {}", place_, name, expected);
  }
  Result<Done> settle() const {
    for (const auto& [name, value] : json_.items())
      if (std::find(known_.begin(), known_.end(), name) == known_.end())
        return malformed("{}: '{}' is not known", place_, printable(name));
    if (!error_.empty()) return malformed("{}", error_);
    return Done{};
  }

 private:
  const Json* member(const char* name) {
    known_.push_back(name);
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  const Json& json_;
  const std::string place_;
  std::vector<std::string> known_;
  std::string error_;
};

Result<Key> read_key(const Json& json, const std::string& place) {
  if (!json.is_object()) return malformed("{}: expected an object", place);
  KeyReader reader(json, place);
  Key key;
  key.id = reader.text("id");
  if (!key.id.starts_with("k_") || !is_hex(key.id.substr(2), 8)) reader.wrong("id", "k_ and 8 hex digits");
  key.name = reader.text("name");
  if (!is_key_word(key.name)) reader.wrong("name", "1 to 64 bytes without commas");
  key.department = reader.text("department");
  if (!key.department.empty() && !is_key_word(key.department))
    reader.wrong("department", "at most 64 bytes without commas");
  key.salt = reader.text("salt");
  if (!is_hex(key.salt, 32)) reader.wrong("salt", "32 hex digits");
  key.hash = reader.text("hash");
  if (!is_hex(key.hash, 64)) reader.wrong("hash", "64 hex digits");
  key.scopes = 0;
  for (const std::string& name : reader.words("scopes")) {
    const auto scope = scope_of(name);
    if (!scope) reader.wrong("scopes", "inference, metrics, admin or papers");
    key.scopes |= scope.value_or(0);
  }
  key.models = reader.words("models");
  key.labels = reader.words("labels");
  key.requests_per_minute = reader.count("requests_per_minute");
  key.tokens_per_minute = reader.count("tokens_per_minute");
  key.created = reader.count("created");
  key.revoked = reader.count("revoked");
  TRY(reader.settle());
  return key;
}

Result<Budget> read_budget(const Json& json, const std::string& place) {
  if (!json.is_object()) return malformed("{}: expected an object", place);
  KeyReader reader(json, place);
  Budget budget;
  budget.department = reader.text("department");
  if (!is_key_word(budget.department)) reader.wrong("department", "1 to 64 bytes without commas");
  budget.tokens = reader.count("tokens");
  budget.joules = reader.count("joules");
  const auto money = read_money(reader.text("money"));
  if (!money || money->billionths < 0) reader.wrong("money", "a text such as 12.5");
  budget.money = money.value_or(Money{});
  TRY(reader.settle());
  return budget;
}

Json json_of(const Key& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"department", key.department},
          {"salt", key.salt},
          {"hash", key.hash},
          {"scopes", scope_names(key.scopes)},
          {"models", key.models},
          {"labels", key.labels},
          {"requests_per_minute", key.requests_per_minute},
          {"tokens_per_minute", key.tokens_per_minute},
          {"created", key.created},
          {"revoked", key.revoked}};
}

}  // namespace

Json shown_key(const Key& key) {
  Json json = json_of(key);
  json.erase("salt");
  json.erase("hash");
  return json;
}

Result<KeyFile> KeyFile::parse(std::string_view text, std::string_view name) {
  TRY_ASSIGN(const Json json, parse_json(text, name, {.bytes = limits::key_file_bytes}));
  if (!json.is_object() || !json.contains("version") || json["version"] != Json(version) || !json.contains("keys") ||
      !json["keys"].is_array())
    return malformed("{}: expected an object of version {} with a list of keys", name, version);
  if (json["keys"].size() > limits::keys)
    return out_of_resources("{}: {} keys; at most {} are allowed", name, json["keys"].size(), limits::keys);
  KeyFile file;
  for (const Json& one : json["keys"]) {
    TRY_ASSIGN(Key key, read_key(one, fmt::format("{}: keys[{}]", name, file.keys.size())));
    file.keys.push_back(std::move(key));
  }
  if (const auto sums = json.find("budgets"); sums != json.end()) {
    if (!sums->is_array() || sums->size() > limits::keys)
      return malformed("{}: budgets: expected a list of at most {}", name, limits::keys);
    for (const Json& one : *sums) {
      TRY_ASSIGN(Budget budget, read_budget(one, fmt::format("{}: budgets[{}]", name, file.budgets.size())));
      file.budgets.push_back(std::move(budget));
    }
  }
  return file;
}

Result<KeyFile> KeyFile::read(const Path& path) {
  TRY_ASSIGN(const std::string text, read_file(path, limits::key_file_bytes));
  return parse(text, path.filename().string());
}

Result<Done> KeyFile::write(const Path& path) const {
  Json list = Json::array();
  for (const Key& key : keys) list.push_back(json_of(key));
  Json sums = Json::array();
  for (const Budget& budget : budgets)
    sums.push_back({{"department", budget.department},
                    {"tokens", budget.tokens},
                    {"joules", budget.joules},
                    {"money", text_of(budget.money)}});
  const Json json = {{"version", version}, {"keys", std::move(list)}, {"budgets", std::move(sums)}};
  return replace_file(path, json.dump(1) + "\n", 0600);
}

const Key* KeyFile::find_secret(std::string_view secret) const {
  const Key* found = nullptr;
  for (const Key& key : keys) {
    const std::string hash = sha256_of(key.salt + std::string(secret));
    if (CRYPTO_memcmp(hash.data(), key.hash.data(), hash.size()) == 0 && key.revoked == 0) found = &key;
  }
  return found;
}

bool KeyFile::knows(std::string_view department) const {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const Key& key) { return key.revoked == 0 && key.department == department; }) ||
         std::any_of(budgets.begin(), budgets.end(), [&](const Budget& b) { return b.department == department; });
}

std::string make_secret(Key& key) {
  const std::string secret = "fh-" + random_hex(32);
  key.id = "k_" + random_hex(4);
  key.salt = random_hex(16);
  key.hash = sha256_of(key.salt + secret);
  key.created = std::time(nullptr);
  return secret;
}

std::optional<uint8_t> scope_of(std::string_view name) {
  for (const auto& [word, scope] : scopes_by_name)
    if (word == name) return scope;
  return std::nullopt;
}

std::vector<std::string> scope_names(uint8_t scopes) {
  std::vector<std::string> names;
  for (const auto& [word, scope] : scopes_by_name)
    if (scopes & scope) names.emplace_back(word);
  return names;
}

bool is_key_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.find(',') == std::string_view::npos && is_clean_utf8(text);
}

}  // namespace freehold
