// One turn of a chat on the page. An answer that is being written is drawn again as it grows, at most every 60 ms and
// less often when drawing takes long.
import {Chat, Facts, siblings, Turn} from "./chats";
import {copyButton, count, el, fill, iconButton, plural} from "./dom";
import {render} from "./markdown";

export interface TurnActions {
  again(turn: Turn): void;
  edit(turn: Turn, text: string): void;
  choose(turn: Turn): void;
}

function factsText(facts: Facts): string {
  const parts = [plural(facts.tokens, "token")];
  if (facts.seconds > 0 && facts.tokens > 1) parts.push(`${((facts.tokens - 1) / facts.seconds).toFixed(1)} tokens/s`);
  if (facts.first > 0) parts.push(`first after ${facts.first.toFixed(facts.first < 10 ? 1 : 0)} s`);
  if (facts.cached > 0) parts.push(`${count(facts.cached)} of ${count(facts.prompt)} read from memory`);
  if (facts.joules !== undefined) parts.push(`${facts.joules.toFixed(1)} J`);
  if (facts.cost !== undefined) parts.push(facts.cost);
  return parts.join(" · ");
}

const ends = {
  stopped: "Stopped.",
  cut: "Cut off: the answer reached the longest that was asked for, or the context is full.",
  failed: "",
};

export class TurnView {
  readonly element: HTMLElement;
  private readonly body = el("div", {class: "prose words"});
  private readonly thinking = el("div", {class: "prose"});
  private readonly summary = el("summary", {}, "Thinking");
  private readonly fold = el("details", {class: "thinking", hidden: true}, this.summary, this.thinking);
  private readonly foot = el("div", {class: "turn-tools"});
  private readonly notice = el("p", {class: "notice", hidden: true});
  private drawn = 0;
  private timer = 0;

  constructor(private readonly chat: Chat, readonly turn: Turn, private readonly actions: TurnActions, live: boolean) {
    const mine = turn.role === "user";
    const who = mine ? "You" : "Answer";
    this.element = el("article", {class: `turn ${turn.role}`, "aria-label": who}, el("h2", {class: "unseen"}, who));
    this.element.append(...(mine ? [] : [this.fold]), this.body, this.notice, this.foot);
    if (live) this.live();
    else this.finish();
  }

  // While it is being written.
  live(): void {
    this.element.setAttribute("aria-busy", "true");
    this.draw();
  }

  changed(): void {
    if (this.timer) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.draw();
    }, Math.max(60, this.drawn * 4));
  }

  finish(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.element.removeAttribute("aria-busy");
    this.draw();
    this.drawFoot();
    const end = this.turn.end;
    this.notice.hidden = !end;
    this.notice.classList.toggle("fault", end === "failed");
    if (end) this.notice.textContent = end === "failed" ? this.turn.fault ?? "It failed." : ends[end];
  }

  private draw(): void {
    const start = performance.now();
    const turn = this.turn;
    if (turn.role === "user") {
      this.body.textContent = turn.text;
    } else {
      const busy = this.element.getAttribute("aria-busy") === "true";
      this.fold.hidden = !turn.thinking;
      if (turn.thinking) {
        if (this.fold.open) fill(this.thinking, render(turn.thinking));
        this.fold.ontoggle = () => this.fold.open && fill(this.thinking, render(turn.thinking ?? ""));
        this.summary.textContent = busy && !turn.text ? "Thinking" :
            turn.thought === undefined ? "Thoughts" : `Thought for ${turn.thought.toFixed(turn.thought < 10 ? 1 : 0)} s`;
        this.summary.classList.toggle("at-work", busy && !turn.text);
      }
      fill(this.body, render(turn.text));
      this.body.classList.toggle("waiting", busy && !turn.text && !turn.thinking);
    }
    this.drawn = performance.now() - start;
  }

  private drawFoot(): void {
    const turn = this.turn, same = siblings(this.chat, turn), at = same.indexOf(turn);
    fill(this.foot);
    if (same.length > 1)
      this.foot.append(el("span", {class: "branches", role: "group", "aria-label": "Versions"},
        iconButton("left", "Version before", () => this.actions.choose(same[at - 1]), {disabled: at === 0}),
        el("span", {}, `${at + 1} / ${same.length}`),
        iconButton("right", "Version after", () => this.actions.choose(same[at + 1]), {disabled: at === same.length - 1})));
    if (turn.role === "user") {
      this.foot.append(iconButton("pencil", "Edit and ask again", () => this.startEdit()), copyButton(() => turn.text));
    } else {
      this.foot.append(copyButton(() => turn.text), iconButton("again", "Answer again", () => this.actions.again(turn)));
      if (turn.facts) this.foot.append(el("span", {class: "facts-line"}, factsText(turn.facts)));
    }
  }

  private startEdit(): void {
    const area = el("textarea", {"aria-label": "Your words", value: this.turn.text,
                                 rows: Math.min(12, this.turn.text.split("\n").length + 1)});
    const save = () => {
      if (area.value.trim()) this.actions.edit(this.turn, area.value.trim());
    };
    const leave = () => {
      form.replaceWith(this.body);
      this.drawFoot();
      this.foot.querySelector<HTMLElement>("[aria-label^=Edit]")?.focus();
    };
    area.addEventListener("keydown", event => {
      if (event.key === "Escape") event.stopPropagation(), leave();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) event.preventDefault(), save();
    });
    const form = el("div", {class: "editing"}, area, el("div", {class: "buttons"},
        el("button", {type: "button", class: "button", onclick: leave}, "Leave it"),
        el("button", {type: "button", class: "button primary", onclick: save}, "Ask")));
    fill(this.foot);
    this.body.replaceWith(form);
    area.focus();
  }
}
