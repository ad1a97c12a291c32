// The room of papers: libraries at the side; a question, its answers with their evidence; papers come in by dropping.
// Beside asking, what the owner looks at: what papers say differently, the words, who may see what.
import {accessView} from "./access";
import {callForJson} from "./api";
import {Answered, answerCard} from "./answer";
import {announce, bytes, el, fill, icon, openDialog, plural} from "./dom";
import {chosenPapers, droppedPapers, Incoming, sendPapers} from "./intake";
import {languageView} from "./language";
import {reviewView} from "./review";
import {Room} from "./room";
import {watchState} from "./state";

export interface Library {
  name: string;
  takes_papers: boolean;
  papers?: number;
  failed?: number;
  rows?: number;
  fault?: string;
}
interface HeldPaper {
  file: string;
  read_as: string;
  bytes: number;
  rows: number;
  fault?: string;
  notes?: string[];
}

const views = {
  ask: "Ask",
  review: "Review",
  language: "Words",
  access: "Access",
};
type View = keyof typeof views;
const owners = {review: reviewView, language: languageView, access: accessView};

export function papersRoom(): Room {
  let libraries: Library[] = [], library: Library | undefined;
  let view: View = "ask";
  let served = false, busy = false;
  const cards = new Map<string, HTMLElement[]>();  // of this tab, by library

  const list = el("ul", {class: "side-list", "aria-labelledby": "libraries-title"});
  const side = el("div", {class: "side-part"},
    el("button", {type: "button", class: "button wide-button", id: "new-library", onclick: () => nameLibrary("", [])},
       icon("plus"), "New library"),
    el("h2", {class: "side-title", id: "libraries-title"}, "Libraries"), list);

  const name = el("span", {class: "library-name"}), facts = el("span", {class: "library-facts"});
  const show = el("button", {type: "button", class: "button", id: "show-papers", onclick: () => void showPapers()}, "Show papers");
  const question = el("textarea", {id: "question", rows: 2, "aria-label": "Your question",
                                   placeholder: "Ask: how many, which most, when, how long"});
  const ask = el("button", {type: "submit", class: "button primary", id: "ask"}, "Ask");
  const form = el("form", {class: "ask", onsubmit: (event: Event) => (event.preventDefault(), void askQuestion())}, question, ask);
  const files = el("input", {type: "file", multiple: true, class: "unseen", tabIndex: -1, "aria-label": "Files"});
  const folder = el("input", {type: "file", multiple: true, class: "unseen", tabIndex: -1, "aria-label": "Folder", webkitdirectory: true});
  const dropText = el("p", {});
  const drop = el("div", {class: "drop", id: "drop"}, icon("folder"), dropText, el("div", {class: "buttons"},
    el("button", {type: "button", class: "button", onclick: () => files.click()}, "Choose files"),
    el("button", {type: "button", class: "button", onclick: () => folder.click()}, "Choose a folder")), files, folder);
  const progress = el("div", {class: "intake", "aria-live": "polite"});
  const answers = el("div", {class: "answers"}), panel = el("div", {class: "panel"});
  const tabs = (Object.keys(views) as View[]).map(name => el("button", {type: "button", class: "tab", id: `view-${name}`,
                                                                         onclick: () => openView(name)}, views[name]));
  const choices = el("div", {class: "tabs", role: "group", "aria-label": "What to see of the library"}, ...tabs);
  const element = el("section", {class: "room papers"},
    el("div", {class: "room-head"}, el("h1", {class: "unseen"}, "Papers"), el("div", {class: "library-head"}, name, facts), choices, show),
    el("div", {class: "scroller", tabIndex: -1}, el("div", {class: "column"}, form, progress, answers, drop, panel)));

  function draw(): void {
    fill(list, ...libraries.map(one => el("li", {},
      el("button", {type: "button", class: "side-item", "aria-current": one === library ? "true" : undefined,
                    onclick: () => choose(one)}, one.name))));
    side.classList.toggle("empty", libraries.length === 0);
    name.textContent = library?.name ?? "";
    facts.textContent = !library ? "" : library.fault ? library.fault
        : `${plural(library.papers ?? 0, "paper")}, ${plural(library.rows ?? 0, "row")}`;
    show.hidden = choices.hidden = !library || !library.papers;
    if (show.hidden) view = "ask";
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(Object.keys(views)[i] === view)));
    const asking = view === "ask";
    form.hidden = show.hidden || !asking;
    panel.hidden = asking;
    drop.hidden = answers.hidden = progress.hidden = !asking;
    if (asking) fill(panel);
    dropText.textContent = !served ? "This server does not serve papers." :
        !library ? "Drop a folder of papers here. They are read on this server and kept there, and nowhere else." :
        library.takes_papers ? "Drop more papers here." :
        "This library was read from a folder by freehold ingest. Papers dropped here make a new one.";
    drop.classList.toggle("first", !library);
    drop.querySelector<HTMLElement>(".buttons")!.hidden = !served;
    fill(answers, ...(library ? cards.get(library.name) ?? [] : []));
    ask.disabled = busy;
  }

  // A change may make other records, so the numbers of the library are asked for again.
  function openView(name: View): void {
    view = name;
    draw();
    if (name !== "ask" && library) fill(panel, owners[name](library.name, () => void load()));
  }

  function choose(one: Library): void {
    library = one;
    openView(view);
    element.dispatchEvent(new CustomEvent("chosen", {bubbles: true}));
    if (!form.hidden) question.focus();
  }

  async function load(chosen?: string): Promise<void> {
    if (!served) return draw();
    try {
      libraries = (await callForJson<{libraries: Library[]}>("GET", "/freehold/libraries")).libraries;
    } catch (error) {
      fill(progress, el("p", {class: "notice fault"}, (error as Error).message));
    }
    const wanted = chosen ?? library?.name;
    library = libraries.find(l => l.name === wanted) ?? libraries[0];
    draw();
  }

  async function askQuestion(): Promise<void> {
    const text = question.value.trim(), where = library;
    if (!text || !where || busy) return;
    busy = ask.disabled = true;
    const card = el("article", {class: "card", "aria-label": text, "aria-busy": "true"}, el("h2", {class: "asked"}, text));
    const mine = cards.get(where.name) ?? [];
    cards.set(where.name, mine);
    mine.unshift(card);
    answers.prepend(card);
    try {
      const answer = await callForJson<Answered>("POST", "/freehold/ask", {json: {library: where.name, question: text}});
      card.append(...answerCard(where.name, answer));
      announce(answer.text);
      question.value = "";
    } catch (error) {
      card.append(el("p", {class: "notice fault"}, (error as Error).message));
    }
    card.removeAttribute("aria-busy");
    busy = ask.disabled = false;
  }

  async function showPapers(): Promise<void> {
    if (!library) return;
    const body = el("div", {class: "dialog-body"}, "Looking");
    openDialog(`Papers of ${library.name}`, body, "sheet");
    try {
      const held = await callForJson<{papers: HeldPaper[]}>("POST", "/freehold/papers", {json: {library: library.name}});
      fill(body, el("ul", {class: "held"}, ...held.papers.map(paper => el("li", {},
        el("span", {class: "held-name"}, paper.file),
        el("span", {class: paper.fault ? "hint fault" : "hint"}, paper.fault ? `not read: ${paper.fault}`
           : `${paper.read_as}, ${plural(paper.rows, "row")}, ${bytes(paper.bytes)}`),
        ...(paper.notes ?? []).map(note => el("span", {class: "hint"}, note))))));
    } catch (error) {
      fill(body, el("p", {class: "notice fault"}, (error as Error).message));
    }
  }

  // Asks for a name, then takes the papers in, if there are some already.
  function nameLibrary(proposed: string, papers: Incoming[]): void {
    const field = el("input", {id: "library-name", required: true, maxLength: 60, autocomplete: "off", value: proposed,
                               pattern: "[^\\/:.~\\\\][^\\/:\\\\]*", title: "a name without / \\ : that does not begin with a dot"});
    const dialog: HTMLDialogElement = openDialog("A new library", el("form", {class: "dialog-body", onsubmit: (event: Event) => {
      event.preventDefault();
      const wanted = field.value.trim();
      if (libraries.some(l => l.name === wanted)) {
        field.setCustomValidity("There is one of that name");
        field.reportValidity();
        return;
      }
      dialog.close();
      library = {name: wanted, takes_papers: true, papers: 0, rows: 0};
      if (!libraries.includes(library)) libraries = [...libraries, library];
      draw();
      if (papers.length) void takeIn(papers);
    }}, el("label", {for: "library-name"}, "Name"), field,
        el("p", {class: "hint"}, papers.length ? `${plural(papers.length, "paper")} will be read into it.`
                                               : "Papers are dropped into it next."),
        el("div", {class: "buttons"}, el("button", {class: "button primary", id: "make-library"}, "Make it"))));
    field.addEventListener("input", () => field.setCustomValidity(""));
    field.focus();
  }

  async function takeIn(papers: Incoming[]): Promise<void> {
    const where = library;
    if (!where) return;
    await sendPapers(where.name, papers, progress);
    await load(where.name);
  }

  function arrived(found: {name: string; papers: Incoming[]}): void {
    if (!served || found.papers.length === 0) return;
    if (library?.takes_papers) void takeIn(found.papers);
    else nameLibrary(found.name, found.papers);
  }

  question.addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) event.preventDefault(), void askQuestion();
  });
  for (const input of [files, folder])
    input.addEventListener("change", () => {
      arrived(chosenPapers(input.files));
      input.value = "";
    });
  element.addEventListener("dragover", event => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", event => {
    if (!element.contains(event.relatedTarget as Node | null)) element.classList.remove("over");
  });
  element.addEventListener("drop", event => {
    event.preventDefault();
    element.classList.remove("over");
    void droppedPapers(event.dataTransfer).then(arrived);
  });
  watchState(state => {
    if (served === (state?.papers ?? false)) return;
    served = state?.papers ?? false;
    void load();
  });
  draw();
  return {name: "papers", title: "Papers", icon: "papers", element, side, opened: () => void load()};
}
