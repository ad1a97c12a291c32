// Chats as trees of turns, kept in this browser (IndexedDB). Asking again or editing grows a branch beside the old one;
// nothing is lost. Where the browser keeps nothing (a private window), they live as long as the tab.

export interface Facts {
  tokens: number;
  seconds: number;  // from the first token to the last
  first: number;    // seconds to the first token
  prompt: number;
  cached: number;
  thinking: number;
  joules?: number;
  cost?: string;
}
export interface Turn {
  id: string;
  parent: string | null;
  role: "user" | "assistant";
  text: string;
  thinking?: string;
  thought?: number;  // seconds
  at: number;
  facts?: Facts;
  end?: "stopped" | "cut" | "failed";
  fault?: string;
}
export interface Chat {
  id: string;
  title: string;
  changed: number;
  turns: Turn[];
  leaf: string | null;
}

export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, "0")).join("");
}
export function newChat(): Chat { return {id: newId(), title: "New chat", changed: Date.now(), turns: [], leaf: null}; }

export function turnOf(chat: Chat, id: string | null): Turn | undefined { return chat.turns.find(t => t.id === id); }

// From the first turn to the leaf.
export function pathOf(chat: Chat): Turn[] {
  const path: Turn[] = [];
  for (let turn = turnOf(chat, chat.leaf); turn && path.length <= chat.turns.length; turn = turnOf(chat, turn.parent))
    path.unshift(turn);
  return path;
}

// The turn and those that stand in its place in other branches, oldest first.
export function siblings(chat: Chat, turn: Turn): Turn[] { return chat.turns.filter(t => t.parent === turn.parent); }

export function add(chat: Chat, parent: string | null, role: Turn["role"], text: string): Turn {
  const turn: Turn = {id: newId(), parent, role, text, at: Date.now()};
  chat.turns.push(turn);
  chat.leaf = turn.id;
  return turn;
}

// Goes over to the branch of a turn, to its newest end.
export function choose(chat: Chat, turn: Turn): void {
  let at = turn;
  for (;;) {
    const next = chat.turns.filter(t => t.parent === at.id).pop();
    if (!next) break;
    at = next;
  }
  chat.leaf = at.id;
}

let opened: Promise<IDBDatabase | null> | undefined;
const inMemory = new Map<string, Chat>();

function database(): Promise<IDBDatabase | null> {
  return opened ??= new Promise(done => {
    try {
      const request = indexedDB.open("freehold", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("chats", {keyPath: "id"});
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(null);
    } catch {
      done(null);
    }
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  const open = await database();
  if (!open) return undefined;
  return new Promise(done => {
    const request = work(open.transaction("chats", mode).objectStore("chats"));
    request.onsuccess = () => done(request.result);
    request.onerror = () => done(undefined);
  });
}

export async function loadChats(): Promise<Chat[]> {
  const kept = await within("readonly", store => store.getAll()) as Chat[] | undefined;
  return (kept ?? [...inMemory.values()]).sort((a, b) => b.changed - a.changed);
}
export async function keepChat(chat: Chat): Promise<void> {
  if (await within("readwrite", store => store.put(chat)) === undefined) inMemory.set(chat.id, chat);
}
export async function dropChat(id: string): Promise<void> {
  inMemory.delete(id);
  await within("readwrite", store => store.delete(id));
}
export async function dropAllChats(): Promise<void> {
  inMemory.clear();
  await within("readwrite", store => store.clear());
}
