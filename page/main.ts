// The page: the side with the rooms, and the room that is open.
import {chatRoom} from "./chat";
import {el, fill, icon, iconButton} from "./dom";
import {papersRoom} from "./papers";
import {Room} from "./room";
import {applyTheme} from "./settings";
import {startWatching, stateButton} from "./state";
import "./base.css";
import "./chat.css";
import "./papers.css";

applyTheme();
const rooms: Room[] = [chatRoom(), papersRoom()];

const narrow = matchMedia("(max-width: 50rem)");
const sidePart = el("div", {class: "side-room"});
const place = el("main", {id: "room", tabIndex: -1});
const links = rooms.map(room => el("a", {class: "room-link", href: `#${room.name}`}, icon(room.icon), room.title));
const side = el("aside", {class: "side", id: "side", "aria-label": "Rooms and lists"},
  el("div", {class: "side-head"}, el("span", {class: "brand"}, "Freehold"),
     iconButton("close", "Close the side", () => showSide(false), {class: "quiet-button only-narrow"})),
  el("nav", {"aria-label": "Rooms"}, ...links), sidePart, stateButton());
const shade = el("div", {class: "shade", onclick: () => showSide(false)});
const menu = iconButton("menu", "Rooms and lists", () => showSide(true), {
  class: "quiet-button menu-button only-narrow", "aria-controls": "side", "aria-expanded": "false"});

function showSide(open: boolean): void {
  document.body.classList.toggle("side-open", open);
  menu.setAttribute("aria-expanded", String(open));
  side.inert = narrow.matches && !open;
  if (open) side.querySelector<HTMLElement>("button, a")?.focus();
  else if (narrow.matches && side.contains(document.activeElement)) menu.focus();
}

function openRoom(): void {
  const room = rooms.find(r => location.hash === `#${r.name}`) ?? rooms[0];
  links.forEach((link, i) => rooms[i] === room ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current"));
  fill(place, room.element);
  fill(sidePart, room.side);
  document.title = `${room.title} · Freehold`;
  showSide(false);
  room.opened();
}

document.body.append(menu, side, shade, place);
document.addEventListener("chosen", () => showSide(false));
document.addEventListener("keydown", event => event.key === "Escape" && showSide(false));
narrow.addEventListener("change", () => showSide(false));
window.addEventListener("hashchange", openRoom);
void startWatching();
openRoom();
