#include "text/prompt_format.h"

#include "base/check.h"

namespace freehold {
namespace {

// Templates of our own, in the words that the models' cards and published templates use.
constexpr std::string_view v2_template = R"({{ bos_token }}
{%- for message in messages %}
  {%- if message.role == 'user' %}{{ 'User: ' + message.content + '\n\n' }}
  {%- elif message.role == 'assistant' %}{{ 'Assistant: ' + message.content + eos_token }}
  {%- else %}{{ message.content + '\n\n' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ 'Assistant:' }}{% endif %})";

// V2.5, V3 and R1. A call's arguments are JSON text; results stand between outputs marks, then the answer goes on.
constexpr std::string_view v3_template = R"({{ bos_token }}
{%- for message in messages if message.role == 'system' %}{{ '\n\n' if not loop.first }}{{ message.content }}{% endfor %}
{%- set ns = namespace(results=false) %}
{%- for message in messages %}
  {%- if message.role != 'tool' and ns.results %}{{ '<｜tool▁outputs▁end｜>' }}{% endif %}
  {%- if message.role == 'user' %}{{ '<｜User｜>' + message.content }}
  {%- elif message.role == 'assistant' %}
    {%- if not ns.results %}{{ '<｜Assistant｜>' }}{% endif %}
    {%- if message.content %}{{ message.content.split('</think>')[-1] }}{% endif %}
    {%- for call in message.tool_calls or [] %}
      {{- '<｜tool▁calls▁begin｜>' if loop.first else '\n' }}
      {{- '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.function.name + '\n```json\n' }}
      {{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}
      {{- '\n```<｜tool▁call▁end｜>' }}{{ '<｜tool▁calls▁end｜>' if loop.last }}
    {%- endfor %}
    {{- '<｜end▁of▁sentence｜>' }}
  {%- elif message.role == 'tool' %}
    {{- '\n' if ns.results else '<｜tool▁outputs▁begin｜>' }}
    {{- '<｜tool▁output▁begin｜>' + message.content + '<｜tool▁output▁end｜>' }}
  {%- endif %}
  {%- set ns.results = message.role == 'tool' %}
{%- endfor %}
{%- if ns.results %}{{ '<｜tool▁outputs▁end｜>' }}
{%- elif add_generation_prompt %}{{ '<｜Assistant｜>' }}@THINK@
{%- endif %})";

constexpr std::string_view v31_template = R"({{ bos_token }}
{%- for message in messages if message.role == 'system' %}{{ '\n\n' if not loop.first }}{{ message.content }}{% endfor %}
{%- if tools %}{{ '\n\n## Tools\nYou have access to the following tools:\n\n' }}
  {%- for tool in tools %}
    {{- '### ' + tool.function.name + '\nDescription: ' + (tool.function.description or '') }}
    {{- '\n\nParameters: ' + tool.function.parameters | default({}) | tojson + '\n\n' }}
  {%- endfor %}
  {{- 'IMPORTANT: ALWAYS adhere to this exact format for tool use:\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>tool_call_arguments<｜tool▁call▁end｜>{additional_tool_calls}<｜tool▁calls▁end｜>\n\nWhere:\n- `tool_call_name` must be an exact match to one of the available tools\n- `tool_call_arguments` must be valid JSON that strictly follows the tool\'s Parameters Schema\n- For multiple tool calls, chain them directly without separators or spaces' }}
{%- endif %}
{%- set ns = namespace(asked=false) %}
{%- for message in messages %}
  {%- if message.role == 'user' %}{{ '<｜User｜>' + message.content }}{% set ns.asked = true %}
  {%- elif message.role == 'assistant' %}
    {%- if ns.asked %}{{ '<｜Assistant｜></think>' }}{% endif %}
    {%- set ns.asked = false %}
    {%- if message.content %}{{ message.content.split('</think>', 1)[-1] }}{% endif %}
    {%- for call in message.tool_calls or [] %}
      {{- '<｜tool▁calls▁begin｜>' if loop.first }}
      {{- '<｜tool▁call▁begin｜>' + call.function.name + '<｜tool▁sep｜>' }}
      {{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}
      {{- '<｜tool▁call▁end｜>' }}{{ '<｜tool▁calls▁end｜>' if loop.last }}
    {%- endfor %}
    {{- '<｜end▁of▁sentence｜>' }}
  {%- elif message.role == 'tool' %}{{ '<｜tool▁output▁begin｜>' + message.content + '<｜tool▁output▁end｜>' }}
    {%- set ns.asked = false %}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt and ns.asked %}
  {{- '<｜Assistant｜>' }}{% if thinking is defined and thinking %}{{ '<think>' }}{% else %}{{ '</think>' }}{% endif %}
{%- endif %})";

PromptFormat of_our_own(std::string_view source, std::string_view name) {
  auto parsed = ChatTemplate::parse(source, name);
  CHECK(parsed);
  return PromptFormat(std::move(*parsed));
}

std::string v3_source(bool thinks) {
  std::string source(v3_template);
  constexpr std::string_view place = "@THINK@";
  return source.replace(source.find(place), place.size(), thinks ? "{{ '<think>\\n' }}" : "");
}

}  // namespace

