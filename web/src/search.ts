// Search over the folders that the server offers, if it does: a question, filters, hits with why and where. The hits' texts are
// other people's files and only ever texts here.
import { ApiError, indexes, search, type Hit, type Index } from "./api";
import { byId, el, plural, show } from "./dom";
import { noticed } from "./server";

const kEveryMs = 5000;
const kIndexingMs = 1000;

const question = byId<HTMLInputElement>("search-query");
let isServed = false;
let timer = 0;
let running: AbortController | undefined;

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

// What of a snippet is marked: the text itself, the expression, or words (also those within a name) that begin as the terms of
// the reasons do. Terms are stems: "kei" is of key and keys.
function marked(query: string, mode: string, why: string[]): RegExp | undefined {
  try {
    if (mode === "exact") return new RegExp(escaped(query), "g");
    if (mode === "regex") return new RegExp(query, "gm");
  } catch {
    return undefined; // RE2's syntax, not this one's
  }
  const after = (start: RegExp) => why.filter((reason) => start.test(reason)).flatMap((reason) => reason.replace(start, "").split(", "));
  const forms = after(/^terms: /).flatMap((stem) => {
    const end = (text: string) => escaped(text).replace(/i$/, "[iy]").replace(/I$/, "[IY]");
    return [`(?<!\\p{L})${end(stem)}`, end(stem[0]!.toUpperCase() + stem.slice(1)), `(?<!\\p{L})${end(stem.toUpperCase())}`];
  });
  const parts = [...after(/^(?:defines|its name has) /).map(escaped), ...forms];
  return parts.length ? new RegExp(parts.join("|"), "gu") : undefined;
}

function line(text: string, mark: RegExp | undefined): (string | HTMLElement)[] {
  if (!mark) return [text];
  const out: (string | HTMLElement)[] = [];
  let at = 0;
  for (const match of text.matchAll(mark)) {
    if (!match[0]) continue;
    out.push(text.slice(at, match.index), el("mark", {}, match[0]));
    at = match.index + match[0].length;
  }
  return [...out, text.slice(at)];
}

function card(hit: Hit, query: string, mode: string): HTMLElement {
  const mark = marked(query, mode, hit.why);
  const rows = hit.snippet.split("\n").map((text, i) => el("div", { class: "line" }, el("span", { class: "number", "aria-hidden": true }, hit.snippet_line + i), el("code", {}, ...line(text, mark))));
  return el("article", { class: "hit" },
    el("h3", {}, hit.path, el("span", { class: "number" }, `:${hit.start_line}–${hit.end_line}`), hit.symbol ? el("span", { class: "note" }, ` ${hit.kind} ${hit.symbol}`) : null),
    el("p", { class: "why" }, ...hit.why.map((reason) => el("span", { class: "tag" }, reason))),
    el("div", { class: "excerpt" }, ...rows),
    hit.copies.length ? el("p", { class: "note" }, `The same in ${hit.copies.join(", ")}`) : null);
}

function said(text: string, isBad = false): void {
  const box = byId("search-said");
  box.textContent = text;
  box.classList.toggle("bad", isBad);
}

async function ask(): Promise<void> {
  const query = question.value;
  if (!query.trim()) return said("Write what to look for.", true);
  running?.abort();
  const mine = (running = new AbortController());
  const mode = byId<HTMLSelectElement>("search-mode").value;
  const field = (id: string) => byId<HTMLInputElement>(id).value.split(",").map((part) => part.trim()).filter(Boolean);
  const [path, language] = [field("search-path"), field("search-language")];
  said("Searching…");
  const began = performance.now();
  try {
    const found = await search({ query, mode, ...(path.length ? { path } : {}), ...(language.length ? { language } : {}) }, mine.signal);
    byId("hits").replaceChildren(...found.hits.map((hit) => card(hit, query, mode)));
    const what = mode === "exact" || mode === "regex" ? plural(found.n_found, "line") : plural(found.n_found, mode === "symbol" ? "definition" : "file");
    said(`${found.hits.length ? `${found.hits.length} of ${what}` : "Nothing found"} in ${Math.round(performance.now() - began)} ms.${found.index.complete ? "" : " The index is not complete yet: more may be found later."}`);
  } catch (error) {
    if (mine.signal.aborted) return;
    byId("hits").replaceChildren();
    const seen = error instanceof ApiError ? error : new ApiError(0, "This page made a mistake.", String(error));
    noticed(seen);
    said(`${seen.message} ${seen.hint}`, true);
  }
}

function state(index: Index): string {
  const size = `${index.name}: ${plural(index.files, "file")}, ${plural(index.chunks, "chunk")}${index.embedding ? `, ${(index.vectors ?? 0).toLocaleString("en")} with vectors` : ""}`;
  if (index.error) return `${size}, ${index.error}`;
  if (!index.indexing) return index.complete ? size : `${size}, not complete`;
  return `${size}, indexing${index.files_to_do ? ` ${index.files_done.toLocaleString("en")} of ${index.files_to_do.toLocaleString("en")}` : ""}`;
}

async function look(): Promise<void> {
  clearTimeout(timer);
  if (!isServed || document.hidden) return;
  let wait = kEveryMs;
  try {
    const now = await indexes(AbortSignal.timeout(15_000));
    byId("search-dense").hidden = now.every((index) => index.vectors === null);
    byId("search-state").textContent = now.map(state).join("; ");
    if (now.some((index) => index.indexing || index.embedding)) wait = kIndexingMs;
  } catch {
    // The look at the server itself says what is wrong.
  }
  timer = setTimeout(look, wait);
}

// The server said which indexes it has.
export function takeIndexes(names: string[]): void {
  const begins = !isServed && names.length > 0;
  isServed = names.length > 0;
  show("search", isServed);
  document.querySelector("main")!.classList.toggle("searches", isServed);
  if (begins) void look();
}

export function setUpSearch(): void {
  document.addEventListener("visibilitychange", () => void look());
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void ask();
  });
}
