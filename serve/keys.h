// The keys of a server: a JSON file that only its owner can read. It holds no key, only what a key can be checked
// with: SHA-256 of a salt and the key. A key has 256 random bits, so nothing slower is needed to keep them from being
// guessed. Revoked keys stay in the list, so that a file without a valid key lets nobody in.
//
//   {"version": 1, "keys": [{"id", "name", "department", "salt", "hash", "scopes": [], "models": [], "labels": [],
//    "requests_per_minute", "tokens_per_minute", "created", "revoked"}],
//    "budgets": [{"department", "tokens", "joules", "money"}]}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "serve/caller.h"
#include "serve/money.h"

namespace freehold {

struct Key {
  std::string id = {};  // "k_" and 8 hex digits: what logs and the ledger show
  std::string name = {}, department = {};
  std::string salt = {}, hash = {};  // 32 and 64 hex digits
  uint8_t scopes = scope_inference;
  std::vector<std::string> models = {}, labels = {};
  int64_t requests_per_minute = 0, tokens_per_minute = 0;  // 0: no limit
  int64_t created = 0, revoked = 0;                        // seconds since 1970; revoked 0: valid
};

struct Budget {  // of a department for each month (UTC); 0: no bound
  std::string department;
  int64_t tokens = 0, joules = 0;
  Money money;
};

struct KeyFile {
  std::vector<Key> keys;
  std::vector<Budget> budgets;  // one for a department

  static Result<KeyFile> parse(std::string_view text, std::string_view name);
  static Result<KeyFile> read(const Path& path);
  Result<Done> write(const Path& path) const;  // mode 0600; the old file or the new one, never a mixture
  // The valid key with this secret. Every key is compared, each in constant time.
  const Key* find_secret(std::string_view secret) const;
  bool knows(std::string_view department) const;  // it has a valid key or a budget
};

// Fills in id, salt, hash and created; returns the secret, "fh-" and 64 hex digits, which is kept nowhere.
std::string make_secret(Key& key);

Json shown_key(const Key& key);  // all of it but what it can be checked with
std::optional<uint8_t> scope_of(std::string_view name);
std::vector<std::string> scope_names(uint8_t scopes);
// Names of keys, departments, labels: 1 to 64 bytes of clean UTF-8 without commas.
bool is_key_word(std::string_view text);

}  // namespace freehold
