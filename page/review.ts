// What a person should look at in a library: values on which papers disagree, lines that could not be counted; and what
// he decides of them.
import {callForJson} from "./api";
import {announce, count, el, fill, plural} from "./dom";
import {openPlace} from "./place";

interface Place {
  file: string;
  locator: string;
}
// POST /freehold/review
interface Item extends Place {
  id: string;
  type: string;
  record: string;
  field: string;
  used: string;
  other: string;
  why: string;
  told_by: Place[];
}
interface Decided {
  day: string;
  who: string;
  type: string;
  record: string;
  field: string;
  was: string;
  value: string;
}
interface Review {
  items: Item[];
  count: number;
  may_decide: boolean;
  decided: Decided[];
  decided_count: number;
}

const mostShown = 50;
const spoken = (name: string) => name.replace(/_/g, " ");

export function reviewView(library: string, changed: () => void): HTMLElement {
  const view = el("div", {class: "owner"}, el("p", {class: "hint"}, "Looking"));
  let shown = mostShown;

  function placeButton(place: Place, item: Item): HTMLElement {
    const cited = new Set(item.told_by.filter(p => p.file === place.file).map(p => p.locator));
    return el("button", {type: "button", class: "place", "aria-label": `Open ${place.file}, ${place.locator}`,
                         onclick: () => void openPlace(library, place.file, place.locator, cited)}, `${place.file} ${place.locator}`);
  }

  async function decide(item: Item, card: HTMLElement, value?: string): Promise<void> {
    const buttons = [...card.querySelectorAll<HTMLButtonElement>("button, input")];
    buttons.forEach(b => b.disabled = true);
    card.setAttribute("aria-busy", "true");
    try {
      await callForJson("POST", "/freehold/decide", {json: {library, id: item.id, value}});
      const next = card.nextElementSibling ?? card.previousElementSibling;
      const at = next?.id;
      announce(`${item.record} ${spoken(item.field)}: ${value === undefined ? "accepted" : `corrected to ${value}`}`);
      changed();
      await load();
      const after = (at && document.getElementById(at)) || view.querySelector<HTMLElement>("h2");
      after?.focus();
    } catch (error) {
      buttons.forEach(b => b.disabled = false);
      card.removeAttribute("aria-busy");
      card.querySelector(".fault")?.remove();
      card.append(el("p", {class: "notice fault", role: "alert"}, (error as Error).message));
    }
  }

  function actions(item: Item, card: HTMLElement): HTMLElement {
    if (!item.field)
      return el("div", {class: "buttons start"},
        el("button", {type: "button", class: "button small", onclick: () => void decide(item, card)}, "It need not be counted"));
    const field = el("input", {id: `value-${item.id}`, required: true, maxLength: 200, autocomplete: "off", value: item.used});
    const correct = el("form", {class: "correct", hidden: true, onsubmit: (event: Event) => {
      event.preventDefault();
      void decide(item, card, field.value.trim());
    }}, el("label", {for: field.id}, `What is right for ${spoken(item.field)}`),
        el("div", {class: "one-line"}, field, el("button", {class: "button primary small"}, "Correct it")));
    const other = item.other ? el("button", {type: "button", class: "button small", onclick: () => void decide(item, card, item.other)},
                                  `Use ${item.other}`) : null;
    const open: HTMLButtonElement = el("button", {type: "button", class: "button small", "aria-expanded": "false", onclick: () => {
      correct.hidden = !correct.hidden;
      open.setAttribute("aria-expanded", String(!correct.hidden));
      if (!correct.hidden) field.select();
    }}, "Another value");
    return el("div", {}, el("div", {class: "buttons start"},
      el("button", {type: "button", class: "button small", onclick: () => void decide(item, card)}, `Keep ${item.used}`), other, open), correct);
  }

  function itemCard(item: Item, may: boolean): HTMLElement {
    const sources = item.told_by.filter(p => p.file !== item.file || p.locator !== item.locator);
    const card: HTMLElement = el("li", {class: "card review-item", id: `review-${item.id}`, tabIndex: -1});
    if (item.field)
      card.append(el("h3", {}, el("span", {class: "of-what"}, item.record), ` ${spoken(item.type)}, ${spoken(item.field)}`),
        el("dl", {class: "facts"},
          el("dt", {}, "Used"), el("dd", {}, el("strong", {}, item.used), el("span", {class: "why"}, ` ${item.why}`)),
          el("dt", {}, "Also said"), el("dd", {}, el("strong", {}, item.other || "nothing")),
          el("dt", {}, "In"), el("dd", {class: "place-list"}, placeButton(item, item), ...sources.map(p => placeButton(p, item)))));
    else
      card.append(el("h3", {}, "A line that is not counted"), el("p", {class: "quote"}, item.other),
                  el("p", {class: "hint"}, `It ${item.why}. `, placeButton(item, item)));
    if (may) card.append(actions(item, card));
    return card;
  }

  function decidedList(review: Review): HTMLElement | null {
    if (!review.decided_count) return null;
    const line = (one: Decided) => el("li", {}, el("span", {class: "hint"}, `${one.day}, ${one.who}`),
      one.type ? `${one.record} ${spoken(one.field)}: ${one.value ? `${one.was} corrected to ${one.value}` : `${one.was} accepted`}`
               : `${one.record}: need not be counted`);
    return el("details", {class: "how decided"}, el("summary", {}, `${count(review.decided_count)} decided`),
              el("ul", {class: "held"}, ...review.decided.map(line)));
  }

  async function load(): Promise<void> {
    try {
      const review = await callForJson<Review>("POST", "/freehold/review", {json: {library}});
      const more = review.items.length > shown ? el("button", {type: "button", class: "button", onclick: () => (shown += 200, void load())},
                                                    `Show more of the ${count(review.count)}`) : null;
      fill(view,
        el("h2", {tabIndex: -1}, review.count ? `${plural(review.count, "thing")} to look at` : "Nothing to look at"),
        el("p", {class: "hint"}, "Where papers disagree, one value is used. A decision counts before what all papers say, and stays."),
        review.may_decide || !review.count ? null : el("p", {class: "notice"}, "Decisions are for keys that hold all labels of this library."),
        el("ul", {class: "cards"}, ...review.items.slice(0, shown).map(item => itemCard(item, review.may_decide))), more, decidedList(review));
    } catch (error) {
      fill(view, el("p", {class: "notice fault", role: "alert"}, (error as Error).message));
    }
  }
  void load();
  return view;
}
