// The room of chats: the list at the side, the turns, the box to write in.
import {add, Chat, choose, dropChat, keepChat, loadChats, newChat, pathOf} from "./chats";
import {announce, confirmFirst, count, el, fill, icon, iconButton} from "./dom";
import {generate, Live} from "./generate";
import {Room} from "./room";
import {openSettings, settings} from "./settings";
import {state, watchState} from "./state";
import {TurnActions, TurnView} from "./turn";

export function chatRoom(): Room {
  let chats: Chat[] = [], chat = newChat();
  let running: {abort: AbortController; view: TurnView; chat: Chat} | undefined;

  const list = el("ul", {class: "side-list"});
  const side = el("div", {class: "side-part"},
    el("button", {type: "button", class: "button wide-button", id: "new-chat", onclick: () => (show(newChat()), box.focus())},
       icon("plus"), "New chat"),
    el("h2", {class: "side-title", id: "chats-title"}, "Chats"), list);
  list.setAttribute("aria-labelledby", "chats-title");

  const turns = el("div", {class: "turns", role: "log", "aria-label": "Conversation", "aria-live": "off"});
  const welcome = el("div", {class: "welcome"});
  const scroller = el("div", {class: "scroller", tabIndex: -1}, el("div", {class: "column"}, welcome, turns));
  const box = el("textarea", {id: "box", rows: 1, placeholder: "Write to the model", "aria-label": "Your words"});
  const go = el("button", {type: "submit", class: "round", id: "send"});
  const live = el("p", {class: "live", id: "live"});
  const composer = el("form", {class: "composer", onsubmit: (event: Event) => {
    event.preventDefault();
    if (running) stop();
    else send();
  }}, el("div", {class: "box"}, box, go), live);
  const modelName = el("span", {});
  const head = el("div", {class: "room-head"}, el("h1", {class: "unseen"}, "Chat"),
    el("button", {type: "button", class: "model-button", id: "settings", "aria-haspopup": "dialog",
                  onclick: () => void openSettings(drawModel)}, icon("settings"), modelName));
  const element = el("section", {class: "room chat"}, head, scroller, el("div", {class: "column foot"}, composer));

  const actions: TurnActions = {
    again: turn => {
      if (!running) answer(turn.parent);
    },
    edit: (turn, text) => {
      if (running) return;
      answer(add(chat, turn.parent, "user", text).id);
    },
    choose: turn => {
      if (running) return;
      choose(chat, turn);
      void keepChat(chat);
      drawTurns();
    },
  };

  function drawModel(): void {
    modelName.textContent = settings.model || state?.model || "No server";
  }

  function drawSide(): void {
    fill(list, ...chats.map(one => el("li", {},
      el("button", {type: "button", class: "side-item", "aria-current": one.id === chat.id ? "true" : undefined,
                    onclick: () => show(one)}, one.title),
      iconButton("trash", `Delete the chat ${one.title}`, () => confirmFirst(
          "Delete this chat?", one.title, "Delete", async () => {
            if (running?.chat === one) stop();
            await dropChat(one.id);
            chats = chats.filter(c => c !== one);
            if (one === chat) show(newChat());
            else drawSide();
          })))));
    side.classList.toggle("empty", chats.length === 0);
  }

  function drawTurns(): void {
    const views = pathOf(chat).map(turn =>
        running?.view.turn === turn ? running.view : new TurnView(chat, turn, actions, false));
    fill(turns, ...views.map(v => v.element));
    welcome.hidden = views.length > 0;
    drawGo();
    scroller.scrollTop = scroller.scrollHeight;
  }

  function drawGo(): void {
    fill(go, icon(running ? "stop" : "send"));
    const label = running ? "Stop" : "Send";
    go.setAttribute("aria-label", label);
    go.title = running ? "Stop (Esc)" : "Send (Enter)";
    go.disabled = !running && box.value.trim() === "";
  }

  function show(one: Chat): void {
    chat = one;
    drawSide();
    drawTurns();
    drawLive();
    element.dispatchEvent(new CustomEvent("chosen", {bubbles: true}));
  }

  function drawLive(now?: Live): void {
    if (!now || !running || running.chat !== chat) {
      live.textContent = "";
      return;
    }
    const company = state && state.running + state.waiting > 1
        ? ` · ${state.running} being answered, ${state.waiting} waiting` : "";
    live.textContent = (now.phase === "waiting" ? "Waiting for the model"
        : now.phase === "reading"
            ? now.prompt > 0 ? `Reading: ${count(now.read)} of ${count(now.prompt)} tokens` : "Reading"
            : now.rate > 0 ? `${now.rate.toFixed(1)} tokens/s · ${count(now.tokens)} tokens` : `${count(now.tokens)} tokens`)
        + company;
  }

  function grow(): void {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 240)}px`;
  }

  function send(): void {
    const text = box.value.trim();
    if (!text || running) return;
    box.value = "";
    grow();
    if (chat.turns.length === 0) {
      chat.title = text.split("\n")[0].slice(0, 60);
      chats.unshift(chat);
      drawSide();
    }
    answer(add(chat, chat.leaf, "user", text).id);
  }

  function stop(): void { running?.abort.abort(); }

  // A new answer to the turn `parent`, beside those it may have.
  async function answer(parent: string | null): Promise<void> {
    const asked = chat, turn = add(asked, parent, "assistant", "");
    const view = new TurnView(asked, turn, actions, true);
    const abort = new AbortController();
    running = {abort, view, chat: asked};
    drawTurns();
    let near = true, kept = performance.now(), drawn = 0;
    scroller.onscroll = () => near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
    const path = pathOf(asked).slice(0, -1).filter(t => t.role === "user" || t.text !== "");
    await generate(path, turn, abort.signal, now => {
      view.changed();
      if (performance.now() - drawn < 60) return;
      drawn = performance.now();
      drawLive(now);
      if (near && asked === chat) scroller.scrollTop = scroller.scrollHeight;
      if (performance.now() - kept > 2000) kept = performance.now(), void keepChat(asked);
    }, fields => announce(`This server or model does not read: ${fields}`));
    running = undefined;
    view.finish();
    drawGo();
    drawLive();
    if (near && asked === chat) scroller.scrollTop = scroller.scrollHeight;
    announce(turn.end === "failed" ? `The answer failed. ${turn.fault}` : turn.end === "stopped" ? "Stopped" : "Answer complete");
    asked.changed = Date.now();
    if (chats.includes(asked)) await keepChat(asked);
  }

  box.addEventListener("input", () => (grow(), drawGo()));
  box.addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) event.preventDefault(), running || send();
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && running && !document.querySelector("dialog[open]")) stop();
  });

  function drawWelcome(): void {
    if (!state) {
      fill(welcome, el("p", {class: "greeting"}, "The server does not answer."),
           el("p", {}, "Start it with freehold serve, then this page goes on by itself."));
    } else if (!state.chats) {
      fill(welcome, el("p", {class: "greeting"}, "This model only continues texts."),
           el("p", {}, "It has no format for chats; software can reach it at /v1/completions."));
    } else {
      fill(welcome, el("p", {class: "greeting"}, "What would you like to know?"),
           el("p", {}, "What you write is read by the model on this server and kept in this browser. Nothing else leaves."));
    }
  }

  watchState(() => (drawModel(), drawWelcome()));
  drawWelcome();
  void loadChats().then(kept => {
    chats = [...chats, ...kept.filter(one => one.turns.length > 0 && !chats.some(c => c.id === one.id))];
    drawSide();
  });
  drawSide();
  drawTurns();
  drawModel();
  return {name: "chat", title: "Chat", icon: "chat", element, side, opened: () => box.focus()};
}
