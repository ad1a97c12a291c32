// Fields of /v1/chat/completions: what a conversation is made of, tools, answers with a form, and what other engines'
// clients send besides.
#include <algorithm>

#include "apps/net/conformance/parts.h"

namespace freehold::conformance {

const char* const small_schema = R"({"type":"object","properties":{"name":{"type":"string","maxLength":6},
  "age":{"type":"integer","minimum":0,"maximum":99},"kind":{"type":"string","enum":["cat","dog"]}},
  "required":["name","age","kind"],"additionalProperties":false})";

bool fits_small_schema(const Json& v) {
  const std::string kind = text_in(v, "kind"), name = text_in(v, "name");
  const auto letters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return v.is_object() && v.size() == 3 && in(v, "name").is_string() && letters <= 6 && count_in(v, "age") >= 0 &&
         count_in(v, "age") <= 99 && (kind == "cat" || kind == "dog");
}

const char* const weather_tool =
    R"({"type":"function","function":{"name":"weather","description":"The weather in a city",
  "parameters":{"type":"object","properties":{"city":{"type":"string","enum":["Paris","Rome"]}},"required":["city"],
  "additionalProperties":false}}})";

bool fits_weather(const Json& v) {
  const std::string city = text_in(v, "city");
  return v.is_object() && v.size() == 1 && (city == "Paris" || city == "Rome");
}

const char* const long_instruction =
    "Answer as a pirate of the seven seas would do it, in rhymes, and greet the crew first.";

