// nlohmann's SAX parser (which keeps its own stack, not the machine's) with our limits around it.
#include "base/json.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace freehold {
namespace {

// Tells how far the parser has read.
struct Cursor {
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at;
  const char** furthest;
  reference operator*() const { return *at; }
  Cursor& operator++() {
    *furthest = ++at;
    return *this;
  }
  Cursor operator++(int) {
    Cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at == other.at; }
};

// An integer beyond 64 bits is kept as a double when that is the same number ("1000000000000000019884624838656",
// which tokenizer configurations hold, is).
bool same_integer(std::string_view text, double value) {
  char digits[400];
  const int length = std::snprintf(digits, sizeof digits, "%.0f", value);
  return length > 0 && std::string_view(digits, static_cast<size_t>(length)) == text;
}

class Events : public nlohmann::json_sax<Json> {
 public:
  using Kind = JsonEvent::Kind;
  Events(std::string_view text, std::string_view name, int nesting,
         const std::function<Result<Done>(JsonEvent&&)>& on_event)
      : start_(text.data()), furthest_(text.data()), name_(name), nesting_(nesting), on_event_(on_event) {}

  const char** furthest() { return &furthest_; }
  Result<Done> result() { return std::move(result_); }

  bool null() override { return give(event(Kind::null)); }
  bool boolean(bool value) override {
    auto e = event(Kind::boolean);
    e.boolean = value;
    return give(std::move(e));
  }
  bool number_integer(int64_t value) override {
    auto e = event(Kind::integer);
    e.integer = value;
    return give(std::move(e));
  }
  bool number_unsigned(uint64_t value) override {
    auto e = event(Kind::natural);
    e.natural = value;
    return give(std::move(e));
  }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == std::string::npos && !same_integer(text, value))
      return stop(malformed("{}: integer '{}' at byte {} does not fit in 64 bits", name_, printable(text), offset()));
    auto e = event(Kind::real);
    e.real = value;
    return give(std::move(e));
  }
  bool string(std::string& value) override {
    auto e = event(Kind::string);
    e.text = value;
    return give(std::move(e));
  }
  bool key(std::string& value) override {
    auto e = event(Kind::key);
    e.text = value;
    return give(std::move(e));
  }
  bool binary(binary_t&) override { return false; }  // no JSON text has one
  bool start_object(size_t) override { return begin(Kind::begin_object); }
  bool start_array(size_t) override { return begin(Kind::begin_array); }
  bool end_object() override { return end(Kind::end_object); }
  bool end_array() override { return end(Kind::end_array); }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: what" -> "what"
    std::string_view what = error.what();
    if (const size_t end_of_id = what.find("] "); end_of_id != what.npos) what.remove_prefix(end_of_id + 2);
    if (const size_t colon = what.find(": "); what.starts_with("parse error") && colon != what.npos)
      what.remove_prefix(colon + 2);
    return stop(malformed("{}: not valid JSON at byte {}: {}", name_, position, printable(what, 160)));
  }

 private:
  uint64_t offset() const { return static_cast<uint64_t>(furthest_ - start_); }
  JsonEvent event(Kind kind) const { return {.kind = kind, .depth = depth_, .offset = offset(), .text = {}}; }
  bool stop(Failure failed) {
    result_ = std::move(failed);
    return false;
  }
  bool give(JsonEvent&& e) {
    auto given = on_event_(std::move(e));
    if (!given) result_ = std::move(given);
    return result_.has_value();
  }
  bool begin(Kind kind) {
    if (depth_ >= nesting_)
      return stop(malformed("{}: nested more than {} deep at byte {}", name_, nesting_, offset()));
    const bool goes_on = give(event(kind));
    ++depth_;
    return goes_on;
  }
  bool end(Kind kind) {
    --depth_;
    return give(event(kind));
  }

  const char* start_;
  const char* furthest_;
  std::string_view name_;
  int nesting_;
  int depth_ = 0;
  const std::function<Result<Done>(JsonEvent&&)>& on_event_;
  Result<Done> result_ = Done{};
};

// The key that occurs twice, or null.
const std::string* duplicate_key(const Json::object_t& object) {
  std::vector<const std::string*> keys;
  keys.reserve(object.size());
  for (const auto& member : object) keys.push_back(&member.first);
  std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twice =
      std::adjacent_find(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a == *b; });
  return twice == keys.end() ? nullptr : *twice;
}

class Builder {
 public:
  explicit Builder(std::string_view name) : name_(name) {}

  Result<Done> take(JsonEvent&& e) {
    using Kind = JsonEvent::Kind;
    switch (e.kind) {
      case Kind::null:
        place(nullptr);
        break;
      case Kind::boolean:
        place(e.boolean);
        break;
      case Kind::integer:
        place(e.integer);
        break;
      case Kind::natural:
        place(e.natural);
        break;
      case Kind::real:
        place(e.real);
        break;
      case Kind::string:
        place(std::string(e.text));
        break;
      case Kind::key:
        key_ = e.text;
        break;
      case Kind::begin_object:
        open_.push_back(place(Json::object()));
        break;
      case Kind::begin_array:
        open_.push_back(place(Json::array()));
        break;
      case Kind::end_object:
        if (const std::string* key = duplicate_key(open_.back()->get_ref<const Json::object_t&>()))
          return malformed("{}: key '{}' twice in the object that ends at byte {}", name_, printable(*key), e.offset);
        open_.pop_back();
        break;
      case Kind::end_array:
        open_.pop_back();
        break;
    }
    return Done{};
  }
  Json take_root() { return std::move(root_); }

 private:
  // Parents stand still while their child is open, so pointers to the open ones stay valid.
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    auto& object = open_.back()->get_ref<Json::object_t&>();
    // The base's emplace_back: ordered_map's own would search for the key each time.
    object.Json::object_t::Container::emplace_back(std::move(key_), std::move(value));
    return &object.back().second;
  }

  std::string_view name_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
};

}  // namespace

Result<Done> walk_json(std::string_view text, std::string_view name, JsonLimits limits,
                       const std::function<Result<Done>(JsonEvent&&)>& on_event) {
  const std::string shown = printable(name);
  if (text.size() > limits.bytes)
    return out_of_resources("{}: has {} bytes of JSON; at most {} are allowed", shown, text.size(), limits.bytes);
  Events events(text, shown, limits.nesting, on_event);
  const Cursor first{text.data(), events.furthest()}, last{text.data() + text.size(), events.furthest()};
  const bool complete = Json::sax_parse(first, last, &events);
  TRY(events.result());
  if (!complete) return malformed("{}: not valid JSON", shown);
  return Done{};
}

Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  const std::string shown = printable(name);
  Builder builder(shown);
  TRY(walk_json(text, name, limits, [&](JsonEvent&& e) { return builder.take(std::move(e)); }));
  return builder.take_root();
}

}  // namespace freehold
