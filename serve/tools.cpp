#include "serve/tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/fields.h"
#include "serve/request_id.h"

namespace freehold {
namespace {

// Names stand in prompts between marks: nothing in them may look like one.
bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

std::string beginning_of_call(ToolSyntax syntax, const std::string& name) {
  const auto form = call_form_of(syntax);
  if (!form) return {};
  return form->lead + form->open + form->before_name + (name.empty() ? "" : name + form->after_name);
}

CallForm dsml_form(std::string_view block) {
  return {.lead = "\n\n",
          .open = fmt::format("<｜DSML｜{}>\n", block),
          .before_name = "<｜DSML｜invoke name=\"",
          .after_name = "\">\n",
          .after_arguments = "</｜DSML｜invoke>",
          .between = "\n",
          .close = fmt::format("\n</｜DSML｜{}>", block),
          .mark = "<｜DSML｜",
          .dsml = true};
}

Json read_tool(Fields& fields, const Json& tool, const std::string& place, bool& strict,
               std::vector<std::string>& ignored) {
  if (!tool.is_object()) {
    fields.fail(invalid(place, "expected an object with type and function"));
    return nullptr;
  }
  Fields outer(tool, place + ".");
  std::string type, name, text;
  if (outer.text("type", type) && type != "function")
    outer.fail(unsupported_field(place + ".type", "only functions can be called"));
  Json function = Json::object();
  const Json* given = outer.find("function");
  if (!given || !given->is_object()) {
    outer.fail(invalid(place + ".function", "expected an object with a name"));
  } else {
    Fields inner(*given, place + ".function.");
    inner.text("name", name);
    if (!is_function_name(name))
      inner.fail(invalid(place + ".function.name", "expected 1 to 128 letters, digits, '_', '-' or '.'"));
    function["name"] = name;
    if (inner.text("description", text)) function["description"] = text;
    const Json* parameters = inner.find("parameters");
    if (parameters && !parameters->is_object())
      inner.fail(invalid(place + ".function.parameters", "expected a JSON schema"));
    function["parameters"] = parameters ? *parameters : Json{{"type", "object"}, {"properties", Json::object()}};
    inner.boolean("strict", strict);
    for (const std::string& unknown : inner.unknown()) ignored.push_back(unknown);
    if (inner.error()) outer.fail(*inner.error());
  }
  for (const std::string& unknown : outer.unknown()) ignored.push_back(unknown);
  if (outer.error()) fields.fail(*outer.error());
  return {{"type", "function"}, {"function", std::move(function)}};
}

}  // namespace

std::optional<CallForm> call_form_of(ToolSyntax syntax) {
  switch (syntax) {
    case ToolSyntax::deepseek_v3:
      return CallForm{.open = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>",
                      .before_name = "",
                      .after_name = "\n```json\n",
                      .after_arguments = "\n```<｜tool▁call▁end｜>",
                      .between = "\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
                      .close = "<｜tool▁calls▁end｜>",
                      .mark = "<｜tool▁calls▁begin｜>"};
    case ToolSyntax::deepseek_v31:
      return CallForm{.open = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
                      .before_name = "",
                      .after_name = "<｜tool▁sep｜>",
                      .after_arguments = "<｜tool▁call▁end｜>",
                      .between = "<｜tool▁call▁begin｜>",
                      .close = "<｜tool▁calls▁end｜>",
                      .mark = "<｜tool▁calls▁begin｜>"};
    case ToolSyntax::tagged_json:
      return CallForm{.open = "<tool_call>\n",
                      .before_name = "{\"name\": \"",
                      .after_name = "\", \"arguments\":",
                      .after_arguments = "}\n</tool_call>",
                      .between = "\n<tool_call>\n",
                      .close = "",
                      .mark = "<tool_call>",
                      .spaced = true};
    case ToolSyntax::bare_json:
      return CallForm{.open = "",
                      .before_name = "{\"name\": \"",
                      .after_name = "\", \"parameters\":",
                      .after_arguments = "}",
                      .between = "",
                      .close = "",
                      .mark = "",
                      .spaced = true};
    case ToolSyntax::deepseek_v32:
      return dsml_form("function_calls");
    case ToolSyntax::deepseek_v4:
      return dsml_form("tool_calls");
    default:
      return std::nullopt;
  }
}

ToolAsk read_tools(Fields& fields, ToolSyntax syntax, std::vector<std::string>& ignored) {
  ToolAsk ask;
  const Json* tools = fields.find("tools");
  const Json* choice = fields.find("tool_choice");
  bool parallel = true;
  fields.boolean("parallel_tool_calls", parallel);
  ask.one_call = !parallel;
  if (tools && !tools->is_array()) fields.fail(invalid("tools", "expected a list"));
  const bool none = choice && *choice == Json("none");
  if (!tools || tools->empty() || fields.error()) {
    if (choice && !none && *choice != Json("auto")) fields.fail(invalid("tool_choice", "there are no tools"));
    return ask;
  }
  if (syntax == ToolSyntax::none) {
    fields.fail(unsupported_field("tools", "the prompt format of this model knows none"));
    return ask;
  }
  if (tools->size() > static_cast<size_t>(limits::tool_calls)) {
    fields.fail(invalid("tools", fmt::format("expected at most {}", limits::tool_calls)));
    return ask;
  }
  ask.list = Json::array();
  const auto form = call_form_of(syntax);
  for (size_t i = 0; i < tools->size(); ++i) {
    const std::string place = fmt::format("tools[{}]", i);
    bool strict = false;
    ask.list.push_back(read_tool(fields, (*tools)[i], place, strict, ignored));
    ask.strict.push_back(strict);
    const bool unforced = !choice || *choice == Json("auto");
    if (strict && (!form || (unforced && form->mark.empty()))) ignored.push_back(place + ".function.strict");
  }
  if (fields.error() || none) return {};
  ask.syntax = syntax;
  if (!choice || *choice == Json("auto")) return ask;
  std::string name;
  if (choice->is_object()) {
    const auto function = choice->find("function");
    if (choice->value("type", Json()) == Json("function") && function != choice->end() && function->is_object() &&
        function->contains("name") && (*function)["name"].is_string())
      name = (*function)["name"];
    const bool offered = std::any_of(ask.list.begin(), ask.list.end(),
                                     [&](const Json& tool) { return tool["function"]["name"] == Json(name); });
    if (name.empty() || !offered)
      fields.fail(
          invalid("tool_choice", "expected {\"type\": \"function\", \"function\": {\"name\": one of the tools}}"));
  } else if (*choice != Json("required")) {
    fields.fail(invalid("tool_choice", "expected none, auto, required or a function"));
  }
  if (name.empty() && ask.list.size() == 1) name = ask.list[0]["function"]["name"];
  ask.forced = beginning_of_call(syntax, name);
  ask.name = std::move(name);
  return ask;
}

void read_past_calls(Fields& fields, ToolSyntax syntax, Json& message) {
  const Json* calls = fields.find("tool_calls");
  if (!calls || (calls->is_array() && calls->empty())) return;
  const std::string place = fields.path() + "tool_calls";
  if (!calls->is_array()) return fields.fail(invalid(place, "expected a list"));
  if (syntax == ToolSyntax::none)
    return fields.fail(unsupported_field(place, "the prompt format of this model knows no tools"));
  // The templates of DeepSeek put the arguments down as the text they are, others as an object.
  const bool as_text = syntax == ToolSyntax::deepseek_v3 || syntax == ToolSyntax::deepseek_v31;
  Json list = Json::array();
  for (size_t i = 0; i < calls->size(); ++i) {
    const std::string here = fmt::format("{}[{}]", place, i);
    const Json& call = (*calls)[i];
    const auto function = call.is_object() ? call.find("function") : call.end();
    if (!call.is_object() || function == call.end() || !function->is_object())
      return fields.fail(invalid(here, "expected an object with id, type and function"));
    Fields inner(*function, here + ".function.");
    std::string name, arguments = "{}";
    inner.text("name", name);
    if (!is_function_name(name)) inner.fail(invalid(here + ".function.name", "expected the name of a function"));
    inner.text("arguments", arguments);
    if (inner.error()) return fields.fail(*inner.error());
    Json written = arguments;
    if (!as_text) {
      Result<Json> parsed = parse_json(arguments, here + ".function.arguments");
      if (!parsed || !parsed->is_object())
        return fields.fail(invalid(here + ".function.arguments", "expected the text of a JSON object"));
      written = std::move(*parsed);
    }
    Json one = {{"type", "function"}, {"function", {{"name", name}, {"arguments", std::move(written)}}}};
    if (const auto id = call.find("id"); id != call.end() && id->is_string()) one["id"] = *id;
    list.push_back(std::move(one));
  }
  message["tool_calls"] = std::move(list);
}

ToolReader::ToolReader(const ToolAsk& ask) : parser_(ask.syntax), one_call_(ask.one_call) {
  first_ = hear(ask.forced).text;
}

ToolReader::Heard ToolReader::sort(std::vector<ToolEvent> events) {
  Heard heard;
  heard.text = std::exchange(first_, {});
  for (ToolEvent& event : events) {
    switch (event.kind) {
      case ToolEvent::Kind::text:
      case ToolEvent::Kind::broken:
        heard.text += event.text;
        break;
      case ToolEvent::Kind::begin:
        call_ = {make_id("call_"), std::move(event.text), ""};
        break;
      case ToolEvent::Kind::arguments:
        call_.arguments += event.text;
        break;
      case ToolEvent::Kind::end:
        if (!one_call_ || given_ == 0) heard.calls.push_back(std::move(call_));
        ++given_;
        break;
    }
  }
  return heard;
}

}  // namespace freehold
