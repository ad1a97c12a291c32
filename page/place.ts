// A paper opened at a place: the row or line that was cited, among those that stand around it.
import {callForJson} from "./api";
import {el, fill, openDialog} from "./dom";

interface Place {
  file: string;
  title: string;
  headers: string[];
  rows: {locator: string; cells: string[]; heading?: string; meant?: boolean}[];
  more_before: boolean;
  more_after: boolean;
}

function drawn(place: Place, cited: Set<string>): HTMLElement {
  const kind = (row: Place["rows"][0]) => row.meant ? "meant" : cited.has(row.locator) ? "cited" : "";
  if (place.headers.length === 0) {
    let heading = "";
    return el("div", {class: "lines"}, ...place.rows.flatMap(row => {
      const before = row.heading && row.heading !== heading ? [el("h3", {}, row.heading)] : [];
      heading = row.heading ?? "";
      return [...before, el("p", {class: `line ${kind(row)}`}, el("span", {class: "at"}, row.locator), row.cells[0])];
    }));
  }
  const columns = Math.max(place.headers.length, ...place.rows.map(r => r.cells.length));
  const all = Array.from({length: columns}, (_, i) => i);
  return el("div", {class: "wide", tabIndex: 0, role: "region", "aria-label": "Rows of the paper"}, el("table", {},
    el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "Place"),
                       ...all.map(i => el("th", {scope: "col"}, place.headers[i] ?? "")))),
    el("tbody", {}, ...place.rows.map(row => el("tr", {class: kind(row)},
      el("th", {scope: "row", class: "at"}, row.locator), ...all.map(i => el("td", {}, row.cells[i] ?? "")))))));
}

export async function openPlace(library: string, file: string, locator: string, cited: Set<string>): Promise<void> {
  const body = el("div", {class: "dialog-body"}, "Looking");
  openDialog(file, body, "paper");
  let around = 8;
  const load = async () => {
    try {
      const place = await callForJson<Place>("POST", "/freehold/place", {json: {library, file, locator, around}});
      const more = el("button", {type: "button", class: "button small", onclick: () => (around = Math.min(200, around * 3), void load())},
                      "Show more around it");
      fill(body, place.title ? el("p", {class: "hint"}, place.title) : null, drawn(place, cited),
           (place.more_before || place.more_after) && around < 200 ? more : null);
      body.querySelector(".meant")?.scrollIntoView({block: "center"});
    } catch (error) {
      fill(body, el("p", {class: "notice fault"}, (error as Error).message));
    }
  };
  await load();
}