namespace {

std::string messages(const Json& list) { return member("messages", list); }
std::string tools_and(std::string_view more) {
  return std::string(R"({"max_tokens":120,"tools":[)") + weather_tool + "]" + std::string(more) + "}";
}

// Messages beside the question: taken, and more tokens than the question alone.
Outcome adds_tokens(Probe& p, const Json& after) {
  Json list = Json::array({{{"role", "user"}, {"content", p.question()}}});
  for (const Json& one : after) list.push_back(one);
  const Reply plain = p.chat(), more = p.chat(with("{}", messages(list)));
  if (auto no = refusal(more)) return *no;
  const int64_t tokens = more.count("usage/prompt_tokens") - plain.count("usage/prompt_tokens");
  if (tokens <= 0) return ignored_by(more, "the prompt is not longer for it");
  return honoured(fmt::format("{} more tokens in the prompt", tokens));
}

// A long text of this role against a short one: templates may have a text of their own where there is none.
Outcome role(Probe& p, const char* name) {
  const auto said_by = [&](const char* text) {
    return p.chat(with("{}", messages(Json::array({{{"role", name}, {"content", text}},
                                                   {{"role", "user"}, {"content", p.question()}}}))));
  };
  const Reply brief = said_by("Be brief."), reply = said_by(long_instruction);
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/prompt_tokens") - brief.count("usage/prompt_tokens");
  if (tokens <= 0) return ignored_by(reply, "a long one makes the prompt no longer than a short one");
  return honoured(fmt::format("a long one has {} tokens more than a short one", tokens));
}

Outcome tool_history(Probe& p) {
  const Json call = {
      {"id", "call_1"}, {"type", "function"}, {"function", {{"name", "weather"}, {"arguments", R"({"city":"Rome"})"}}}};
  return adds_tokens(p,
                     Json::array({{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", Json::array({call})}},
                                  {{"role", "tool"}, {"tool_call_id", "call_1"}, {"content", "Sunny, 24 degrees."}}}));
}

Outcome history_with_thinking(Probe& p) {
  Json list = Json::array({{{"role", "user"}, {"content", "Hi"}},
                           {{"role", "assistant"}, {"content", "Hello."}, {"reasoning_content", "A greeting."}},
                           {{"role", "user"}, {"content", p.question()}}});
  const Reply reply = p.chat(with("{}", messages(list)));
  if (auto no = refusal(reply)) return *no;
  return honoured("taken beside an earlier answer");
}

Outcome parts_of_text(Probe& p) {
  const Json part = {{"type", "text"}, {"text", p.question()}};
  const Reply reply = p.chat(with("{}", messages(Json::array({{{"role", "user"}, {"content", Json::array({part})}}}))));
  if (auto no = refusal(reply)) return *no;
  if (reply.said() != p.greedy()) return ignored("the same text as a part is answered differently");
  return honoured("answered as the same text without parts");
}

Outcome picture(Probe& p) {
  const Json picture = {{"type", "image_url"}, {"image_url", {{"url", "data:image/png;base64,iVBORw0KGgo="}}}};
  const Json text = {{"type", "text"}, {"text", p.question()}};
  const Reply reply =
      p.chat(with("{}", messages(Json::array({{{"role", "user"}, {"content", Json::array({text, picture})}}}))));
  if (auto no = refusal(reply)) return *no;
  if (reply.said() == p.greedy()) return ignored("answered as if no picture were there");
  return not_shown("a picture is taken; whether it is seen depends on the model");
}

// The first half of an answer, given as the beginning of it, goes on as it did.
Outcome prefix(Probe& p, bool marked) {
  auto answer = tokens_of(p, "{}");
  if (!answer) answer = tokens_of(p, letters("{}"));
  if (!answer || answer->scored.size() < 8) return not_shown("needs log probabilities, to know where tokens end");
  const size_t count = answer->scored.size();
  for (const size_t half : {count / 2, count / 2 + 1, count / 2 - 1}) {
    std::string begin;
    for (size_t i = 0; i < half; ++i) begin += answer->scored[i];
    Json last = {{"role", "assistant"}, {"content", begin}};
    if (marked) last["prefix"] = true;
    const std::string list = messages(Json::array({{{"role", "user"}, {"content", p.question()}}, last}));
    const Reply reply = p.chat(with(with(answer->members, member("max_tokens", count - half)), list));
    if (auto no = refusal(reply)) return *no;
    if (begin + reply.said() == answer->whole || reply.said() == answer->whole)
      return honoured("half of an answer goes on as it did");
  }
  return ignored("half of an answer does not go on as it did");
}

Outcome schema(Probe& p, std::string_view more) {
  for (int seed = 1; seed <= 3; ++seed) {
    const Reply reply = p.chat(with(fmt::format(R"({{"temperature":1,"max_tokens":200,"seed":{}}})", seed), more));
    if (auto no = refusal(reply)) return *no;
    const std::string text = reply.text("choices/0/message/content");
    if (!fits_small_schema(json_of(text))) return ignored_by(reply, "an answer does not fit: " + printable(text, 40));
  }
  return honoured("three answers at temperature 1 fit");
}

Outcome wrong_schema(Probe& p) {
  const Reply reply =
      p.chat(R"({"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"nonsense"}}}})");
  if (reply.http.status == 400 || reply.http.status == 422) return honoured("refused with " + reply.told());
  if (auto no = refusal(reply)) return *no;
  return ignored("a schema of type \"nonsense\" is taken");
}

Outcome json_object(Probe& p) {
  const Reply reply = p.chat(R"({"temperature":1,"max_tokens":200,"response_format":{"type":"json_object"}})");
  if (auto no = refusal(reply)) return *no;
  if (!json_of(reply.text("choices/0/message/content")).is_object())
    return ignored_by(reply, "the answer is no object: " + printable(reply.text("choices/0/message/content"), 40));
  return honoured("the answer is a JSON object");
}

Outcome one_of_two(Probe& p, std::string_view more) {
  const Reply reply = p.chat(with(R"({"temperature":1})", more));
  if (auto no = refusal(reply)) return *no;
  const std::string text = reply.text("choices/0/message/content");
  if (text != "yes" && text != "no") return ignored_by(reply, "neither yes nor no: " + printable(text, 40));
  return honoured("the answer is " + text);
}

Outcome tools(Probe& p) {
  const Reply plain = p.chat(), reply = p.chat(tools_and(""));
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/prompt_tokens") - plain.count("usage/prompt_tokens");
  if (tokens <= 0) return ignored_by(reply, "the prompt is not longer for them");
  return honoured(fmt::format("{} more tokens in the prompt", tokens));
}

