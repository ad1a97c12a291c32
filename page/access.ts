// Who may see which papers: labels of papers and folders. A key sees a paper if it holds all labels that the paper carries.
import {callForJson} from "./api";
import {announce, el, fill, iconButton} from "./dom";

// POST /freehold/labels
interface Labels {
  labels: {[path: string]: string[]};
  keys: boolean;
  held: string[];
  may_change: boolean;
}

export function accessView(library: string, changed: () => void): HTMLElement {
  const view = el("div", {class: "owner"}, el("p", {class: "hint"}, "Looking"));

  function draw(now: Labels): void {
    const body = el("tbody"), said = el("p", {class: "notice", role: "status"});
    let lines = 0;
    const line = (path: string, labels: string): HTMLElement => {
      const row: HTMLElement = el("tr", {}), number = ++lines;
      row.append(
        el("td", {}, el("input", {class: "path", value: path, placeholder: "folder/ or paper", autocomplete: "off", readOnly: !now.may_change,
                                  "aria-label": `Paper or folder ${number}`})),
        el("td", {}, el("input", {class: "labels", value: labels, placeholder: "staff, board", autocomplete: "off", readOnly: !now.may_change,
                                  "aria-label": `Labels ${number}`})),
        el("td", {class: "end"}, now.may_change ? iconButton("trash", `Remove line ${number}`, () => {
          const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("input") ?? add;
          row.remove();
          next.focus();
        }) : null));
      return row;
    };
    const add = el("button", {type: "button", class: "button small", onclick: () => {
      const row = line("", "");
      body.append(row);
      row.querySelector("input")?.focus();
    }}, "Add a line");
    body.append(...Object.entries(now.labels).map(([path, labels]) => line(path, labels.join(", "))));
    if (lines === 0 && now.may_change) body.append(line("", ""));

    const save = async () => {
      const labels: {[path: string]: string[]} = {};
      for (const row of body.querySelectorAll("tr")) {
        const path = row.querySelector<HTMLInputElement>(".path")!.value.trim();
        const list = row.querySelector<HTMLInputElement>(".labels")!.value.split(",").map(l => l.trim()).filter(l => l);
        if (!path && !list.length) continue;
        labels[path] = [...labels[path] ?? [], ...list];
      }
      try {
        await callForJson("POST", "/freehold/label", {json: {library, labels}});
        changed();
        await load();
        const text = "Saved: it holds from the next question on.";
        view.querySelector(".notice[role=status]")!.textContent = text;
        announce(text);
      } catch (error) {
        said.className = "notice fault";
        said.textContent = (error as Error).message;
      }
    };
    const whom = now.keys
        ? (now.held.length ? `Your key holds ${now.held.join(", ")}.` : "Your key holds no labels.")
        : "This server asks for no keys, so whoever reaches it sees all. Labels bind once there are keys (freehold keys add NAME --labels staff).";
    fill(view, el("h2", {tabIndex: -1}, "Who may see what"),
      el("p", {class: "hint"}, "A key sees a paper if it holds all labels that the paper and its folders carry; of others no count, name or error tells. " + whom),
      el("form", {onsubmit: (event: Event) => (event.preventDefault(), void save())},
        el("div", {class: "wide", tabIndex: 0, role: "region", "aria-label": "Labels"},
          el("table", {class: "edited"}, el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "Paper or folder"),
            el("th", {scope: "col"}, "Labels"), el("td", {}))), body)),
        now.may_change ? el("div", {class: "buttons start"}, add, el("button", {class: "button primary small"}, "Save labels"))
                       : el("p", {class: "notice"}, "Labels are changed by keys with the scope admin that hold them all."), said));
  }

  async function load(): Promise<void> {
    try {
      draw(await callForJson<Labels>("POST", "/freehold/labels", {json: {library}}));
    } catch (error) {
      fill(view, el("p", {class: "notice fault", role: "alert"}, (error as Error).message));
    }
  }
  void load();
  return view;
}
