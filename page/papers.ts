// The room of papers: libraries at the side; a question, its answers with their evidence; papers come in by dropping.
import {callForJson} from "./api";
import {Answered, answerCard} from "./answer";
import {announce, bytes, el, fill, icon, openDialog, plural} from "./dom";
import {chosenPapers, droppedPapers, Incoming, sendPapers} from "./intake";
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

export function papersRoom(): Room {
  let libraries: Library[] = [], library: Library | undefined;
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
  const answers = el("div", {class: "answers"});
  const element = el("section", {class: "room papers"},
    el("div", {class: "room-head"}, el("h1", {class: "unseen"}, "Papers"), name, facts, show),
    el("div", {class: "scroller", tabIndex: -1}, el("div", {class: "column"}, form, progress, answers, drop)));

  function draw(): void {
    fill(list, ...libraries.map(one => el("li", {},
      el("button", {type: "button", class: "side-item", "aria-current": one === library ? "true" : undefined,
                    onclick: () => choose(one)}, one.name))));
    side.classList.toggle("empty", libraries.length === 0);
    name.textContent = library?.name ?? "";
    facts.textContent = !library ? "" : library.fault ? library.fault
        : `${plural(library.papers ?? 0, "paper")}, ${plural(library.rows ?? 0, "row")}`;
    form.hidden = show.hidden = !library || !library.papers;
    dropText.textContent = !served ? "This server does not serve papers." :
        !library ? "Drop a folder of papers here. They are read on this server and kept there, and nowhere else." :
        library.takes_papers ? "Drop more papers here." :
        "This library was read from a folder by freehold ingest. Papers dropped here make a new one.";
    drop.classList.toggle("first", !library);
    drop.querySelector<HTMLElement>(".buttons")!.hidden = !served;
    fill(answers, ...(library ? cards.get(library.name) ?? [] : []));
    ask.disabled = busy;
  }

  function choose(one: Library): void {
    library = one;
    draw();
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
    const card = el("article", {class: "card", "aria-label": text, "aria-busy": "true"}, el("p", {class: "asked"}, text));
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