Outcome call_fault(const Json& call) {
  if (text_in(call, "id").empty() || text_in(call, "type") != "function")
    return wrong("a call without id, or type function");
  if (text_in(call, "function/name") != "weather") return wrong("a call of another function");
  if (!in(call, "function/arguments").is_string()) return wrong("arguments are no string");
  if (!fits_weather(json_of(text_in(call, "function/arguments"))))
    return wrong("arguments do not fit: " + printable(text_in(call, "function/arguments"), 40));
  return honoured("");
}

Outcome tool_choice(Probe& p, std::string_view choice) {
  const Reply reply = p.chat(tools_and(",\"tool_choice\":" + std::string(choice)));
  if (auto no = refusal(reply)) return *no;
  const Json& calls = reply.at("choices/0/message/tool_calls");
  if (!calls.is_array() || calls.empty()) return ignored_by(reply, "no call came");
  if (const Outcome fault = call_fault(calls[0]); fault.verdict != Verdict::honoured) return fault;
  const std::string finish = reply.text("choices/0/finish_reason");
  if (finish != "tool_calls" && finish != "stop") return wrong("finish_reason is " + printable(finish, 30));
  return honoured(
      fmt::format("weather({}), finish_reason {}", printable(text_in(calls[0], "function/arguments"), 40), finish));
}

Outcome no_tools(Probe& p) {
  const Reply reply = p.chat(tools_and(R"(,"tool_choice":"none")"));
  if (auto no = refusal(reply)) return *no;
  if (!reply.at("choices/0/message/tool_calls").empty()) return ignored("a call came");
  return honoured("no call came");
}

Outcome one_call(Probe& p) {
  const Reply reply = p.chat(tools_and(R"(,"tool_choice":"required","parallel_tool_calls":false)"));
  if (auto no = refusal(reply)) return *no;
  const size_t calls = reply.at("choices/0/message/tool_calls").size();
  if (calls > 1) return ignored(fmt::format("{} calls came", calls));
  return calls == 1 ? honoured("one call came") : not_shown("no call came");
}

Outcome streamed_call(Probe& p) {
  const Stream all = p.chat_stream(tools_and(R"(,"tool_choice":"required")"));
  if (all.reply.http.status != 200) return *refusal(all.reply);
  if (!all.fault.empty()) return wrong(all.fault);
  Json call = {{"id", ""}, {"type", ""}, {"function", {{"name", ""}, {"arguments", ""}}}};
  int begun = 0;
  for (const Json& chunk : all.chunks) {
    const Json& part = in(chunk, "choices/0/delta/tool_calls/0");
    if (count_in(part, "index") != 0) continue;
    begun += !text_in(part, "id").empty();
    for (const char* name : {"id", "type"})
      if (const std::string value = text_in(part, name); !value.empty()) call[name] = value;
    if (const std::string name = text_in(part, "function/name"); !name.empty()) call["function"]["name"] = name;
    call["function"]["arguments"] = text_in(call, "function/arguments") + text_in(part, "function/arguments");
  }
  if (begun == 0) return ignored("no call came");
  if (begun > 1) return wrong("its id stands in more than one chunk");
  if (const Outcome fault = call_fault(call); fault.verdict != Verdict::honoured) return fault;
  return honoured("the pieces join to weather(" + printable(text_in(call, "function/arguments"), 40) + ")");
}

Outcome makes_difference(Probe& p, std::string_view one, std::string_view other) {
  const Reply a = p.chat(with("{}", one)), b = p.chat(with("{}", other));
  if (auto no = refusal(a)) return *no;
  if (auto no = refusal(b)) return *no;
  if (a.count("usage/prompt_tokens") == b.count("usage/prompt_tokens") && a.said() == b.said())
    return ignored_by(a, "neither prompt nor answer changes, with this model");
  return honoured("prompt or answer changes");
}

Outcome effort(Probe& p) {
  const Reply unknown = p.chat(R"({"reasoning_effort":"enormous"})");
  if (unknown.ok()) return ignored_by(unknown, "an effort \"enormous\" is taken");
  return makes_difference(p, R"("reasoning_effort":"low")", R"("reasoning_effort":"high")");
}

