#include "text/grammar/grammar.h"

#include "base/check.h"

namespace freehold {

// Past the budget all nodes are one that is there already; the compiler refuses the whole.
Grammar::Node Grammar::add(Part part) {
  bytes_ += sizeof(Part) + part.parts.size() * sizeof(Node) + part.set.ranges().size() * sizeof(CharSet::Range);
  for (const std::string& text : part.texts) bytes_ += sizeof(text) + text.size();
  if (bytes_ > limits::grammar_bytes && !parts_.empty()) {
    too_large_ = true;
    return 0;
  }
  parts_.push_back(std::move(part));
  return static_cast<Node>(parts_.size() - 1);
}

Grammar::Node Grammar::literal(std::string_view bytes) {
  return add({.kind = Kind::literals, .texts = {std::string(bytes)}});
}

Grammar::Node Grammar::literals(std::vector<std::string> texts) {
  return add({.kind = Kind::literals, .texts = std::move(texts)});
}

Grammar::Node Grammar::chars(CharSet set, Writing writing) {
  return add({.kind = Kind::chars, .set = std::move(set), .writing = writing});
}

Grammar::Node Grammar::sequence(std::vector<Node> parts) {
  return add({.kind = Kind::sequence, .parts = std::move(parts)});
}

Grammar::Node Grammar::choice(std::vector<Node> ways) { return add({.kind = Kind::choice, .parts = std::move(ways)}); }

Grammar::Node Grammar::repeat(Node what, int least, int most) {
  CHECK(least >= 0 && (most < 0 || most >= least), "{} to {} times", least, most);
  return add({.kind = Kind::repeat, .parts = {what}, .least = least, .most = most});
}

Grammar::Node Grammar::sized(Node what, int least, int most) {
  CHECK(least >= 0 && (most < 0 || most >= least), "{} to {} characters", least, most);
  return add({.kind = Kind::sized, .parts = {what}, .least = least, .most = most});
}

Grammar::Rule Grammar::declare(std::string name) {
  if (rules_.size() >= limits::grammar_rules) {
    too_large_ = true;
    return 0;
  }
  rules_.push_back({std::move(name)});
  return static_cast<Rule>(rules_.size() - 1);
}

void Grammar::define(Rule rule, Node node) { rules_[static_cast<size_t>(rule)].node = node; }

void Grammar::make_root(Node node) {
  root_ = declare("root");
  define(root_, node);
}

}  // namespace freehold
