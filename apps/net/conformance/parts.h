// The parts of the list, and what their checks share.
#pragma once

#include "apps/net/conformance/probe.h"

namespace freehold::conformance {

extern const std::span<const Check> chat_checks;     // sampling, length, streams, log probabilities
extern const std::span<const Check> message_checks;  // messages, thinking, tools, forms of answers, others' fields
extern const std::span<const Check> route_checks;    // the other routes that answer
extern const std::span<const Check> helper_checks;   // tokens, models, health
extern const std::span<const Check> ollama_checks;   // Ollama's own routes
extern const std::span<const Check> error_checks;    // every row of the table of errors, and the guard of addresses
extern const std::span<const Check> promise_checks;  // what holds over all of them

// `{...}` with one member more.
std::string with(std::string_view members, std::string_view more);
std::string member(std::string_view name, const Json& value);  // "name":value
// As `evidence`, and whether the server said so by itself.
Outcome ignored_by(const Reply& reply, std::string evidence);
// Taken, and meant to change nothing.
Outcome taken(Probe& probe, std::string_view more);
// A member that leaves one choice of a token: temperature 2 says what temperature 0 says.
Outcome narrows(Probe& probe, std::string_view more);
// A member that must make a difference to what is said.
Outcome changes(Probe& probe, std::string_view members, std::string_view more);

// Keeps an answer to single letters, which vocabularies of the GPT-2 kind have at 64 to 90: text from any model, which
// does not end by itself.
std::string letters(std::string_view members);

// An answer in its tokens, where those tell its text.
struct Tokens {
  std::string members;
  std::vector<std::string> scored;
  std::string whole;
};
std::optional<Tokens> tokens_of(Probe& probe, const std::string& members);

// A stop text that begins in one token and ends in the next, and the answer as it has to be with it.
struct Straddling {
  std::string members, stop, before, whole, tokens;
};
std::optional<Straddling> straddling(Probe& probe);

extern const char* const long_instruction;  // longer than "Be brief."
extern const char* const small_schema;      // an object of name, age and kind
bool fits_small_schema(const Json& value);
extern const char* const weather_tool;     // a function of chat completions
bool fits_weather(const Json& arguments);  // city is Paris or Rome

}  // namespace freehold::conformance