Outcome budget(Probe& p, const char* name) {
  const Reply reply = p.chat(
      with(R"({"max_tokens":200,"chat_template_kwargs":{"enable_thinking":true}})", fmt::format(R"("{}":8)", name)));
  if (auto no = refusal(reply)) return *no;
  const int64_t thought = reply.count("usage/completion_tokens_details/reasoning_tokens");
  if (thought > 12) return ignored_by(reply, fmt::format("8 tokens of thinking allowed, {} came", thought));
  return thought > 0 ? honoured(fmt::format("{} tokens of thinking", thought)) : not_shown("this model does not think");
}

Outcome progress(Probe& p) {
  const Stream all = p.chat_stream(R"({"return_progress":true})");
  if (all.reply.http.status != 200) return *refusal(all.reply);
  for (const Json& chunk : all.chunks)
    if (count_in(chunk, "prompt_progress/total") > 0) return honoured("events tell how much of the prompt is done");
  return ignored_by(all.reply, "no event tells of it");
}

Outcome timings(Probe& p) {
  const Stream all = p.chat_stream(R"({"timings_per_token":true})");
  if (all.reply.http.status != 200) return *refusal(all.reply);
  for (const Json& chunk : all.chunks)
    if (in(chunk, "timings").is_object()) return honoured("events have timings");
  return ignored_by(all.reply, "no event has timings");
}

Outcome unknown_field(Probe& p) {
  const Reply reply = p.chat(R"({"x_conformance_unknown":1})");
  if (reply.http.status == 400 || reply.http.status == 422) return {Verdict::refused, "strict: " + reply.told()};
  if (auto no = refusal(reply)) return *no;
  if (reply.http.header("x-freehold-ignored").find("x_conformance_unknown") != std::string::npos)
    return honoured("lenient: named in x-freehold-ignored");
  return ignored("taken in silence");
}

Outcome only_taken(Probe& p, std::string_view more) {
  const Reply reply = p.chat(with("{}", more));
  if (auto no = refusal(reply)) return *no;
  if (!reply.http.header("x-freehold-ignored").empty()) return ignored_by(reply, "changes nothing");
  return not_shown("taken; what it does cannot be seen from here");
}

constexpr const char* format_with =
    R"("response_format":{"type":"json_schema","json_schema":{"name":"pet","strict":true,"schema":)";

