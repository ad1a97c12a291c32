// Any text as a question to a small library: answered, or said not to be; never another table, never an error of SQL.
#include <string>

#include "fuzz/fuzz.h"
#include "library/plan.h"

using namespace freehold;

void fuzz_one(std::span<const std::byte> input) {
  static const auto domain = papers::built_in_domain();
  static const papers::Vocabulary vocabulary = [] {
    papers::Vocabulary made;
    papers::KnownType event{"event", "order", "day", domain->type("event"), {}, 100};
    using papers::Kind;
    const auto field = [](const char* name, const char* refers, Kind kind) {
      papers::KnownField known;
      known.name = name, known.refers = refers, known.kind = kind;
      return known;
    };
    event.fields = {field("order", "", Kind::text),       field("day", "", Kind::date),
                    field("asset", "asset", Kind::text),  field("point", "", Kind::text),
                    field("downtime", "", Kind::minutes), field("kind", "", Kind::text)};
    papers::KnownType asset{"asset", "asset", "", domain->type("asset"), {}, 10};
    asset.fields = {field("asset", "", Kind::text), field("model", "", Kind::text), field("installed", "", Kind::date)};
    made.types = {event, asset};
    using What = papers::Link::What;
    const auto add = [&](const char* name, papers::Link link) {
      made.names.emplace(name, link), made.words.insert(name);
    };
    add("failure", {What::type, "event", "", "", -1});
    add("machine", {What::type, "asset", "", "", -1});
    add("component", {What::field, "event", "point", "", -1});
    add("downtime", {What::field, "event", "downtime", "", -1});
    add("installed", {What::field, "asset", "installed", "", -1});
    add("model", {What::field, "asset", "model", "", -1});
    add("x", {What::value, "asset", "model", "X", -1});
    add("belt edge", {What::value, "event", "point", "belt edge", -1});
    add("#BC01", {What::record, "asset", "asset", "", 1});
    return made;
  }();
  fuzz::expect(domain.has_value());
  const std::string text(fuzz::text_of(input).substr(0, 4096));
  const auto question = papers::take_apart(text, vocabulary, *domain);
  const auto plan = papers::make_plan(question, vocabulary, *domain);
  const auto query = papers::source_of(plan, vocabulary);
  size_t marks = 0;
  for (const char c : query.sql) {
    marks += c == '?';
    fuzz::expect(c != ';' && c != '\'');
  }
  fuzz::expect(marks == query.values.size());
  for (size_t i = 1; i < question.spans.size(); ++i) fuzz::expect(question.spans[i].first > question.spans[i - 1].last);
}
