// The firm's language, as the papers have it and the owner wants it: words for values (the lexicon), record types and
// fields with the words that mean them (the schema). What is saved counts before what would be inferred.
import {callForJson} from "./api";
import {announce, confirmFirst, el, fill, iconButton} from "./dom";
import {openPlace} from "./place";

interface TermRule {
  text: string;
  type: string;
  field: string;
  value: string;
}
interface Term extends TermRule {
  file?: string;  // where the papers say so; none: the owner does
  locator?: string;
}
interface TypeRule {
  words: string[];
  needs?: string[][];
  key?: string;
  time?: string;
  [more: string]: unknown;
}
interface FieldRule {
  words: string[];
  headers: string[];
  kind?: string;
}
interface Schema {
  types: {[name: string]: TypeRule};
  fields: {[name: string]: FieldRule};
  terms?: TermRule[];
  not_terms?: string[];
}
// POST /freehold/schema
interface Known {
  schema: Schema;
  lexicon: Term[];
  kinds: string[];
  declared: boolean;
  may_change: boolean;
}

const spoken = (name: string) => name.replace(/_/g, " ");
const split = (text: string) => text.split(/[,\n]/).map(w => w.trim()).filter(w => w);

export function languageView(library: string, changed: () => void): HTMLElement {
  const view = el("div", {class: "owner"}, el("p", {class: "hint"}, "Looking"));

  async function save(schema: Schema | null, said: string): Promise<void> {
    view.setAttribute("aria-busy", "true");
    try {
      await callForJson("POST", "/freehold/declare", {json: {library, schema}});
      changed();
      await load();
      announce(said);
      view.querySelector(".saved")!.textContent = said;
    } catch (error) {
      view.querySelector(".saved")!.textContent = "";
      fill(view.querySelector(".not-saved")!, (error as Error).message);
      view.querySelector(".not-saved")!.scrollIntoView({block: "nearest"});
    }
    view.removeAttribute("aria-busy");
  }

  // Fields that hold words: values of others are numbers and days.
  function homes(known: Known): [string, string][] {
    const all = new Map<string, string>();
    for (const term of known.lexicon) all.set(`${term.type}\n${term.field}`, `${spoken(term.field)} of ${spoken(term.type)}`);
    for (const [type, rule] of Object.entries(known.schema.types))
      for (const field of new Set([...(rule.needs ?? []).flat(), rule.key ?? ""]))
        if (field && known.schema.fields[field] && !["date", "number", "minutes"].includes(known.schema.fields[field].kind ?? ""))
          all.set(`${type}\n${field}`, `${spoken(field)} of ${spoken(type)}`);
    return [...all];
  }

  function lexicon(known: Known): HTMLElement {
    const {schema} = known;
    const own = (term: Term) => !term.file;
    const leaveOut = (term: Term) => void save(own(term)
        ? {...schema, terms: (schema.terms ?? []).filter(t => t.text !== term.text || t.value !== term.value)}
        : {...schema, not_terms: [...schema.not_terms ?? [], term.text]}, `${term.text} no longer stands for ${term.value}.`);
    const rows = known.lexicon.map(term => el("tr", {}, el("th", {scope: "row"}, term.text), el("td", {}, term.value),
      el("td", {}, `${spoken(term.field)} of ${spoken(term.type)}`),
      el("td", {}, term.file ? el("button", {type: "button", class: "place", "aria-label": `Open ${term.file}, ${term.locator}`,
        onclick: () => void openPlace(library, term.file!, term.locator!, new Set())}, `${term.file.replace(/.*\//, "")} ${term.locator}`) : "you"),
      el("td", {class: "end"}, known.may_change ? iconButton("trash", `${term.text}: leave it out`, () => leaveOut(term)) : null)));
    const text = el("input", {id: "term-text", required: true, maxLength: 60, autocomplete: "off"});
    const value = el("input", {id: "term-value", required: true, maxLength: 200, autocomplete: "off"});
    const home = el("select", {id: "term-home"}, ...homes(known).map(([key, name]) => el("option", {value: key}, name)));
    const add = el("form", {class: "grid add-term", onsubmit: (event: Event) => {
      event.preventDefault();
      const [type, field] = home.value.split("\n");
      const term = {text: text.value.trim(), type, field, value: value.value.trim()};
      void save({...schema, terms: [...schema.terms ?? [], term], not_terms: (schema.not_terms ?? []).filter(t => t !== term.text)},
                `${term.text} stands for ${term.value}.`);
    }}, el("div", {class: "field"}, el("label", {for: text.id}, "Word"), text),
        el("div", {class: "field"}, el("label", {for: value.id}, "Stands for"), value),
        el("div", {class: "field"}, el("label", {for: home.id}, "Which is a"), home),
        el("div", {class: "field at-end"}, el("button", {class: "button primary"}, "Add the word")));
    const dropped = schema.not_terms ?? [];
    return el("section", {"aria-labelledby": "lexicon-title"}, el("h2", {id: "lexicon-title"}, "Words of the house"),
      el("p", {class: "hint"}, "Codes, nicknames and other words that stand for a value, from the papers' own lists and sentences."),
      rows.length ? el("div", {class: "wide lexicon", tabIndex: 0, role: "region", "aria-label": "List of words"},
        el("table", {class: "edited"}, el("thead", {}, el("tr", {}, ...["Word", "Stands for", "Which is a", "Says who"].map(h => el("th", {scope: "col"}, h)),
                                          el("td", {}))), el("tbody", {}, ...rows))) : el("p", {}, "None was found."),
      dropped.length ? el("p", {class: "left-out"}, "Left out: ", ...dropped.map(word => el("button", {type: "button", class: "place more",
        disabled: !known.may_change, "aria-label": `${word}: count it again`,
        onclick: () => void save({...schema, not_terms: dropped.filter(t => t !== word)}, `${word} counts again.`)}, `${word} ↩`))) : null,
      known.may_change ? add : null);
  }

  function types(known: Known): HTMLElement {
    const {schema} = known, readOnly = !known.may_change;
    const edited: Schema = JSON.parse(JSON.stringify(schema));
    const words = (id: string, label: string, hint: string, list: string[], set: (list: string[]) => void) => {
      const area = el("textarea", {id, rows: Math.min(5, 1 + Math.floor(list.join(", ").length / 60)), value: list.join(", "), readOnly,
                                   "aria-describedby": `${id}-hint`, oninput: () => set(split(area.value))});
      return el("div", {class: "field"}, el("label", {for: id}, label), area, el("p", {class: "hint", id: `${id}-hint`}, hint));
    };
    const choose = (id: string, label: string, now: string, options: [string, string][], set: (value: string) => void) => {
      const all = options.some(([v]) => v === now) ? options : [...options, [now, spoken(now)] as [string, string]];
      const select = el("select", {id, disabled: readOnly, onchange: () => set(select.value)},
        ...all.map(([value, text]) => el("option", {value, selected: value === now}, text)));
      return el("div", {class: "field"}, el("label", {for: id}, label), select);
    };
    const fieldNames: [string, string][] = [["", "none"], ...Object.keys(schema.fields).sort().map((f): [string, string] => [f, spoken(f)])];
    const typePart = ([name, rule]: [string, TypeRule], i: number) => el("details", {class: "rule"}, el("summary", {}, spoken(name)),
      words(`type-${i}`, "How questions call them", "separated by commas", rule.words, list => edited.types[name].words = list),
      el("div", {class: "grid"},
        choose(`type-key-${i}`, "Known by its", rule.key ?? "", fieldNames, v => edited.types[name].key = v),
        choose(`type-time-${i}`, "Its day is", rule.time ?? "", fieldNames, v => edited.types[name].time = v)));
    const kinds: [string, string][] = [["", "as its values are"], ...known.kinds.map((k): [string, string] => [k, k])];
    const fieldPart = ([name, rule]: [string, FieldRule], i: number) => el("details", {class: "rule"}, el("summary", {}, spoken(name)),
      words(`field-${i}`, "How questions call it", "separated by commas", rule.words, list => edited.fields[name].words = list),
      words(`headers-${i}`, "Columns that hold it", "their headings, separated by commas", rule.headers, list => edited.fields[name].headers = list),
      choose(`kind-${i}`, "Its values are", rule.kind ?? "", kinds, v => {
        if (v) edited.fields[name].kind = v;
        else delete edited.fields[name].kind;
      }));
    const file = el("textarea", {id: "schema-file", rows: 16, class: "mono", spellcheck: false, value: JSON.stringify(schema, null, 2), readOnly});
    const asFile = el("details", {class: "rule"}, el("summary", {}, "All of it, as a file"),
      el("label", {for: file.id}, "In the form of the files in library/domains"), file,
      known.may_change ? el("div", {class: "buttons start"}, el("button", {type: "button", class: "button small", onclick: () => {
        try {
          void save(JSON.parse(file.value) as Schema, "Saved.");
        } catch (error) {
          fill(view.querySelector(".not-saved")!, `The file is no JSON: ${(error as Error).message}`);
        }
      }}, "Save the file")) : null);
    return el("section", {"aria-labelledby": "schema-title"}, el("h2", {id: "schema-title"}, "Record types and fields"),
      el("p", {class: "hint"}, known.declared ? "As you have declared them." : "As they were found in the papers."),
      el("form", {onsubmit: (event: Event) => (event.preventDefault(), void save(edited, "Saved; the records were made anew."))},
        el("h3", {}, "Types"), ...Object.entries(schema.types).map(typePart),
        el("h3", {}, "Fields"), ...Object.entries(schema.fields).map(fieldPart), asFile,
        known.may_change ? el("div", {class: "buttons start"}, el("button", {class: "button primary", id: "save-schema"}, "Save types and fields"),
          known.declared ? el("button", {type: "button", class: "button danger", onclick: () => confirmFirst("Back to what was found?",
            "What you declared of types, fields and words of this library is given up.", "Give it up", () => void save(null, "As found in the papers."))},
            "Back to what was found") : null) : null));
  }

  async function load(): Promise<void> {
    try {
      const known = await callForJson<Known>("POST", "/freehold/schema", {json: {library}});
      fill(view, el("p", {class: "notice saved", role: "status"}), el("p", {class: "notice fault not-saved", role: "alert"}),
           known.may_change ? null : el("p", {class: "notice"}, "It is changed by keys that hold all labels of this library."),
           lexicon(known), types(known));
    } catch (error) {
      fill(view, el("p", {class: "notice fault", role: "alert"}, (error as Error).message));
    }
  }
  void load();
  return view;
}
