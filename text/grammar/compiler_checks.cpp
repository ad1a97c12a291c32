// What makes a Program safe to walk: dead ends are cut off, and a rule that would call itself for ever is refused.
#include <algorithm>
#include <queue>

#include "text/grammar/compiler.h"

namespace freehold {

Result<Done> Compiler::check() {
  const std::vector<bool> live = reaching_end(true);
  if (!live[static_cast<size_t>(program_.start_)]) return unsupported("grammar: no finite text fits it");
  drop_dead_ways(live);
  TRY(refuse_left_recursion());
  make_classes();
  measure();
  return Done{};
}

Compiler::Users Compiler::users() const {
  const size_t count = program_.steps_.size();
  Users users{std::vector<int32_t>(count + 1), {}};
  const auto each_edge = [&](const auto& tell) {
    for (size_t i = 0; i < count; ++i) {
      const Step& step = program_.steps_[i];
      if (step.kind == Kind::split)
        for (const State way : program_.ways(step)) tell(way, i);
      if (step.kind == Kind::bytes || step.kind == Kind::call) tell(step.next, i);
      if (step.kind == Kind::call) tell(step.a, i);
    }
  };
  each_edge([&](State to, size_t) { ++users.firsts[static_cast<size_t>(to) + 1]; });
  for (size_t i = 0; i < count; ++i) users.firsts[i + 1] += users.firsts[i];
  users.entries.resize(static_cast<size_t>(users.firsts[count]));
  std::vector<int32_t> filled(users.firsts.begin(), users.firsts.end() - 1);
  each_edge([&](State to, size_t from) {
    users.entries[static_cast<size_t>(filled[static_cast<size_t>(to)]++)] = static_cast<State>(from);
  });
  return users;
}

std::vector<bool> Compiler::reaching_end(bool by_bytes) const {
  const Users users = this->users();
  std::vector<bool> reached(program_.steps_.size());
  const auto reaches = [&](const Step& step) {
    const auto is = [&](State state) { return static_cast<bool>(reached[static_cast<size_t>(state)]); };
    switch (step.kind) {
      case Kind::end:
        return true;
      case Kind::bytes:
        return by_bytes && is(step.next) && program_.sets_[static_cast<size_t>(step.a)].any();
      case Kind::split:
        return std::any_of(program_.ways(step).begin(), program_.ways(step).end(), is);
      case Kind::call:
        return is(step.next) && (step.least == 0 || is(step.a));
    }
    return false;
  };
  std::vector<State> open{end_state};
  reached[end_state] = true;
  while (!open.empty()) {
    const State state = open.back();
    open.pop_back();
    for (const State user : users.of(state)) {
      const auto from = static_cast<size_t>(user);
      if (reached[from] || !reaches(program_.steps_[from])) continue;
      reached[from] = true;
      open.push_back(user);
    }
  }
  return reached;
}

// Knuth's form of Dijkstra's algorithm: no way is shorter than what it goes through, so the nearest state that is open
// is settled.
void Compiler::measure() {
  const Users users = this->users();
  std::vector<int32_t>& rests = program_.rests_;
  rests.assign(program_.steps_.size(), Program::far);
  std::vector<bool> settled(rests.size());
  const auto rest = [&](State state) { return int64_t{rests[static_cast<size_t>(state)]}; };
  const auto length_of = [&](const Step& step) -> int64_t {
    switch (step.kind) {
      case Kind::end:
        return 0;
      case Kind::bytes:
        return program_.sets_[static_cast<size_t>(step.a)].any() ? 1 + rest(step.next) : Program::far;
      case Kind::split: {
        int64_t least = Program::far;
        for (const State way : program_.ways(step)) least = std::min(least, rest(way));
        return least;
      }
      case Kind::call:
        return (step.least == 0 ? 0 : step.least * rest(step.a)) + rest(step.next);
    }
    return Program::far;
  };
  using Open = std::pair<int32_t, State>;
  std::priority_queue<Open, std::vector<Open>, std::greater<>> open;
  rests[end_state] = 0;
  open.push({0, end_state});
  while (!open.empty()) {
    const State state = open.top().second;
    open.pop();
    if (settled[static_cast<size_t>(state)]) continue;
    settled[static_cast<size_t>(state)] = true;
    for (const State user : users.of(state)) {
      const int64_t length = length_of(program_.at(user));
      if (length >= rest(user)) continue;
      rests[static_cast<size_t>(user)] = static_cast<int32_t>(length);
      open.push({static_cast<int32_t>(length), user});
    }
  }
}

void Compiler::drop_dead_ways(const std::vector<bool>& live) {
  const auto is_live = [&](State state) { return static_cast<bool>(live[static_cast<size_t>(state)]); };
  for (Step& step : program_.steps_) {
    if (step.kind == Kind::split) {
      const auto first = program_.nexts_.begin() + step.a;
      step.b = static_cast<int32_t>(std::stable_partition(first, first + step.b, is_live) - first);
    }
    if (step.kind == Kind::call && !is_live(step.a)) step.most = 0;  // no times, if at all
  }
}

std::string Compiler::name_of_rule_at(State start) const {
  for (size_t i = 0; i < starts_.size(); ++i)
    if (starts_[i] == start) return printable(grammar_.rules()[i].name);
  return "of a repetition";
}

// Rules that call each other before a byte is read: a circle of them never ends.
Result<Done> Compiler::refuse_left_recursion() {
  const std::vector<bool> empty = reaching_end(false);
  std::unordered_map<State, std::vector<State>> called;  // by the beginning of a rule: what it may call at once
  std::vector<State> seen(program_.steps_.size(), -1);
  const auto calls_of = [&](State rule) -> const std::vector<State>& {
    const auto [list, fresh] = called.try_emplace(rule);
    if (!fresh) return list->second;
    std::vector<State> open{rule};
    while (!open.empty()) {
      const State state = open.back();
      open.pop_back();
      if (std::exchange(seen[static_cast<size_t>(state)], rule) == rule) continue;
      const Step& step = program_.at(state);
      if (step.kind == Kind::split) {
        const auto ways = program_.ways(step);
        open.insert(open.end(), ways.begin(), ways.end());
      }
      if (step.kind != Kind::call) continue;
      if (step.most != 0) list->second.push_back(step.a);
      if (step.least == 0 || empty[static_cast<size_t>(step.a)]) open.push_back(step.next);
    }
    return list->second;
  };
  enum Mark : uint8_t { unseen, open, done };
  std::unordered_map<State, Mark> marks;
  std::vector<std::pair<State, size_t>> path;  // a rule, and which of its calls is next
  const auto visit = [&](State rule) -> Result<Done> {
    path.push_back({rule, 0});
    marks[rule] = open;
    uint64_t work = 0;
    while (!path.empty()) {
      const State at = path.back().first;
      const std::vector<State>& calls = calls_of(at);
      if (path.back().second == calls.size()) {
        marks[at] = done;
        path.pop_back();
        continue;
      }
      const State next = calls[path.back().second++];
      Mark& mark = marks[next];
      if (mark == open)
        return unsupported("grammar: rule {} calls itself before it reads anything", name_of_rule_at(next));
      if (mark == done) continue;
      mark = open;
      path.push_back({next, 0});
      if (++work > limits::grammar_states) return out_of_resources("grammar: too many rules");
    }
    return Done{};
  };
  for (const State start : starts_)
    if (marks[start] == unseen) TRY(visit(start));
  for (const Step& step : program_.steps_)
    if (step.kind == Kind::call && marks[step.a] == unseen) TRY(visit(step.a));
  return Done{};
}

void Compiler::make_classes() {
  program_.class_of_.fill(0);
  int count = 1;
  for (const ByteSet& set : program_.sets_) {
    std::array<int, 512> fresh;  // by old class and whether the byte is in the set
    fresh.fill(-1);
    int next = 0;
    for (size_t byte = 0; byte < 256; ++byte) {
      int& id = fresh[2u * program_.class_of_[byte] + set[byte]];
      if (id < 0) id = next++;
      program_.class_of_[byte] = static_cast<uint8_t>(id);
    }
    count = next;
  }
  program_.classes_ = count;
  program_.byte_of_.assign(static_cast<size_t>(count), 0);
  for (int byte = 255; byte >= 0; --byte)
    program_.byte_of_[program_.class_of_[static_cast<size_t>(byte)]] = static_cast<uint8_t>(byte);
}

}  // namespace freehold
