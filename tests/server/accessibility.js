// What a reader with a keyboard, a screen reader or weak eyes would stumble over, as a list of sentences. Looks at what
// is visible: contrast of text to what lies behind it (4.5, large text 3), names of everything that can be used, ids,
// language, one main and one first heading, sizes of what is to be touched: 24 pixels, 40 where fingers do.
const found = [];
const seen = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !e.closest("[inert]") &&
    !e.closest(".unseen") && e.getClientRects().length > 0;
const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});
const rgba = color => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const behind = element => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    layers.push(rgba(getComputedStyle(e).backgroundColor));
    if (layers.at(-1)[3] === 1 || e.tagName === "DIALOG") break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
  const v = c[i] / 255;
  return sum + weight * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
}, 0);
const words = e => (e.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
for (let node; (node = walker.nextNode());) {
  const e = node.parentElement;
  if (!node.data.trim() || ["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(e.tagName) || !seen(e)) continue;
  if (e.closest(":disabled") || (document.querySelector("dialog[open]") && !e.closest("dialog"))) continue;
  ++texts;
  const style = getComputedStyle(e), below = behind(e), size = parseFloat(style.fontSize);
  const [a, b] = [light(over(rgba(style.color), below)), light(below)].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05), needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  if (contrast < needed) found.push(`contrast ${contrast.toFixed(2)} of "${node.data.trim().slice(0, 40)}" (${e.className})`);
}
if (texts < 3) found.push(`only ${texts} texts were seen`);
const least = matchMedia("(pointer: coarse)").matches ? 40 : 24;
const usable = "a[href], button, input, select, textarea, summary, [tabindex='0'], dialog, aside, nav, figure";
for (const e of document.querySelectorAll(usable)) {
  if (!seen(e)) continue;
  const label = e.getAttribute("aria-label") || e.labels?.[0]?.textContent ||
      document.getElementById(e.getAttribute("aria-labelledby"))?.textContent ||
      (e.matches("input, select, textarea") ? "" : e.textContent);
  if (!label?.trim()) found.push(`no name: ${e.outerHTML.slice(0, 120)}`);
  const box = e.getBoundingClientRect();
  if (e.matches("a, button, input, select, textarea, summary") && !e.matches(".outlink, .skip") && Math.min(box.width, box.height) < least)
    found.push(`too small to touch, ${box.width} x ${box.height}: ${e.outerHTML.slice(0, 120)}`);
}
const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id twice: ${id}`);
for (const e of document.querySelectorAll("[aria-controls], [aria-labelledby], [aria-describedby], label[for]"))
  for (const name of ["aria-controls", "aria-labelledby", "aria-describedby", "for"])
    if (e.getAttribute(name) && !document.getElementById(e.getAttribute(name))) found.push(`${name} leads nowhere: ${e.outerHTML.slice(0, 120)}`);
if (!document.documentElement.lang) found.push("no language");
for (const one of ["main", "h1"])
  if (document.querySelectorAll(one).length !== 1) found.push(`not exactly one ${one}`);
if (document.documentElement.scrollWidth > innerWidth) found.push(`${document.documentElement.scrollWidth} px wide on ${innerWidth}`);
return found;
