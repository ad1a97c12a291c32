// Text of a model as elements, made one by one from markdown-it's tokens: no HTML is parsed anywhere, what looks like
// HTML is text. Links and images are shown as text, and nothing is ever fetched for them.
import MarkdownIt, {Token} from "markdown-it";
import {append, copyButton, copyText, el, openDialog} from "./dom";

const markdown = new MarkdownIt({html: false, linkify: false, breaks: false});
const plain = new Set(["p", "ul", "ol", "li", "blockquote", "em", "strong", "s", "thead", "tbody", "tr", "th", "td"]);

// A link as its words; a click shows where it leads, and leaves it to the reader to go there.
function linkAsText(words: string, address: string): HTMLElement {
  if (!/^(https?|mailto):/i.test(address)) return el("span", {}, address ? `${words} (${address})` : words);
  return el("button", {type: "button", class: "outlink", onclick: () => {
    const dialog = openDialog("This leads out", el("div", {class: "dialog-body"},
      el("p", {}, "The model wrote this address. Opening it tells that place that you came."),
      el("p", {class: "address"}, address),
      el("div", {class: "buttons"},
         el("button", {type: "button", class: "button", onclick: () => void copyText(address).then(() => dialog.close())},
            "Copy it"),
         el("a", {class: "button", href: address, target: "_blank", rel: "noopener noreferrer",
                  onclick: () => dialog.close()}, "Open it"))));
  }}, words || address);
}

function codeBlock(text: string, info: string): HTMLElement {
  const language = /^[\w+#.-]{1,30}/.exec(info.trim())?.[0] ?? "";
  const code = text.replace(/\n$/, "");
  return el("figure", {class: "code", "aria-label": language ? `Code, ${language}` : "Code"},
            el("figcaption", {}, el("span", {}, language || "code"), copyButton(() => code, "Copy the code")),
            el("pre", {tabIndex: 0}, el("code", {}, code)));
}

// What a token opens, and what it looks like where it stands when that is not the same.
function opened(token: Token, last: {heading: number}): {inner: HTMLElement; outer?: HTMLElement} {
  if (token.type === "heading_open") {  // those of an answer stand below the page's own, and pass over no level
    last.heading = Math.min(6, Number(token.tag[1]) + 2, last.heading + 1);
    return {inner: el(`h${last.heading}` as "h3", {class: `was-${token.tag}`})};
  }
  if (token.type === "table_open") {
    const inner = el("table");
    return {inner, outer: el("div", {class: "wide", tabIndex: 0, role: "region", "aria-label": "Table"}, inner)};
  }
  const inner = document.createElement(plain.has(token.tag) ? token.tag : "span");
  if (token.tag === "ol" && token.attrGet("start")) (inner as HTMLOListElement).start = Number(token.attrGet("start"));
  return {inner};
}

function build(tokens: Token[], root: Node, last: {heading: number}): void {
  const stack: Node[] = [root];
  const links: string[] = [];
  for (const token of tokens) {
    const top = stack[stack.length - 1];
    if (token.type === "inline") build(token.children ?? [], top, last);
    else if (token.type === "softbreak") append(top, "\n");
    else if (token.type === "hardbreak") append(top, el("br"));
    else if (token.type === "hr") append(top, el("hr"));
    else if (token.type === "code_inline") append(top, el("code", {}, token.content));
    else if (token.type === "fence" || token.type === "code_block") append(top, codeBlock(token.content, token.info));
    else if (token.type === "image")
      append(top, linkAsText(`[image: ${token.content || "no description"}]`, token.attrGet("src") ?? ""));
    else if (token.type === "link_open") links.push(token.attrGet("href") ?? ""), stack.push(el("span"));
    else if (token.type === "link_close")
      stack.pop(), append(stack[stack.length - 1], linkAsText(top.textContent ?? "", links.pop() ?? ""));
    else if (token.nesting === 1 && token.hidden) stack.push(top);  // a paragraph of a tight list
    else if (token.nesting === 1) {
      const {inner, outer} = opened(token, last);
      append(top, outer ?? inner);
      stack.push(inner);
    } else if (token.nesting === -1) stack.pop();
    else append(top, token.content);
  }
}

export function render(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  build(markdown.parse(text, {}), fragment, {heading: 2});
  return fragment;
}
