// One byte for the syntax, one for the size of the pieces, then the text. However it is cut, the events are the same;
// calls that end have arguments that are a JSON object; when none ends, the text comes out whole.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fuzz/fuzz.h"
#include "text/tool_calls.h"

using namespace freehold;

namespace {

std::vector<ToolEvent> events_of(ToolSyntax syntax, std::string_view text, size_t size, const ToolLimits& limits) {
  ToolCallParser parser(syntax, limits);
  std::vector<ToolEvent> all;
  const auto gather = [&](std::vector<ToolEvent> more) {
    for (ToolEvent& event : more) {
      const bool grows = event.kind == ToolEvent::Kind::text || event.kind == ToolEvent::Kind::arguments;
      if (grows && !all.empty() && all.back().kind == event.kind)
        all.back().text += event.text;
      else
        all.push_back(std::move(event));
    }
  };
  for (size_t at = 0; at < text.size(); at += size) gather(parser.push(text.substr(at, size)));
  gather(parser.finish());
  return all;
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  if (input.size() < 2) return;
  const auto first = static_cast<unsigned>(input[0]), second = static_cast<unsigned>(input[1]);
  const auto syntax = static_cast<ToolSyntax>(first % 7);
  const std::string_view text = fuzz::text_of(input.subspan(2));
  ToolLimits limits;
  if (first & 0x80) limits = {.calls = 2, .name_bytes = 12, .argument_bytes = 40};
  const auto whole = events_of(syntax, text, text.size() + 1, limits);
  fuzz::expect(events_of(syntax, text, 1 + second % 64, limits) == whole);
  fuzz::expect(events_of(syntax, text, 1, limits) == whole);
  std::string all, arguments;
  bool any_end = false, open = false;
  int begun = 0;
  for (const ToolEvent& event : whole) {
    switch (event.kind) {
      case ToolEvent::Kind::text:
        fuzz::expect(!open);
        all += event.text;
        break;
      case ToolEvent::Kind::begin:
        fuzz::expect(!open && event.call == begun && !event.text.empty() && event.text.size() <= limits.name_bytes);
        ++begun;
        open = true;
        arguments.clear();
        break;
      case ToolEvent::Kind::arguments:
        fuzz::expect(open && event.call == begun - 1);
        arguments += event.text;
        break;
      case ToolEvent::Kind::end: {
        fuzz::expect(open && arguments.size() <= limits.argument_bytes);
        const auto value = parse_json(arguments, "arguments");
        fuzz::expect(value && value->is_object());
        any_end = true;
        open = false;
        break;
      }
      case ToolEvent::Kind::broken:
        fuzz::expect(!event.reason.empty() && (event.call == -1) == !open);
        all += event.text;
        open = false;
        break;
    }
  }
  fuzz::expect(!open && begun <= limits.calls);
  fuzz::expect(any_end || all == text);
}
