// What the user has set: the model, how it chooses words, the theme. Kept in this browser. An empty field is not sent,
// so that the server's own default holds.
import {callForJson} from "./api";
import {confirmFirst, el, openDialog} from "./dom";
import {dropAllChats} from "./chats";

export interface Settings {
  model: string;
  system: string;
  temperature: string;
  top_p: string;
  top_k: string;
  min_p: string;
  repetition_penalty: string;
  max_tokens: string;
  seed: string;
  thinking: "" | "enabled" | "disabled";
  theme: "" | "light" | "dark";
}
const usual: Settings = {
  model: "", system: "", temperature: "0.7", top_p: "0.95", top_k: "", min_p: "", repetition_penalty: "", max_tokens: "",
  seed: "", thinking: "", theme: "",
};

function load(): Settings {
  try {
    const kept = JSON.parse(localStorage.getItem("settings") ?? "{}") as Record<string, unknown>;
    const settings: Record<string, string> = {...usual};
    for (const name of Object.keys(usual)) if (typeof kept[name] === "string") settings[name] = kept[name] as string;
    return settings as unknown as Settings;
  } catch {
    return {...usual};
  }
}
export const settings = load();

function keep(): void {
  try {
    localStorage.setItem("settings", JSON.stringify(settings));
  } catch {
    // a browser that keeps nothing: the settings live as long as the tab
  }
}

export function applyTheme(): void {
  if (settings.theme) document.documentElement.dataset["theme"] = settings.theme;
  else delete document.documentElement.dataset["theme"];
}

// Fields of a request.
export function requestFields(): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "seed"] as const)
    if (settings[name] !== "") fields[name] = Number(settings[name]);
  if (settings.thinking) fields["thinking"] = {type: settings.thinking};
  if (settings.model) fields["model"] = settings.model;
  return fields;
}

interface NumberField {
  name: "temperature" | "top_p" | "top_k" | "min_p" | "repetition_penalty" | "max_tokens" | "seed";
  label: string;
  hint: string;
  least: number;
  most: number;
  step: string;
}
const numbers: NumberField[] = [
  {name: "temperature", label: "Temperature", hint: "0: always the likeliest word", least: 0, most: 2, step: "any"},
  {name: "top_p", label: "Top p", hint: "the likeliest words up to this share", least: 0, most: 1, step: "any"},
  {name: "top_k", label: "Top k", hint: "at most so many words to choose from", least: 0, most: 1000000, step: "1"},
  {name: "min_p", label: "Min p", hint: "none below this share of the likeliest", least: 0, most: 1, step: "any"},
  {name: "repetition_penalty", label: "Repetition penalty", hint: "1: none", least: 0.01, most: 10, step: "any"},
  {name: "max_tokens", label: "Longest answer", hint: "in tokens", least: 1, most: 2147483647, step: "1"},
  {name: "seed", label: "Seed", hint: "the same one gives the same answer", least: 0, most: 4294967295, step: "1"},
];

function numberField(field: NumberField): HTMLElement {
  const id = `set-${field.name}`;
  const input = el("input", {type: "number", id, min: String(field.least), max: String(field.most), step: field.step,
                             value: settings[field.name], placeholder: "default", "aria-describedby": `${id}-hint`,
                             inputMode: field.step === "1" ? "numeric" : "decimal"});
  input.addEventListener("input", () => {
    if (!input.checkValidity()) return;
    settings[field.name] = input.value.trim();
    keep();
  });
  return el("div", {class: "field"}, el("label", {for: id}, field.label), input,
            el("p", {class: "hint", id: `${id}-hint`}, field.hint));
}

function choice<N extends "thinking" | "theme" | "model">(
    name: N, label: string, options: [string, string][], changed: () => void = () => {}): HTMLElement {
  const id = `set-${name}`;
  const select = el("select", {id, onchange: () => {
    settings[name] = select.value as Settings[N];
    keep();
    changed();
  }}, ...options.map(([value, text]) => el("option", {value, selected: settings[name] === value}, text)));
  return el("div", {class: "field"}, el("label", {for: id}, label), select);
}

export async function openSettings(changed: () => void): Promise<void> {
  let models: string[] = [];
  try {
    models = (await callForJson<{data: {id: string}[]}>("GET", "/v1/models")).data.map(m => m.id);
  } catch {
    // the list stays empty: the served model is used
  }
  if (!models.includes(settings.model)) settings.model = "";
  const system = el("textarea", {id: "set-system", rows: 4, value: settings.system,
                                 placeholder: "How it should answer, whom it speaks to", oninput: () => {
    settings.system = system.value;
    keep();
  }});
  const form = el("form", {class: "dialog-body", onsubmit: (event: Event) => event.preventDefault()},
    choice("model", "Model", [["", models.length === 1 ? models[0] : "The one that is served"],
                              ...(models.length > 1 ? models.map((m): [string, string] => [m, m]) : [])], changed),
    el("div", {class: "field"}, el("label", {for: "set-system"}, "Instructions for every chat"), system),
    choice("thinking", "Thinking", [["", "As the model does"], ["enabled", "On"], ["disabled", "Off"]]),
    el("fieldset", {class: "grid"}, el("legend", {}, "How words are chosen"), ...numbers.map(numberField)),
    choice("theme", "Colours", [["", "As this device has it"], ["light", "Light"], ["dark", "Dark"]], applyTheme),
    el("div", {class: "buttons apart"},
       el("button", {type: "button", class: "button", onclick: () => {
         Object.assign(settings, usual, {theme: settings.theme});
         keep();
         dialog.close();
         void openSettings(changed);
       }}, "Back to the usual"),
       el("button", {type: "button", class: "button danger", onclick: () => confirmFirst(
           "Delete all chats?", "They are kept in this browser only. What is deleted is gone.", "Delete all",
           async () => (await dropAllChats(), location.reload()))}, "Delete all chats")));
  const dialog = openDialog("Settings", form, "sheet");
}