constexpr Check checks[] = {
    {"model", Level::must, [](Probe& p) { return taken(p, member("model", p.model())); }},
    {"messages: system", Level::must, [](Probe& p) { return role(p, "system"); }},
    {"messages: developer", Level::must, [](Probe& p) { return role(p, "developer"); }},
    {"messages: tool calls and results", Level::honest, tool_history},
    {"messages: parts of text", Level::must, parts_of_text},
    {"messages: pictures", Level::honest, picture},
    {"messages: an answer begun (last role)", Level::should, [](Probe& p) { return prefix(p, false); }},
    {"messages: prefix", Level::should, [](Probe& p) { return prefix(p, true); }},
    {"messages: reasoning_content", Level::should, history_with_thinking},
    {"response_format: text", Level::must, [](Probe& p) { return taken(p, R"("response_format":{"type":"text"})"); }},
    {"response_format: json_object", Level::honest, json_object},
    {"response_format: json_schema", Level::honest,
     [](Probe& p) { return schema(p, std::string(format_with) + small_schema + "}}"); }},
    {"response_format: a schema that is none", Level::honest, wrong_schema},
    {"tools", Level::honest, tools},
    {"tool_choice: required", Level::honest, [](Probe& p) { return tool_choice(p, R"("required")"); }},
    {"tool_choice: a function", Level::honest,
     [](Probe& p) { return tool_choice(p, R"({"type":"function","function":{"name":"weather"}})"); }},
    {"tool_choice: none", Level::honest, no_tools},
    {"parallel_tool_calls", Level::honest, one_call},
    {"tools, streamed", Level::honest, streamed_call},
    {"reasoning_effort", Level::should, effort},
    {"thinking", Level::should,
     [](Probe& p) {
       return makes_difference(p, R"("thinking":{"type":"enabled"})", R"("thinking":{"type":"disabled"})");
     }},
    {"chat_template_kwargs", Level::should,
     [](Probe& p) {
       return makes_difference(p, R"("chat_template_kwargs":{"enable_thinking":true,"thinking":true})",
                               R"("chat_template_kwargs":{"enable_thinking":false,"thinking":false})");
     }},
    {"thinking_token_budget", Level::should, [](Probe& p) { return budget(p, "thinking_token_budget"); }},
    {"reasoning_budget", Level::should, [](Probe& p) { return budget(p, "reasoning_budget"); }},
    {"user", Level::must, [](Probe& p) { return taken(p, R"("user":"conformance")"); }},
    {"metadata", Level::must, [](Probe& p) { return taken(p, R"("metadata":{"run":"conformance"})"); }},
    {"store", Level::must, [](Probe& p) { return taken(p, R"("store":false)"); }},
    {"service_tier", Level::must, [](Probe& p) { return taken(p, R"("service_tier":"auto")"); }},
    {"prompt_cache_key", Level::must, [](Probe& p) { return taken(p, R"("prompt_cache_key":"conformance")"); }},
    {"safety_identifier", Level::must, [](Probe& p) { return taken(p, R"("safety_identifier":"conformance")"); }},
    {"cache_prompt", Level::should, [](Probe& p) { return taken(p, R"("cache_prompt":true)"); }},
    {"grammar", Level::should, [](Probe& p) { return one_of_two(p, R"("grammar":"root ::= \"yes\" | \"no\"")"); }},
    {"json_schema", Level::should, [](Probe& p) { return schema(p, std::string("\"json_schema\":") + small_schema); }},
    {"guided_json", Level::should, [](Probe& p) { return schema(p, std::string("\"guided_json\":") + small_schema); }},
    {"guided_regex", Level::should, [](Probe& p) { return one_of_two(p, R"("guided_regex":"yes|no")"); }},
    {"guided_choice", Level::should, [](Probe& p) { return one_of_two(p, R"("guided_choice":["yes","no"])"); }},
    {"structured_outputs.choice", Level::should,
     [](Probe& p) { return one_of_two(p, R"("structured_outputs":{"choice":["yes","no"]})"); }},
    {"structured_outputs.regex", Level::should,
     [](Probe& p) { return one_of_two(p, R"("structured_outputs":{"regex":"yes|no"})"); }},
    {"structured_outputs.json", Level::should,
     [](Probe& p) { return schema(p, std::string(R"("structured_outputs":{"json":)") + small_schema + "}"); }},
    {"return_progress", Level::should, progress},
    {"timings_per_token", Level::should, timings},
    {"id_slot", Level::should, [](Probe& p) { return only_taken(p, R"("id_slot":0)"); }},
    {"lora", Level::honest, [](Probe& p) { return only_taken(p, R"("lora":[{"id":0,"scale":0.5}])"); }},
    {"steering", Level::honest, [](Probe& p) { return only_taken(p, R"("steering":[{"name":"none","scale":0.5}])"); }},
    {"samplers", Level::should,
     [](Probe& p) { return changes(p, R"({"temperature":2,"top_k":1})", R"("samplers":["temperature"])"); }},
    {"mirostat", Level::should,
     [](Probe& p) { return changes(p, R"({"temperature":2})", R"("mirostat":2,"mirostat_tau":0.1)"); }},
    {"dry_multiplier", Level::should,
     [](Probe& p) {
       return changes(
           p, R"({"max_tokens":40,"messages":[{"role":"user","content":"Repeat the word apple twenty times."}]})",
           R"("dry_multiplier":5,"dry_allowed_length":1)");
     }},
    {"xtc_probability", Level::should,
     [](Probe& p) { return changes(p, R"({"temperature":1})", R"("xtc_probability":1,"xtc_threshold":0.01)"); }},
    {"a field nobody knows", Level::should, unknown_field},
};

}  // namespace

const std::span<const Check> message_checks = checks;

}  // namespace freehold::conformance
