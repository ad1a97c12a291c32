// Making elements. Text only ever becomes text nodes: the page parses no HTML.

type Child = Node | string | null | undefined | false;
type Properties = { [name: string]: unknown };

// Properties of DOM objects by their names, "on..." handlers, and attributes with a dash or of ARIA.
export function el<K extends keyof HTMLElementTagNameMap>(
    tag: K, properties: Properties = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for" || name === "list")
      element.setAttribute(name, String(value));
    else if (name === "class") element.className = String(value);
    else (element as unknown as Properties)[name] = value;
  }
  append(element, ...children);
  return element;
}

export function append(parent: Node, ...children: Child[]): void {
  for (const child of children)
    if (child) parent.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
}

export function fill(parent: Node, ...children: Child[]): void {
  parent.textContent = "";
  append(parent, ...children);
}

const shapes = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  again: "M20 11a8 8 0 1 0-2.3 6.7M20 5v6h-6",
  pencil: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5v5M8 14.5v5",
  chat: "M4 5h16v11H11l-5 4v-4H4z",
  papers: "M7 3h8l4 4v14H7zM15 3v4h4M10 12h6M10 16h6",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  check: "M5 12l5 5 9-10",
  folder: "M3 6h6l2 2h10v11H3z",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
};
export type IconName = keyof typeof shapes;

export function icon(name: IconName): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries(
           {class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false"}))
    svg.setAttribute(key, value);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", shapes[name]);
  svg.appendChild(path);
  return svg;
}

// A button that shows only an icon; its name is read out and shown as a tip.
export function iconButton(name: IconName, label: string, onclick: (event: MouseEvent) => void, more: Properties = {}) {
  return el("button", {type: "button", class: "quiet-button", title: label, "aria-label": label, onclick, ...more},
            icon(name));
}

export function count(number: number): string { return number.toLocaleString("en"); }

export function plural(number: number, one: string, many = one + "s"): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function bytes(number: number): string {
  if (number < 1024) return `${number} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = -1;
  do number /= 1024, ++unit;
  while (number >= 1024 && unit < units.length - 1);
  return `${number.toFixed(number < 10 ? 1 : 0)} ${units[unit]}`;
}

// Said to screen readers, seen by nobody.
let speaker: HTMLElement | undefined;
export function announce(text: string): void {
  if (!speaker) document.body.appendChild(speaker = el("div", {class: "unseen", role: "status", "aria-live": "polite"}));
  speaker.textContent = text;
}

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // pages over plain HTTP from another machine have no clipboard
    const area = el("textarea", {value: text, class: "unseen"});
    document.body.appendChild(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce("Copied");
}

export function copyButton(text: () => string, label = "Copy"): HTMLButtonElement {
  const button = iconButton("copy", label, async () => {
    await copyText(text());
    fill(button, icon("check"));
    setTimeout(() => fill(button, icon("copy")), 1200);
  });
  return button;
}

let dialogs = 0;  // of all that were opened: each heading has an id of its own
// A modal dialog that is gone when it closes.
export function openDialog(title: string, content: Node, className = ""): HTMLDialogElement {
  const id = `dialog-title-${++dialogs}`, heading = el("h2", {id}, title);
  const dialog: HTMLDialogElement = el("dialog", {class: className, "aria-labelledby": id},
                    el("header", {}, heading, iconButton("close", "Close", () => dialog.close())), content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event: MouseEvent) => event.target === dialog && dialog.close());
  document.body.appendChild(dialog);
  dialog.showModal();
  return dialog;
}

export function confirmFirst(title: string, text: string, yes: string, action: () => void): void {
  const dialog: HTMLDialogElement = openDialog(
      title, el("div", {class: "dialog-body"}, el("p", {}, text),
                el("div", {class: "buttons"},
                   el("button", {type: "button", class: "button", onclick: () => dialog.close()}, "Keep"),
                   el("button", {type: "button", class: "button danger", onclick: () => (dialog.close(), action())}, yes))));
}
