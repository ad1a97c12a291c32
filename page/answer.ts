// An answer from papers with all that it stands on: the sentence, the table with its bars, how the question was read,
// and the sources, each of which opens the paper at its place.
import {count, el, plural} from "./dom";
import {openPlace} from "./place";

export interface Citation {
  file: string;
  locator: string;
  quote: string;
}
// POST /freehold/ask
export interface Answered {
  status: string;
  text: string;
  table: string[][];
  bars: number[];
  reading: string[];
  notes: string[];
  plan: unknown;
  sql: string;
  params: unknown[];
  rows_cited: number;
  citations: Citation[];
}

const mostShown = 30, mostPlaces = 12;

function tableOf(answer: Answered): HTMLElement | null {
  const [head, ...rows] = answer.table;
  if (!head || rows.length === 0) return null;
  const most = Math.max(...answer.bars, 0), bars = answer.bars.length === rows.length && most > 0;
  const numeric = head.map((_, column) => rows.every(row => /^-?[\d.,]*$/.test(row[column] ?? "")));
  const body = el("tbody");
  const row = (cells: string[], i: number) => {
    const line = el("tr", {}, ...cells.map((cell, column) => el("td", {class: numeric[column] ? "number" : ""}, cell)));
    if (bars) {
      const bar = el("span", {class: "bar"});
      bar.style.width = `${Math.max(0, answer.bars[i] / most * 100)}%`;
      line.append(el("td", {class: "bar-cell", "aria-hidden": "true"}, bar));
    }
    return line;
  };
  body.append(...rows.slice(0, mostShown).map(row));
  const headings = el("tr", {}, ...head.map((text, column) => el("th", {scope: "col", class: numeric[column] ? "number" : ""}, text)));
  if (bars) headings.append(el("td", {class: "bar-cell", "aria-hidden": "true"}));
  const frame = el("div", {class: "wide", tabIndex: 0, role: "region", "aria-label": "Table"},
                   el("table", {class: bars ? "chart" : ""}, el("thead", {}, headings), body));
  if (rows.length > mostShown) {
    const more = el("button", {type: "button", class: "button", onclick: () => {
      body.append(...rows.slice(mostShown).map((cells, i) => row(cells, i + mostShown)));
      more.remove();
    }}, `Show all ${count(rows.length)}`);
    frame.append(more);
  }
  return frame;
}

// Cells that a spreadsheet would take for a formula get an apostrophe before them.
function csvOf(citations: Citation[]): string {
  const cell = (text: string) => `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replace(/"/g, '""')}"`;
  return "file,place,row\n" + citations.map(c => [c.file, c.locator, c.quote].map(cell).join(",") + "\n").join("");
}

function save(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
  el("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function sourcesOf(library: string, answer: Answered): HTMLElement | null {
  if (answer.citations.length === 0) return null;
  const files = new Map<string, Citation[]>();
  for (const citation of answer.citations) files.set(citation.file, [...files.get(citation.file) ?? [], citation]);
  const one = (file: string, places: Citation[]) => {
    const cited = new Set(places.map(c => c.locator));
    const button = (c: Citation) => el("button", {type: "button", class: "place", title: c.quote,
      "aria-label": `${file}, ${c.locator}`, onclick: () => void openPlace(library, c.file, c.locator, cited)}, c.locator);
    const line = el("div", {class: "place-list"}, ...places.slice(0, mostPlaces).map(button));
    if (places.length > mostPlaces) {
      const more = el("button", {type: "button", class: "place more", onclick: () => {
        line.append(...places.slice(mostPlaces).map(button));
        more.remove();
      }}, `${count(places.length - mostPlaces)} more`);
      line.append(more);
    }
    return el("li", {}, el("span", {class: "source-file"}, file), line);
  };
  return el("section", {class: "sources"},
    el("h3", {}, `Counted from ${plural(answer.rows_cited, "row")} in ${plural(files.size, "paper")}`),
    el("ul", {}, ...[...files].map(([file, places]) => one(file, places))),
    el("button", {type: "button", class: "button small", onclick: () => save(csvOf(answer.citations), "rows.csv")},
       answer.citations.length < answer.rows_cited ? `Save the first ${count(answer.citations.length)} rows` : "Save the rows"));
}

export function answerCard(library: string, answer: Answered): HTMLElement[] {
  const said = answer.status === "answered" ? "said" : "said not-known";
  const parts: (HTMLElement | null)[] = [
    el("p", {class: said}, answer.text),
    tableOf(answer),
    answer.reading.length ? el("div", {class: "reading"}, el("h3", {}, "Read as"),
                               el("ul", {}, ...answer.reading.map(r => el("li", {}, r)))) : null,
    answer.notes.length ? el("div", {class: "reading"}, el("h3", {}, "To know"),
                             el("ul", {}, ...answer.notes.map(n => el("li", {}, n)))) : null,
    sourcesOf(library, answer),
    answer.sql ? el("details", {class: "how"}, el("summary", {}, "How it was counted"),
                    el("pre", {tabIndex: 0}, el("code", {}, `${answer.sql}\n\n${JSON.stringify(answer.params)}\n\n` +
                                                            JSON.stringify(answer.plan, null, 1)))) : null,
  ];
  return parts.filter((p): p is HTMLElement => p !== null);
}
