// Which fields a record type can be asked about: its own, and those of the records that it refers to, over one
// reference ("shipment") or two ("shipment.customer").
#pragma once

#include "library/plan.h"

namespace freehold::papers {

std::optional<Place> reach(const Vocabulary& vocabulary, const KnownType& base, const std::string& type,
                           const std::string& field);
// The field, own or reached, that holds references to `type`.
std::optional<Place> reach_type(const Vocabulary& vocabulary, const KnownType& base, const std::string& type);
size_t steps_of(const Place& place);  // 0 own, 1 or 2

// The amount (number or minutes) of `base` that a question most probably means, by the words it shares with the
// headers, money and time; none when two are as good.
struct AmountHints {
  std::set<std::string> roots;  // of the question's words
  bool money = false, duration = false;
};
std::optional<Place> amount_meant(const KnownType& base, const AmountHints& hints);

}  // namespace freehold::papers
