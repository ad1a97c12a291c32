// One answer: streams it from /v1/chat/completions into a turn, and keeps what is known of its speed.
import {call, eventsOf, refusal, Refused} from "./api";
import {Turn} from "./chats";
import {requestFields, settings} from "./settings";

export interface Live {
  phase: "waiting" | "reading" | "writing";
  read: number;  // tokens of the prompt
  prompt: number;
  tokens: number;
  rate: number;  // tokens/s, 0: not known yet
}

interface Chunk {
  choices?: {delta?: {content?: string | null; reasoning_content?: string | null}; finish_reason?: string | null}[];
  usage?: {prompt_tokens: number; completion_tokens: number; prompt_tokens_details?: {cached_tokens?: number};
           completion_tokens_details?: {reasoning_tokens?: number}} | null;
  prompt_progress?: {total: number; processed: number};
  freehold?: {energy?: {joules?: number; method?: string}; cost?: {amount?: string; currency?: string}};
  error?: unknown;
}

export async function generate(path: Turn[], turn: Turn, signal: AbortSignal, changed: (live: Live) => void,
                               ignored: (fields: string) => void): Promise<void> {
  const live: Live = {phase: "waiting", read: 0, prompt: 0, tokens: 0, rate: 0};
  const messages = path.map(t => ({role: t.role as string, content: t.text}));
  if (settings.system.trim()) messages.unshift({role: "system", content: settings.system.trim()});
  const asked = performance.now();
  let first = 0, last = 0, firstText = 0, breath = asked, finished = false;
  changed(live);
  try {
    const response = await call("POST", "/v1/chat/completions", {signal, json: {
      ...requestFields(), messages, stream: true, return_progress: true,
      stream_options: {include_usage: true, continuous_usage_stats: true},
    }});
    const names = response.headers.get("x-freehold-ignored");
    if (names) ignored(names);
    live.phase = "reading";
    changed(live);
    for await (const data of eventsOf(response)) {
      if (data === "[DONE]") {
        finished = true;
        break;
      }
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) throw refusal(data, 500);
      const delta = chunk.choices?.[0]?.delta, reason = chunk.choices?.[0]?.finish_reason, usage = chunk.usage;
      if (chunk.prompt_progress) live.read = chunk.prompt_progress.processed, live.prompt = chunk.prompt_progress.total;
      if (delta?.reasoning_content) turn.thinking = (turn.thinking ?? "") + delta.reasoning_content;
      if (delta?.content) {
        if (!firstText) firstText = performance.now();
        turn.text += delta.content;
      }
      if (turn.thinking && first) turn.thought = ((firstText || performance.now()) - first) / 1000;
      if (usage && usage.completion_tokens > live.tokens) {
        last = performance.now();
        if (!first) first = last;
        live.phase = "writing";
        live.tokens = usage.completion_tokens;
        const seconds = (last - first) / 1000;
        if (live.tokens > 1 && seconds > 0.2) live.rate = (live.tokens - 1) / seconds;
      }
      if (usage)
        turn.facts = {
          tokens: usage.completion_tokens, prompt: usage.prompt_tokens, seconds: (last - first) / 1000,
          first: first ? (first - asked) / 1000 : 0, cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
          thinking: usage.completion_tokens_details?.reasoning_tokens ?? 0,
        };
      const receipt = chunk.freehold;
      if (receipt && turn.facts) {
        if (typeof receipt.energy?.joules === "number" && receipt.energy.method !== "none")
          turn.facts.joules = receipt.energy.joules;
        if (receipt.cost?.amount && receipt.cost.currency)
          turn.facts.cost = `${receipt.cost.amount} ${receipt.cost.currency}`;
      }
      if (reason === "length") turn.end = "cut";
      changed(live);
      if (performance.now() - breath > 30) {  // a fast model must not keep the page from hearing its user
        await new Promise(done => setTimeout(done));
        breath = performance.now();
      }
    }
    if (!finished) throw new Refused(0, "broken", "The connection broke before the answer was complete.");
  } catch (error) {
    if (signal.aborted) {
      turn.end = "stopped";
    } else {
      turn.end = "failed";
      turn.fault = error instanceof Refused ? error.message : `The answer could not be read: ${String(error)}`;
    }
  }
}
