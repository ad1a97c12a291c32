// Words of papers and questions, made comparable: folded (no case, no accents), stemmed lightly, identifiers reduced to
// their letters and digits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freehold::papers {

std::string fold(std::string_view text);                   // lower case, without accents; bad UTF-8 stays as it is
std::string canon(std::string_view text);                  // letters and digits only, upper case: QX-5501 a -> QX5501A
std::vector<std::string> words_of(std::string_view text);  // folded; letters and digits; camelCase is two words
std::string stem(std::string_view word);     // bearings, opened -> bear, open; not a word, only comparable
std::string root_of(std::string_view word);  // its stem without -al, -ure, -ment, -ation ...: arrival, arrived -> arriv
std::string key_of(std::string_view text);   // its stems in alphabetical order: one key for one wording
std::string slug_of(std::string_view text);  // fit for a name in SQL: downtime_min
std::string spoken(std::string name);        // of SQL, for people: work_order -> work order
std::string plural(const std::string& word);  // good enough to be read
std::string trimmed_text(std::string_view text);
std::string shortened(std::string text, size_t bytes);  // where a character ends
bool has_digit(std::string_view text);
bool among(const std::vector<std::string>& words, const std::string& word);
int edit_distance(std::string_view a, std::string_view b, int most);  // more than `most` is most + 1

}  // namespace freehold::papers
