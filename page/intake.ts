// Papers on their way in: from a drop or a choice to files with paths, to the server, to what came of each.
import {call, callForJson, eventsOf, refusal} from "./api";
import {announce, el, fill, plural} from "./dom";

export interface Incoming {
  path: string;
  file: File;
}
interface Report {
  files: {file: string; status: string; rows: number; fault?: string}[];
  merged: number;
}
const mostBytes = 64 << 20;

// Hidden files are left out, as ingest does; of one folder alone, its own name is not a part of the paths.
function sorted(papers: Incoming[], folder: string): {name: string; papers: Incoming[]} {
  const inside = papers.every(p => p.path.startsWith(folder + "/"));
  const kept = papers.map(p => ({file: p.file, path: folder && inside ? p.path.slice(folder.length + 1) : p.path}))
      .filter(p => !p.path.split("/").some(part => part.startsWith(".") || part.startsWith("~$")));
  return {name: folder, papers: kept};
}

export function chosenPapers(files: FileList | null): {name: string; papers: Incoming[]} {
  const papers = [...files ?? []].map(file => ({file, path: file.webkitRelativePath || file.name}));
  return sorted(papers, papers[0]?.path.includes("/") ? papers[0].path.split("/")[0] : "");
}

async function walk(entry: FileSystemEntry, out: Incoming[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    out.push({file, path: entry.fullPath.replace(/^\//, "")});
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {  // comes in pieces
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return;
    for (const one of some) await walk(one, out);
  }
}

export async function droppedPapers(data: DataTransfer | null): Promise<{name: string; papers: Incoming[]}> {
  const entries = [...data?.items ?? []].map(item => item.webkitGetAsEntry()).filter((e): e is FileSystemEntry => e !== null);
  const papers: Incoming[] = [];
  for (const entry of entries) await walk(entry, papers);
  return sorted(papers, entries.length === 1 && entries[0].isDirectory ? entries[0].name : "");
}

async function readThem(library: string, bar: HTMLProgressElement): Promise<Report> {
  const response = await call("POST", "/freehold/ingest", {json: {library}});
  for await (const data of eventsOf(response)) {
    const event = JSON.parse(data) as {done?: number; report?: Report; error?: unknown};
    if (event.error) throw refusal(data, 500);
    if (event.report) return event.report;
    if (event.done !== undefined) bar.value = event.done;
  }
  throw new Error("The connection broke while the papers were read. What was read so far is kept.");
}

// Sends and reads them, showing how far it is, and in the end what was not read and why.
export async function sendPapers(library: string, papers: Incoming[], place: HTMLElement): Promise<void> {
  const bar = el("progress", {max: 1, value: 0, "aria-label": "Progress"});
  const text = el("p", {}, "");
  const faults: string[] = [];
  fill(place, el("div", {class: "card"}, text, bar));
  const start = performance.now();
  try {
    for (const [i, paper] of papers.entries()) {
      const left = i > 0 ? (performance.now() - start) / i * (papers.length - i) / 1000 : 0;
      text.textContent = `Sending ${i + 1} of ${papers.length}` + (left > 2 ? `, ${Math.round(left)} s left` : "");
      bar.value = i / papers.length;
      if (paper.file.size > mostBytes) {
        faults.push(`${paper.path}: is over 64 MiB`);
        continue;
      }
      const path = paper.path.normalize("NFC").split("/").map(encodeURIComponent).join("/");
      try {
        await callForJson("PUT", `/freehold/libraries/${encodeURIComponent(library)}/papers/${path}`, {bytes: paper.file});
      } catch (error) {
        faults.push(`${paper.path}: ${(error as Error).message}`);
      }
    }
    text.textContent = "Reading";
    bar.value = 0;
    const report = await readThem(library, bar);
    const read = report.files.filter(f => f.status === "read").length;
    for (const file of report.files) if (file.fault) faults.push(`${file.file}: ${file.fault}`);
    const same = report.files.filter(f => f.status === "unchanged").length;
    const said = `${plural(read, "paper")} read` + (same ? `, ${same} unchanged` : "") + (faults.length ? `, ${faults.length} not read` : "")
        + (report.merged ? `; ${plural(report.merged, "record")} told twice and counted once` : "") + ".";
    announce(said);
    fill(place, el("div", {class: "card done"}, el("p", {}, said),
                   faults.length ? el("ul", {class: "faults"}, ...faults.map(f => el("li", {}, f))) : null));
  } catch (error) {
    fill(place, el("div", {class: "card"}, el("p", {class: "notice fault"}, (error as Error).message),
                   faults.length ? el("ul", {class: "faults"}, ...faults.map(f => el("li", {}, f))) : null));
  }
}
