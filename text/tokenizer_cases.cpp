#include "text/tokenizer_cases.h"

#include <algorithm>

#include "base/json.h"
#include "text/utf8.h"

namespace freehold {
namespace {

constexpr size_t most_failures = 20;

Result<std::string> bytes_of_hex(std::string_view hex, std::string_view where) {
  std::string bytes;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (hex.size() % 2) return malformed("{}: 'bytes': an odd count of hexadecimal digits", where);
  for (size_t i = 0; i < hex.size(); i += 2) {
    if (digit(hex[i]) < 0 || digit(hex[i + 1]) < 0)
      return malformed("{}: 'bytes': '{}' is not hexadecimal", where, printable(hex.substr(i, 2)));
    bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

// A string member of a case, or null.
const std::string* text_in(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto member = object.find(key);
  return member == object.end() ? nullptr : member->get_ptr<const Json::string_t*>();
}

struct Case {
  std::string id, input, decoded;
  std::vector<Token> ids;
};

Result<std::vector<Token>> ids_of(const Json& list, std::string_view where) {
  std::vector<Token> ids;
  if (!list.is_array()) return malformed("{}: expected a list of token ids", where);
  for (const Json& id : list) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX)
      return malformed("{}: expected a token id, found {}", where, printable(id.dump()));
    ids.push_back(static_cast<Token>(id.get<int64_t>()));
  }
  return ids;
}

Result<Case> read_case(std::string_view line, std::string_view key, bool composes, const std::string& where) {
  TRY_ASSIGN(const Json json, parse_json(line, where));
  Case result;
  const std::string* text = text_in(json, "text");
  if (!text) return malformed("{}: no string 'text'", where);
  result.input = result.decoded = *text;
  if (const std::string* id = text_in(json, "id")) result.id = *id;
  if (const std::string* hex = text_in(json, "bytes")) {
    TRY_ASSIGN(result.input, bytes_of_hex(*hex, where));
  }
  if (const auto decoded = json.find("decoded"); decoded != json.end())
    if (const std::string* other = text_in(*decoded, key)) result.decoded = *other;
  for (const char* member : {"ids_nfc", "ids"}) {
    if (member == std::string_view("ids_nfc") && !composes) continue;
    const auto all = json.find(member);
    if (all == json.end() || !all->is_object()) continue;
    if (const auto mine = all->find(key); mine != all->end()) {
      TRY_ASSIGN(result.ids, ids_of(*mine, where));
      return result;
    }
  }
  return malformed("{}: no ids for '{}'", where, printable(key));
}

std::string shown(const std::vector<Token>& ids) { return printable(fmt::format("{}", fmt::join(ids, " ")), 200); }

}  // namespace

Result<CaseReport> check_tokenizer_cases(const Tokenizer& tokenizer, std::string_view key, std::istream& cases,
                                         std::string_view name) {
  CaseReport report;
  std::string line;
  for (int number = 1; std::getline(cases, line); ++number) {
    if (line.empty()) continue;
    TRY_ASSIGN(const Case one, read_case(line, key, tokenizer.composes(), fmt::format("{}: line {}", name, number)));
    ++report.cases;
    const std::vector<Token> ids = tokenizer.encode(one.input, Specials::parse);
    std::string problem;
    if (ids != one.ids) {
      problem = fmt::format("{}: expected {}; found {}", printable(one.id), shown(one.ids), shown(ids));
    } else if (const std::string decoded = tokenizer.decode(ids); decoded != one.decoded && !tokenizer.composes()) {
      problem = fmt::format("{}: the ids decode to '{}'; expected '{}'", printable(one.id), printable(decoded),
                            printable(one.decoded));
    }
    if (problem.empty()) continue;
    ++report.failed;
    if (report.failures.size() < most_failures) report.failures.push_back(std::move(problem));
  }
  if (report.cases == 0) return malformed("{}: holds no cases", name);
  return report;
}

}  // namespace freehold