PromptFormat::PromptFormat(ChatTemplate chat_template) : format_(std::move(chat_template)) {
  const std::string_view source = std::get<ChatTemplate>(format_).source();
  const auto has = [&](std::string_view part) { return source.find(part) != source.npos; };
  tools_ = tool_syntax_of(source);
  switches_thinking_ = has("enable_thinking") || has("thinking is defined") || has("not thinking");
  takes_effort_ = has("reasoning_effort");
}

PromptFormat::PromptFormat(DeepseekFormat format)
    : format_(format),
      tools_(format == DeepseekFormat::v32 ? ToolSyntax::deepseek_v32 : ToolSyntax::deepseek_v4),
      switches_thinking_(true),
      takes_effort_(format != DeepseekFormat::v32) {}

std::string_view PromptFormat::source() const {
  const auto* chat_template = std::get_if<ChatTemplate>(&format_);
  return chat_template ? chat_template->source() : std::string_view();
}

std::string_view PromptFormat::name() const {
  const auto* format = std::get_if<DeepseekFormat>(&format_);
  return format ? name_of(*format) : std::get<ChatTemplate>(format_).name();
}

Result<Prompt> PromptFormat::write(const Conversation& conversation, const RenderOptions& options) const {
  const auto* format = std::get_if<DeepseekFormat>(&format_);
  Prompt prompt;
  TRY_ASSIGN(prompt.pieces, format ? encode_deepseek(*format, conversation)
                                   : render_chat(std::get<ChatTemplate>(format_), conversation, options));
  prompt.thinking_open = ends_thinking(prompt.pieces);
  return prompt;
}

bool ends_thinking(const std::vector<Piece>& pieces) {
  if (pieces.empty() || pieces.back().author != Author::the_template) return false;
  const std::string_view text = pieces.back().text;
  const size_t last = text.find_last_not_of(" \t\r\n");
  return last != text.npos && text.substr(0, last + 1).ends_with("<think>");
}

std::optional<PromptFormat> deepseek_format(const ModelNames& model) {
  const std::string_view architecture = model.architecture;
  if (architecture == "deepseek_v32" || architecture == "deepseek32") return PromptFormat(DeepseekFormat::v32);
  if (architecture == "deepseek_v4" || architecture == "deepseek4")
    return PromptFormat(model.name.find("0731") != model.name.npos ? DeepseekFormat::v4_0731 : DeepseekFormat::v4);
  if (architecture != "deepseek_v2" && architecture != "deepseek_v3" && architecture != "deepseek2")
    return std::nullopt;
  if (!model.has_token("<｜User｜>")) return of_our_own(v2_template, "deepseek-v2");
  if (!model.has_token("<think>")) return of_our_own(v3_source(false), "deepseek-v3");
  if (model.has_token("<｜search▁begin｜>")) return of_our_own(v31_template, "deepseek-v3.1");
  return of_our_own(v3_source(true), "deepseek-r1");
}

}  // namespace freehold
