#include "library/reach.h"

#include <algorithm>

namespace freehold::papers {

size_t steps_of(const Place& place) {
  return place.over.empty() ? 0 : 1 + static_cast<size_t>(std::count(place.over.begin(), place.over.end(), '.'));
}

std::optional<Place> reach(const Vocabulary& vocabulary, const KnownType& base, const std::string& type,
                           const std::string& field) {
  if (base.name == type || (base.field(field) && !type.empty() && base.field(field)->refers == type))
    if (const KnownField* own = base.field(field)) return Place{"", field, base.name, own->kind};
  const KnownType* target = vocabulary.type(type);
  const KnownField* there = target ? target->field(field) : nullptr;
  if (!there) return std::nullopt;
  for (const KnownField& one : base.fields)
    if (one.refers == type) return Place{one.name, field, type, there->kind};
  for (const KnownField& one : base.fields) {
    const KnownType* middle = one.refers.empty() ? nullptr : vocabulary.type(one.refers);
    if (!middle) continue;
    for (const KnownField& next : middle->fields)
      if (next.refers == type && middle->name != base.name)
        return Place{one.name + "." + next.name, field, type, there->kind};
  }
  return std::nullopt;
}

std::optional<Place> reach_type(const Vocabulary& vocabulary, const KnownType& base, const std::string& type) {
  if (type.empty()) return std::nullopt;
  for (const KnownField& one : base.fields)
    if (one.refers == type) return Place{"", one.name, base.name, one.kind};
  for (const KnownField& one : base.fields)
    if (const KnownType* middle = one.refers.empty() ? nullptr : vocabulary.type(one.refers))
      for (const KnownField& next : middle->fields)
        if (next.refers == type) return Place{one.name, next.name, middle->name, next.kind};
  return std::nullopt;
}

std::optional<Place> amount_meant(const KnownType& base, const AmountHints& hints) {
  static const std::set<std::string> spans = {"night", "day",    "hour", "week", "minut", "month",
                                              "time",  "length", "year", "dur",  "downt", "downtim"};
  const KnownField* best = nullptr;
  double most = 0;
  bool tie = false;
  size_t amounts = 0;
  for (const KnownField& field : base.fields) {
    if (field.kind != Kind::number && field.kind != Kind::minutes) continue;
    ++amounts;
    double score = 0.01;
    for (const std::string& root : field.roots) score += hints.roots.count(root) ? 2 : 0;
    const bool lasts =
        field.kind == Kind::minutes ||
        std::any_of(field.roots.begin(), field.roots.end(), [](const std::string& r) { return spans.count(r) > 0; });
    if (hints.money) score += field.money ? 1 : lasts ? -1 : 0;
    if (hints.duration) score += lasts ? 1 : field.money ? -1 : 0;
    if (score > most + 1e-9)
      most = score, best = &field, tie = false;
    else if (score > most - 1e-9)
      tie = true;
  }
  if (!best || (tie && amounts > 1) || (most < 0.5 && amounts > 1)) return std::nullopt;
  return Place{"", best->name, base.name, best->kind};
}

}  // namespace freehold::papers
