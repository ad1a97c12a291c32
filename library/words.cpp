#include "library/words.h"

#include <utf8proc.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace freehold::papers {

std::string fold(std::string_view text) {
  bool ascii = true;
  for (const char c : text) ascii &= static_cast<unsigned char>(c) < 0x80;
  std::string out;
  if (ascii) {
    out = text;
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
  }
  utf8proc_uint8_t* mapped = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
                                                      UTF8PROC_STRIPMARK | UTF8PROC_STABLE);
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  if (length < 0) return std::string(text);
  out.assign(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
  std::free(mapped);
  return out;
}

namespace {
bool is_word_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}
}  // namespace

std::string canon(std::string_view text) {
  std::string out;
  for (const char c : fold(text))
    if (is_word_byte(c)) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::string parted;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto small = [&](size_t at) { return at < text.size() && text[at] >= 'a' && text[at] <= 'z'; };
    // workOrder, but not pH, kWh, McNeil
    const bool humps = i > 1 && text[i] >= 'A' && text[i] <= 'Z' && small(i - 1) && small(i - 2) && small(i + 1);
    if (humps) parted += ' ';
    parted += text[i];
  }
  std::vector<std::string> words;
  std::string word;
  for (const char c : fold(parted)) {
    if (is_word_byte(c)) {
      word += c;
    } else if (c != '\'' && !word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

namespace {
std::string singular(std::string_view word) {
  const size_t n = word.size();
  if (word.ends_with("ies")) return std::string(word.substr(0, n - 3)) + "y";
  if (word.ends_with("sses") || word.ends_with("xes") || word.ends_with("ches") || word.ends_with("shes"))
    return std::string(word.substr(0, n - 2));
  if (word.ends_with("ss") || word.ends_with("us") || word.ends_with("is")) return std::string(word);
  if (word.ends_with("s")) return std::string(word.substr(0, n - 1));
  return std::string(word);
}
}  // namespace

std::string stem(std::string_view word) {
  if (word.size() < 4 || has_digit(word)) return std::string(word);
  std::string one = singular(word);
  const size_t n = one.size();
  if (one.ends_with("ing") && n >= 7)
    one.resize(n - 3);
  else if (one.ends_with("ed") && n >= 6)
    one.resize(n - 2);
  else if (one.ends_with("e") && n >= 5)
    one.resize(n - 1);
  else
    return one;
  const size_t m = one.size();  // stopped, planned: one letter of two
  if (n - m >= 2 && one[m - 1] == one[m - 2] &&
      std::string_view("bdgkmnprt").find(one[m - 1]) != std::string_view::npos)
    one.pop_back();
  return one;
}

std::string root_of(std::string_view word) {
  std::string one = stem(word);
  if (has_digit(one)) return one;
  for (const std::string_view ending : {"ated", "ates", "ating"})  // calibrated, calibration
    if (word.ends_with(ending) && one.ends_with("at") && one.size() >= 7) one.resize(one.size() - 2);
  if (one.ends_with("yst")) one.pop_back();  // analyst, analysed
  for (const std::string_view ending :
       {"ation", "ment", "ance", "ence", "ion", "ing", "ant", "anc", "ur", "al", "er", "or", "ed"})
    if (one.ends_with(ending) && one.size() >= ending.size() + 4) {
      one.resize(one.size() - ending.size());
      break;
    }
  while (one.size() > 4 && (one.back() == 'e' || one.back() == 'y' || one.back() == 'i')) one.pop_back();
  return one;
}

std::string key_of(std::string_view text) {
  std::vector<std::string> parts = words_of(text);
  for (std::string& part : parts) part = stem(part);
  std::sort(parts.begin(), parts.end());
  std::string key;
  for (const std::string& part : parts) key += (key.empty() ? "" : " ") + part;
  return key;
}

std::string slug_of(std::string_view text) {
  std::string slug;
  for (const std::string& word : words_of(text)) {
    std::string plain;
    for (const char c : word)
      if (std::isalnum(static_cast<unsigned char>(c))) plain += c;
    if (!plain.empty()) slug += (slug.empty() ? "" : "_") + plain;
    if (slug.size() > 48) break;
  }
  if (slug.empty()) slug = "column";
  if (std::isdigit(static_cast<unsigned char>(slug[0]))) slug = "n_" + slug;
  return slug;
}

std::string spoken(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string plural(const std::string& word) {
  if (word.ends_with('s') || word.empty()) return word;
  const bool y = word.ends_with('y') && word.size() > 1 &&
                 std::string_view("aeiou").find(word[word.size() - 2]) == std::string_view::npos;
  return y ? word.substr(0, word.size() - 1) + "ies" : word + "s";
}

std::string trimmed_text(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return std::string(text);
}

std::string shortened(std::string text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  text.resize(bytes);
  return text + " ...";
}

bool among(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int edit_distance(std::string_view a, std::string_view b, int most) {
  const int n = static_cast<int>(std::min<size_t>(a.size(), 64)), m = static_cast<int>(std::min<size_t>(b.size(), 64));
  if (std::abs(n - m) > most) return most + 1;
  int before[65], last[65], now[65];
  for (int j = 0; j <= m; ++j) last[j] = j, before[j] = j;
  for (int i = 1; i <= n; ++i) {
    now[0] = i;
    for (int j = 1; j <= m; ++j) {
      const bool same = a[static_cast<size_t>(i - 1)] == b[static_cast<size_t>(j - 1)];
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + !same});
      if (i > 1 && j > 1 && a[static_cast<size_t>(i - 1)] == b[static_cast<size_t>(j - 2)] &&
          a[static_cast<size_t>(i - 2)] == b[static_cast<size_t>(j - 1)])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    for (int j = 0; j <= m; ++j) before[j] = last[j], last[j] = now[j];
  }
  return std::min(last[m], most + 1);
}

}  // namespace freehold::papers
