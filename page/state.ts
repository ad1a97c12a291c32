// How the server is doing, asked for every two seconds while somebody looks; and what it says of where things go.
import {callForJson, State} from "./api";
import {count, el, fill, icon, openDialog} from "./dom";

type Listener = (state: State | null) => void;
const listeners = new Set<Listener>();
export let state: State | null = null;

export function watchState(listener: Listener): void {
  listeners.add(listener);
  if (state) listener(state);
}

async function look(): Promise<void> {
  if (document.hidden) return;
  try {
    state = await callForJson<State>("GET", "/freehold/state");
  } catch {
    state = null;
  }
  for (const listener of listeners) listener(state);
}

export async function startWatching(): Promise<void> {
  document.addEventListener("visibilitychange", () => void look());
  await look();
  const again = async () => {
    await look();
    setTimeout(again, 2000);
  };
  setTimeout(again, 2000);
}

const privacy = (s: State): string =>
    s.sealed ? "Sealed on this machine" : s.listens.this_machine_only ? "Only on this machine" : "Open to the network";

function rows(s: State): [string, string][] {
  const known: [string, string][] = [
    ["Model", s.model],
    ["Fingerprint", s.system_fingerprint],
    ["Context", `${count(s.context)} tokens`],
    ["Answers", `${s.running} being written, of ${s.answers_at_once} at once; ${s.waiting} waiting, of ${s.queue}`],
    ["Memory of texts", s.cache.positions > 0
        ? `${count(s.cache.used)} of ${count(s.cache.positions)} positions in use` : "not known"],
    ["Since it started", `${count(s.tokens.asked)} tokens asked, ${count(s.tokens.reused)} of them found in memory, ` +
        `${count(s.tokens.written)} written`],
    ["Reached from", s.listens.this_machine_only ? `this machine only (${s.listens.address})`
                                                 : `the network, at ${s.listens.address}`],
    ["Sends out", "nothing: the program holds no function that opens a connection"],
    ["Page", "comes whole from the server and may speak to it alone"],
    ["Chats", "are kept in this browser, and by the server nowhere"],
  ];
  known.push(["Seal", s.sealed ? "the running program has given up all rights it does not need" : "not in force"]);
  known.push(["Energy and cost", s.energy === "none" ? "not measured here, so not shown" : `measured by ${s.energy}`]);
  known.push(["Version", s.version]);
  return known;
}

// The line at the foot of the side, which opens the whole story.
export function stateButton(): HTMLElement {
  const label = el("span", {class: "state-text"}, "Looking for the server");
  const button = el("button", {type: "button", class: "state-button", "aria-haspopup": "dialog", onclick: () => {
    const list = el("dl", {class: "facts"});
    const show = (s: State | null) => {
      fill(list);
      if (s) for (const [name, value] of rows(s)) list.append(el("dt", {}, name), el("dd", {}, value));
      else list.append(el("dt", {}, "Server"), el("dd", {}, "does not answer"));
    };
    show(state);
    listeners.add(show);
    openDialog("Where your words go", el("div", {class: "dialog-body"}, list))
        .addEventListener("close", () => listeners.delete(show));
  }}, icon("lock"), label);
  watchState(s => {
    button.dataset["state"] = s ? s.listens.this_machine_only || s.sealed ? "good" : "open" : "gone";
    label.textContent = s ? privacy(s) : "The server does not answer";
  });
  return button;
}
