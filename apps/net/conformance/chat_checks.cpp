// Fields of /v1/chat/completions: how tokens are chosen, how many, and in which shape they come.
#include <algorithm>
#include <cmath>
#include <set>

#include "apps/net/conformance/parts.h"

namespace freehold::conformance {

std::string with(std::string_view members, std::string_view more) {
  std::string out(members.substr(0, members.size() - 1));
  if (out.size() > 1) out += ',';
  return out.append(more) + '}';
}

std::string member(std::string_view name, const Json& value) {
  return fmt::format("\"{}\":{}", name, value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Outcome ignored_by(const Reply& reply, std::string evidence) {
  const std::string named = reply.http.header("x-freehold-ignored");
  return ignored(evidence + (named.empty() ? "" : "; named in x-freehold-ignored"));
}

Outcome taken(Probe& p, std::string_view more) {
  const Reply reply = p.chat(with("{}", more));
  if (auto no = refusal(reply)) return *no;
  if (reply.said() != p.greedy()) return wrong("taken, but what is said changes");
  return honoured("taken, and changes nothing, as it should");
}

Outcome narrows(Probe& p, std::string_view more) {
  for (int seed = 1; seed <= 3; ++seed) {
    const Reply reply = p.chat(with(fmt::format(R"({{"temperature":2,"seed":{}}})", seed), more));
    if (auto no = refusal(reply)) return *no;
    if (reply.said() != p.greedy()) return ignored_by(reply, "temperature 2 says other things than temperature 0");
  }
  if (!p.random()) return not_shown("with this model temperature 2 says what temperature 0 says anyway");
  return honoured("three seeds at temperature 2 say what temperature 0 says");
}

Outcome changes(Probe& p, std::string_view members, std::string_view more) {
  const Reply plain = p.chat(members), changed = p.chat(with(members, more));
  if (auto no = refusal(changed)) return *no;
  if (plain.said() == changed.said()) return ignored_by(changed, "what is said stays the same");
  return honoured("what is said changes");
}

std::string letters(std::string_view members) {
  Json bias = Json::object();
  for (int token = 64; token <= 90; ++token) bias[std::to_string(token)] = 60;
  return with(members, member("logit_bias", bias));
}

std::optional<Tokens> tokens_of(Probe& p, const std::string& members) {
  Tokens answer{members, p.scored(members), {}};
  for (const std::string& token : answer.scored) answer.whole += token;
  if (answer.whole.empty() || answer.whole.find("\xef\xbf\xbd") != std::string::npos ||
      answer.whole != p.chat(members).text("choices/0/message/content"))
    return std::nullopt;
  return answer;
}

std::optional<Straddling> straddling(Probe& p) {
  const auto plain = [](const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  };
  for (int seed = 0; seed <= 6; ++seed) {
    const std::string members =
        fmt::format(R"({{"temperature":{},"seed":{},"max_tokens":48}})", seed > 0 ? 1 : 0, seed);
    const auto answer = tokens_of(p, seed > 3 ? letters(members) : members);
    if (!answer) continue;
    size_t at = 0;
    for (size_t i = 0; i + 1 < answer->scored.size(); ++i) {
      const std::string &one = answer->scored[i], &next = answer->scored[i + 1];
      at += one.size();
      if (i < 2 || one.empty() || next.empty()) continue;
      const std::string stop{one.back(), next.front()};
      if (plain(stop) && answer->whole.find(stop) == at - 1)
        return Straddling{answer->members, stop, answer->whole.substr(0, at - 1), answer->whole,
                          printable(one) + "|" + printable(next)};
    }
  }
  return std::nullopt;
}

namespace {

Outcome max_tokens(Probe& p) {
  const Reply reply = p.chat(R"({"max_tokens":5})");
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/completion_tokens");
  if (tokens > 5) return ignored(fmt::format("5 asked for, {} came", tokens));
  if (tokens > 0 && tokens < 5 && reply.text("choices/0/finish_reason") != "length")
    return not_shown("the answers of this model end earlier");
  if (tokens != 5 || reply.text("choices/0/finish_reason") != "length")
    return wrong(fmt::format("5 asked for: {} tokens, finish_reason {}", tokens,
                             printable(reply.text("choices/0/finish_reason"), 30)));
  return honoured("5 tokens, finish_reason length");
}

Outcome max_completion_tokens(Probe& p) {
  const Reply reply = p.chat(R"({"max_tokens":9,"max_completion_tokens":4})");
  if (auto no = refusal(reply)) return *no;
  const int64_t tokens = reply.count("usage/completion_tokens");
  if (tokens != 4) return ignored_by(reply, fmt::format("4 asked for beside max_tokens 9, {} came", tokens));
  return honoured("4 tokens beside max_tokens 9");
}

Outcome temperature(Probe& p) {
  const Reply other = p.chat(R"({"seed":12})");
  if (auto no = refusal(other)) return *no;
  if (other.said() != p.greedy()) return ignored("two seeds say different things at temperature 0");
  if (!p.random()) return ignored("three seeds say the same at temperature 2 as each other");
  return honoured("0: two seeds say the same; 2: three seeds do not");
}

Outcome seed(Probe& p) {
  const Reply one = p.chat(R"({"temperature":1.5,"seed":5,"max_tokens":24})");
  if (auto no = refusal(one)) return *no;
  for (int i = 0; i < 2; ++i)
    if (p.chat(R"({"temperature":1.5,"seed":5,"max_tokens":24})").said() != one.said())
      return ignored_by(one, "the same seed says different things");
  if (!p.random()) return not_shown("with this model different seeds say the same");
  return honoured("three times the same answer; other seeds say other things");
}

// Each answer of its own seed, alone and among others.
Outcome seed_in_company(Probe& p) {
  const std::string members = R"({"temperature":1.5,"seed":5,"max_tokens":24})";
  const Reply alone = p.chat(members);
  if (auto no = refusal(alone)) return *no;
  Reply among;
  for (int i = 0; i < 5; ++i) {
    const Json body =
        p.chat_body(i == 2 ? members : fmt::format(R"({{"temperature":1.5,"seed":{},"max_tokens":24}})", 90 + i));
    p.client().begin({.path = Probe::chat_path, .body = body.dump()}, {}, [&among, i](HttpReply reply) {
      if (i == 2) among.json = json_of(reply.body), among.http = std::move(reply);
    });
  }
  while (p.client().under_way() > 0 && !p.client().cancelled()) p.client().wait(200);
  if (auto no = refusal(among)) return *no;
  if (among.said() != alone.said()) return ignored("beside four others the same seed says different things");
  return honoured("the same answer alone and beside four others");
}

Outcome several(Probe& p) {
  const Reply one = p.chat(R"({"temperature":1.5})"), four = p.chat(R"({"temperature":1.5,"n":4})");
  if (auto no = refusal(four)) return *no;
  const Json& choices = four.at("choices");
  if (!choices.is_array() || choices.size() != 4)
    return ignored_by(four, fmt::format("4 asked for, {} came", choices.is_array() ? choices.size() : 0));
  std::set<int64_t> indices;
  std::set<std::string> texts;
  for (int i = 0; i < 4; ++i)
    indices.insert(four.count(fmt::format("choices/{}/index", i))), texts.insert(four.said(i));
  if (indices != std::set<int64_t>{0, 1, 2, 3}) return wrong("the indices of four choices are not 0 to 3");
  if (four.count("usage/prompt_tokens") != one.count("usage/prompt_tokens"))
    return wrong("usage counts the prompt more than once");
  if (texts.size() == 1 && p.random()) return wrong("all four say the same");
  return honoured("four choices, 0 to 3; the prompt is counted once");
}

Outcome stop_as(Probe& p, bool list) {
  const auto found = straddling(p);
  std::string members, stop, expected, whole;
  if (found) {
    members = found->members, stop = found->stop, expected = found->before, whole = found->whole;
  } else {  // without log probabilities: any three letters from the middle
    members = R"({"max_tokens":48})", whole = p.chat(members).text("choices/0/message/content");
    for (size_t i = whole.size() / 3; i + 3 < whole.size() && stop.empty(); ++i)
      if (std::all_of(whole.begin() + static_cast<long>(i), whole.begin() + static_cast<long>(i + 3),
                      [](char c) { return c > ' ' && c < 0x7f; }))
        stop = whole.substr(i, 3), expected = whole.substr(0, whole.find(stop));
  }
  if (stop.empty()) return not_shown("no answer of this model has a text to stop at");
  const Json value = list ? Json::array({"never to be found", stop}) : Json(stop);
  const Reply reply = p.chat(with(members, member("stop", value)));
  if (auto no = refusal(reply)) return *no;
  const std::string text = reply.text("choices/0/message/content");
  if (text == whole) return ignored_by(reply, "the answer goes on behind it");
  if (text != expected) return wrong("the answer does not end before it");
  if (reply.text("choices/0/finish_reason") != "stop") return wrong("finish_reason is not stop");
  return honoured(fmt::format("ends before \"{}\", finish_reason stop", printable(stop)));
}

Outcome stream(Probe& p) {
  const Stream all = p.chat_stream();
  if (all.reply.http.status != 200) return *refusal(all.reply);
  if (!all.reply.http.header("content-type").starts_with("text/event-stream") || all.chunks.empty())
    return ignored("the answer is no text/event-stream");
  if (!all.fault.empty()) return wrong(all.fault);
  if (!all.done) return wrong("no [DONE] at the end");
  int roles = 0, finishes = 0;
  std::set<std::string> ids;
  for (const Json& chunk : all.chunks) {
    ids.insert(text_in(chunk, "id"));
    roles += !text_in(chunk, "choices/0/delta/role").empty();
    finishes += !text_in(chunk, "choices/0/finish_reason").empty();
    if (text_in(chunk, "object") != "chat.completion.chunk") return wrong("an event that is no chat.completion.chunk");
  }
  if (ids.size() != 1 || ids.contains("")) return wrong("the chunks have more than one id, or none");
  if (finishes != 1) return wrong(fmt::format("{} chunks with a finish_reason", finishes));
  if (roles > 1) return wrong(fmt::format("the role stands in {} chunks", roles));
  if (all.texts < 2) return wrong("the text comes in one piece");
  return honoured(fmt::format("{} chunks of one id, one finish_reason, [DONE]", all.chunks.size()));
}

Outcome include_usage(Probe& p) {
  const Stream all = p.chat_stream(R"({"stream_options":{"include_usage":true}})");
  if (auto no = refusal(all.reply); no && all.reply.http.status != 200) return *no;
  if (all.chunks.empty() || count_in(all.chunks.back(), "usage/completion_tokens") < 0)
    return ignored_by(all.reply, "the last event has no usage");
  if (!in(all.chunks.back(), "choices").empty()) return wrong("the event with usage has choices");
  for (size_t i = 0; i + 1 < all.chunks.size(); ++i)
    if (!in(all.chunks[i], "usage").is_null()) return wrong("usage stands in earlier events as well");
  return honoured(
      fmt::format("one more event: no choices, {} tokens", count_in(all.chunks.back(), "usage/completion_tokens")));
}

Outcome continuous_usage(Probe& p) {
  const Stream all = p.chat_stream(R"({"stream_options":{"include_usage":true,"continuous_usage_stats":true}})");
  if (auto no = refusal(all.reply); no && all.reply.http.status != 200) return *no;
  if (all.chunks.empty()) return ignored("there are no events");
  for (const Json& chunk : all.chunks)
    if (count_in(chunk, "usage/prompt_tokens") < 0) return ignored_by(all.reply, "not every event has usage");
  return honoured("every event has usage");
}

Outcome penalty(Probe& p, const char* more) {
  static constexpr const char* questions[] = {"Repeat the word apple twenty times.",
                                              "Write ten lines that all begin in the same way.", "la la la la la la"};
  for (const char* question : questions) {
    const std::string members =
        with(R"({"max_tokens":40})", member("messages", Json::array({{{"role", "user"}, {"content", question}}})));
    const Reply plain = p.chat(members), changed = p.chat(with(members, more));
    if (auto no = refusal(changed)) return *no;
    if (plain.said() != changed.said()) return honoured("what is said where words repeat changes");
  }
  return ignored("three answers of 40 tokens stay the same");
}

Outcome logit_bias(Probe& p) {
  for (const int token : {66, 40, 90}) {
    const Reply reply = p.chat(fmt::format(R"({{"logit_bias":{{"{}":100}},"max_tokens":4}})", token));
    if (auto no = refusal(reply)) return *no;
    const std::string said = reply.said(), part = said.substr(0, said.size() / 4);
    if (!part.empty() && part + part + part + part == said && said != p.chat(R"({"max_tokens":4})").said())
      return honoured(fmt::format("100 on token {} says \"{}\" four times", token, printable(part, 20)));
  }
  return ignored("100 on a token does not make it the answer");
}

Outcome logprobs(Probe& p) {
  const Reply reply = p.chat(R"({"logprobs":true})");
  if (auto no = refusal(reply)) return *no;
  const Json& content = reply.at("choices/0/logprobs/content");
  if (!content.is_array() || content.empty()) return ignored_by(reply, "there is no logprobs.content");
  std::string bytes;
  for (const Json& token : content) {
    if (!in(token, "logprob").is_number() || in(token, "logprob").get<double>() > 1e-6)
      return wrong("a token without a log probability of 0 or less");
    if (in(token, "bytes").is_array())
      for (const Json& byte : in(token, "bytes"))
        bytes += byte.is_number_integer() ? static_cast<char>(byte.get<int>()) : '?';
  }
  const std::string text = reply.text("choices/0/message/content");
  if (text.find("\xef\xbf\xbd") == std::string::npos && bytes != text)
    return wrong("the bytes of the tokens are not those of the answer");
  return honoured(fmt::format("{} tokens, whose bytes are the answer", content.size()));
}

Outcome top_logprobs(Probe& p) {
  const Reply reply = p.chat(R"({"logprobs":true,"top_logprobs":3,"temperature":1})");
  if (auto no = refusal(reply)) return *no;
  const Json& content = reply.at("choices/0/logprobs/content");
  if (!content.is_array() || content.empty()) return ignored_by(reply, "there is no logprobs.content");
  double most = 0;
  for (const Json& token : content) {
    const Json& top = in(token, "top_logprobs");
    if (!top.is_array() || top.empty()) return ignored_by(reply, "there are no top_logprobs");
    if (top.size() != 3) return wrong(fmt::format("3 asked for, {} came", top.size()));
    double sum = 0, last = 1;
    for (const Json& one : top) {
      const double value = in(one, "logprob").is_number() ? in(one, "logprob").get<double>() : 2;
      if (value > last + 1e-6) return wrong("they are not in order");
      if (text_in(one, "token") == text_in(token, "token") && in(one, "bytes") == in(token, "bytes") &&
          std::abs(value - in(token, "logprob").get<double>()) > 1e-3)
        return wrong("the chosen token has another number there");
      sum += std::exp(value), last = value;
    }
    if (sum > 1.001) return wrong(fmt::format("probabilities of one place sum up to {:.3f}", sum));
    most = std::max(most, sum);
  }
  return honoured(fmt::format("3 each, in order; their probabilities sum up to {:.3f} at most", most));
}

constexpr Check checks[] = {
    {"max_tokens", Level::must, max_tokens},
    {"max_completion_tokens", Level::must, max_completion_tokens},
    {"temperature", Level::must, temperature},
    {"top_p", Level::must, [](Probe& p) { return narrows(p, R"("top_p":0.000001)"); }},
    {"top_k", Level::should, [](Probe& p) { return narrows(p, R"("top_k":1)"); }},
    {"min_p", Level::should, [](Probe& p) { return narrows(p, R"("min_p":1)"); }},
    {"typical_p", Level::should, [](Probe& p) { return changes(p, R"({"temperature":2})", R"("typical_p":0.05)"); }},
    {"seed", Level::honest, seed},
    {"seed, in company", Level::honest, seed_in_company},
    {"n", Level::honest, several},
    {"stop, a text", Level::must, [](Probe& p) { return stop_as(p, false); }},
    {"stop, a list", Level::must, [](Probe& p) { return stop_as(p, true); }},
    {"stream", Level::must, stream},
    {"stream_options.include_usage", Level::must, include_usage},
    {"stream_options.continuous_usage_stats", Level::should, continuous_usage},
    {"frequency_penalty", Level::must, [](Probe& p) { return penalty(p, R"("frequency_penalty":2)"); }},
    {"presence_penalty", Level::must, [](Probe& p) { return penalty(p, R"("presence_penalty":2)"); }},
    {"repetition_penalty", Level::should, [](Probe& p) { return penalty(p, R"("repetition_penalty":2)"); }},
    {"logit_bias", Level::honest, logit_bias},
    {"logprobs", Level::honest, logprobs},
    {"top_logprobs", Level::honest, top_logprobs},
};

}  // namespace

const std::span<const Check> chat_checks = checks;

}  // namespace freehold::conformance
