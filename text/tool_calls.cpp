#include "text/tool_calls.h"

#include "text/tool_machine.h"

namespace freehold {

std::string_view name_of(ToolSyntax syntax) {
  switch (syntax) {
    case ToolSyntax::none:
      return "none";
    case ToolSyntax::deepseek_v3:
      return "deepseek-v3";
    case ToolSyntax::deepseek_v31:
      return "deepseek-v3.1";
    case ToolSyntax::deepseek_v32:
      return "deepseek-v3.2";
    case ToolSyntax::deepseek_v4:
      return "deepseek-v4";
    case ToolSyntax::tagged_json:
      return "tagged-json";
    case ToolSyntax::bare_json:
      return "bare-json";
  }
  return "";
}

ToolSyntax tool_syntax_of(std::string_view source) {
  const auto has = [&](std::string_view part) { return source.find(part) != source.npos; };
  if (has("｜DSML｜")) return has("function_calls") ? ToolSyntax::deepseek_v32 : ToolSyntax::deepseek_v4;
  if (has("<｜tool▁call▁begin｜>")) return has("```") ? ToolSyntax::deepseek_v3 : ToolSyntax::deepseek_v31;
  if (has("<tool_call>")) return ToolSyntax::tagged_json;
  if (has("<|start_header_id|>") && has("\"parameters\"")) return ToolSyntax::bare_json;
  return ToolSyntax::none;
}

bool is_tool_mark(ToolSyntax syntax, std::string_view token) {
  switch (syntax) {
    case ToolSyntax::none:
      return false;
    case ToolSyntax::deepseek_v3:
    case ToolSyntax::deepseek_v31:
      return token.starts_with("<｜tool▁");
    case ToolSyntax::deepseek_v32:
    case ToolSyntax::deepseek_v4:
      return token.find("｜DSML｜") != token.npos;
    case ToolSyntax::tagged_json:
      return token == "<tool_call>" || token == "</tool_call>";
    case ToolSyntax::bare_json:
      return token == "<|python_tag|>";
  }
  return false;
}

namespace {

std::unique_ptr<ToolMachine> make_machine(ToolSyntax syntax, const ToolLimits& limits) {
  switch (syntax) {
    case ToolSyntax::none:
      return nullptr;
    case ToolSyntax::deepseek_v3:
      return make_deepseek_tools(true, limits);
    case ToolSyntax::deepseek_v31:
      return make_deepseek_tools(false, limits);
    case ToolSyntax::deepseek_v32:
      return make_dsml_tools("function_calls", limits);
    case ToolSyntax::deepseek_v4:
      return make_dsml_tools("tool_calls", limits);
    case ToolSyntax::tagged_json:
      return make_json_tools(false, limits);
    case ToolSyntax::bare_json:
      return make_json_tools(true, limits);
  }
  return nullptr;
}

}  // namespace

ToolCallParser::ToolCallParser(ToolSyntax syntax, const ToolLimits& limits) : machine_(make_machine(syntax, limits)) {}
ToolCallParser::ToolCallParser(ToolCallParser&&) noexcept = default;
ToolCallParser& ToolCallParser::operator=(ToolCallParser&&) noexcept = default;
ToolCallParser::~ToolCallParser() = default;

std::vector<ToolEvent> ToolCallParser::push(std::string_view text) {
  if (machine_) return machine_->push(text);
  if (text.empty()) return {};
  return {{ToolEvent::Kind::text, -1, std::string(text), ""}};
}

std::vector<ToolEvent> ToolCallParser::finish() { return machine_ ? machine_->finish() : std::vector<ToolEvent>(); }

}  // namespace freehold
