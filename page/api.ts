// What the page says to its server, the one it came from. Errors of the API become `Refused`.
import {el, openDialog} from "./dom";

export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) { super(message); }
}

// A key, where the server wants one, lives as long as the tab.
let key = sessionStorage.getItem("key") ?? "";

function askForKey(): Promise<boolean> {
  return new Promise(done => {
    const field = el("input", {type: "password", id: "key", autocomplete: "off", required: true});
    const form = el("form", {class: "dialog-body", onsubmit: (event: Event) => {
      event.preventDefault();
      sessionStorage.setItem("key", key = field.value.trim());
      done(true);
      dialog.close();
    }}, el("p", {}, "This server answers only to those who have a key. It is kept until this tab is closed."),
        el("label", {for: "key"}, "Key"), field,
        el("div", {class: "buttons"}, el("button", {class: "button primary"}, "Use it")));
    const dialog = openDialog("A key is needed", form);
    dialog.addEventListener("close", () => done(false));
  });
}
let asking: Promise<boolean> | undefined;

export interface Sending {
  json?: unknown;
  bytes?: Blob;
  signal?: AbortSignal;
  quiet?: boolean;  // never asks for a key
}

export async function call(method: string, path: string, sending: Sending = {}): Promise<Response> {
  const headers: Record<string, string> = {};
  if (key) headers["Authorization"] = `Bearer ${key}`;
  if (sending.json !== undefined) headers["Content-Type"] = "application/json";
  if (sending.bytes) headers["Content-Type"] = "application/octet-stream";
  let response: Response;
  try {
    response = await fetch(path, {
      method, headers, signal: sending.signal, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
      body: sending.bytes ?? (sending.json === undefined ? undefined : JSON.stringify(sending.json)),
    });
  } catch (error) {
    if (sending.signal?.aborted) throw error;
    throw new Refused(0, "unreachable", "The server does not answer. Is it still running?");
  }
  if (response.ok) return response;
  if (response.status === 401 && !sending.quiet) {
    asking ??= askForKey().finally(() => asking = undefined);
    if (await asking) return call(method, path, sending);
  }
  throw refusal(await response.text(), response.status);
}

export function refusal(text: string, status: number): Refused {
  try {
    const error = JSON.parse(text).error;
    if (typeof error.message === "string") return new Refused(status, String(error.code), error.message);
  } catch {
    // not the API's own words
  }
  return new Refused(status, "unknown", `The server answered with status ${status}.`);
}

export async function callForJson<T>(method: string, path: string, sending: Sending = {}): Promise<T> {
  return await (await call(method, path, sending)).json() as T;
}

// The data of each event of a stream.
export async function* eventsOf(response: Response): AsyncGenerator<string> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let held = "";
  for (;;) {
    const {value, done} = await reader.read();
    held += done ? decoder.decode() : decoder.decode(value, {stream: true});
    for (let end; (end = held.indexOf("\n\n")) >= 0; held = held.slice(end + 2)) {
      const data = held.slice(0, end).split("\n").filter(line => line.startsWith("data:"));
      if (data.length) yield data.map(line => line.slice(5).replace(/^ /, "")).join("\n");
    }
    if (done) return;
  }
}

// GET /freehold/state
export interface State {
  model: string;
  version: string;
  system_fingerprint: string;
  context: number;
  chats: boolean;
  running: number;
  waiting: number;
  answers_at_once: number;
  queue: number;
  cache: {positions: number; used: number};
  tokens: {asked: number; reused: number; written: number};
  listens: {address: string; this_machine_only: boolean};
  sealed: boolean;
  energy: string;
  papers: boolean;
}
