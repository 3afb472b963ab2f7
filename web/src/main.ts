// The page: what is written, one button, what comes back.
import { ApiError, scores, tokens, type Model, type Prompt, type Question, type Tokens, type Truncate } from "./api";
import { byId, el, plural, show } from "./dom";
import { examples } from "./examples";
import { drawHeatmap } from "./heatmap";
import { drawNearest } from "./nearest";
import { setUpSearch, takeIndexes } from "./search";
import { noticed, setUpServer } from "./server";
import { drawSnippets, setUpSnippets } from "./snippets";
import { setUpTheme } from "./theme";
import { drawTokens } from "./tokens";

const kMaxCells = 4096; // a table that can still be looked at

const queries = byId<HTMLTextAreaElement>("queries");
const passages = byId<HTMLTextAreaElement>("passages");
const modelBox = byId<HTMLSelectElement>("model");
const promptBox = byId<HTMLSelectElement>("prompt");
const wordsBox = byId<HTMLInputElement>("words");
const truncateBox = byId<HTMLSelectElement>("truncate");
let models: Model[] = [];
let running: AbortController | undefined;

const splitAt = () => document.querySelector<HTMLInputElement>('input[name="split"]:checked')!.value as "line" | "block";

function texts(box: HTMLTextAreaElement): string[] {
  const parts = box.value.split(splitAt() === "line" ? /\r?\n/ : /(?:\r?\n[ \t]*){2,}/);
  return parts.map((text) => (splitAt() === "line" ? text.trim() : text.replace(/^(?:[ \t]*\n)+|\s+$/g, ""))).filter(Boolean);
}

function chosenModel(): Model | undefined {
  return models.find((model) => model.id === modelBox.value) ?? models[0];
}

function prompt(): Prompt {
  const kind = promptBox.value as Prompt["kind"];
  return kind === "task" || kind === "exact" ? { kind, words: wordsBox.value } : { kind };
}

// What is put in front of a query, as far as the server has told.
function prefix(): string | null {
  const asked = prompt();
  const known = chosenModel()?.prompts;
  if (asked.kind === "exact") return asked.words;
  if (asked.kind === "none" || !known) return "";
  return asked.kind === "task" ? (known.task_template ?? "").replace("{task}", asked.words) : known.query;
}

function refresh(): void {
  byId("n-queries").textContent = plural(texts(queries).length, "query", "queries");
  byId("n-passages").textContent = plural(texts(passages).length, "passage");
  const takesTask = !chosenModel() || Boolean(chosenModel()!.prompts.task_template);
  const task = promptBox.querySelector<HTMLOptionElement>('option[value="task"]')!;
  task.disabled = !takesTask;
  task.textContent = takesTask ? "a task" : "a task (not this model)";
  if (!takesTask && promptBox.value === "task") promptBox.value = "default";
  const asked = prompt();
  show("words-field", "words" in asked);
  byId("words-label").textContent = asked.kind === "task" ? "Task" : "Text before each query";
  wordsBox.placeholder = asked.kind === "task" ? "Given a question, retrieve passages that answer it" : "query: ";
  const front = prefix();
  byId("preview").replaceChildren(...(front ? ["A query is read as ", el("code", {}, front.replaceAll("\n", "⏎") + "…")] : ["Queries are read as they are, with nothing in front."]));
}

function takeModels(served: Model[]): void {
  models = served;
  const ids = served.map((model) => model.id);
  if ([...modelBox.options].map((option) => option.value).join("\n") === ids.join("\n")) return;
  const before = modelBox.value;
  modelBox.replaceChildren(...ids.map((id) => el("option", { value: id }, id)));
  modelBox.value = ids.includes(before) ? before : (served.find((model) => model.default)?.id ?? ids[0] ?? "");
  refresh();
}

function fill(index: number): void {
  const example = examples[index]!;
  const between = example.split === "line" ? "\n" : "\n\n";
  document.querySelector<HTMLInputElement>(`input[name="split"][value="${example.split}"]`)!.checked = true;
  queries.value = example.queries.join(between);
  passages.value = example.passages.join(between);
  refresh();
}

function complain(error: unknown): void {
  if (error instanceof ApiError && noticed(error) && error.status === 401) return;
  const seen = error instanceof ApiError ? error : new ApiError(0, "This page made a mistake.", String(error));
  const box = byId("error");
  box.replaceChildren(el("h2", {}, seen.message), seen.hint ? el("p", {}, seen.hint) : "");
  if (seen.code === "context_length_exceeded") {
    const cut = el("button", { type: "button" }, "Cut long texts at the end");
    cut.addEventListener("click", () => {
      truncateBox.value = "END";
      void compare();
    });
    box.append(cut);
  }
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

function named(question: Question, ofQueries: Tokens[], ofPassages: Tokens[]) {
  const join = (letter: string, list: string[], counts: Tokens[]) => counts.map((count, i) => ({ name: `${letter}${i + 1}`, text: list[i]!, tokens: count }));
  return [...join("Q", question.queries, ofQueries), ...join("P", question.passages, ofPassages)];
}

async function compare(): Promise<void> {
  const question: Question = { model: modelBox.value, queries: texts(queries), passages: texts(passages), prompt: prompt(), truncate: truncateBox.value as Truncate };
  show("error", false);
  const rows = question.queries.length ? question.queries : question.passages;
  if (question.passages.length < (question.queries.length ? 1 : 2)) {
    complain(new ApiError(400, "There is nothing to compare.", question.queries.length ? "Write at least one passage." : "Write a query and a passage, or two passages."));
    (question.queries.length ? passages : queries).focus();
    return;
  }
  if (rows.length * question.passages.length > kMaxCells) {
    complain(new ApiError(400, `${rows.length} by ${question.passages.length} texts are more than this page draws (${kMaxCells.toLocaleString("en")} pairs).`, "Take fewer here; POST /v1/similarity itself takes more."));
    return;
  }
  running?.abort();
  const mine = (running = new AbortController());
  const busy = (on: boolean) => {
    show("stop", on);
    byId("results").setAttribute("aria-busy", String(on));
    byId("go").textContent = on ? "Comparing…" : "Compare";
  };
  busy(true);
  byId("summary").textContent = "Comparing…";
  const began = performance.now();
  // Counting comes first and is cheap: it is also there when the comparison is refused for a text's length.
  const counted = Promise.all([tokens(question, "queries", mine.signal), tokens(question, "passages", mine.signal)]);
  const max = models.find((model) => model.id === question.model)?.max_tokens ?? 0;
  const drawn = counted.then(([q, p]) => {
    if (mine.signal.aborted) return;
    drawTokens(named(question, q, p), max, question.truncate);
    show("tokens", true);
    show("empty", false);
  });
  drawn.catch(() => show("tokens", false)); // why, the comparison says: what fails here fails there
  try {
    const matrix = await scores(question, mine.signal);
    const took = performance.now() - began;
    await drawn;
    const names = { row: question.queries.length ? "Q" : "P", column: "P" };
    drawHeatmap(rows, question.passages, names, matrix);
    drawNearest(rows, question.passages, names, matrix);
    drawSnippets(question);
    for (const id of ["heat", "near", "code"]) show(id, true);
    show("empty", false);
    const cut = (await counted).flat().filter((count) => count.truncated).length;
    byId("summary").textContent = `${question.queries.length ? `${plural(rows.length, "query", "queries")} and ${plural(question.passages.length, "passage")}` : plural(rows.length, "passage")} compared by ${question.model} in ${took < 1000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(1)} s`}${cut ? `; ${plural(cut, "text was", "texts were")} cut` : ""}.`;
    if (matchMedia("(max-width: 900px)").matches) byId("summary").scrollIntoView({ block: "start" });
  } catch (error) {
    for (const id of ["heat", "near", "code"]) show(id, false);
    if (mine.signal.aborted) {
      if (running === mine) byId("summary").textContent = "Stopped.";
    } else {
      byId("summary").textContent = "";
      complain(error);
    }
  } finally {
    if (running === mine) {
      running = undefined;
      busy(false);
    }
  }
}

byId("example").replaceChildren(...examples.map(({ name }, i) => el("option", { value: i }, name)));
byId<HTMLSelectElement>("example").addEventListener("change", (event) => fill(Number((event.target as HTMLSelectElement).value)));
byId("ask").addEventListener("input", refresh);
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  void compare();
});
byId("ask").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    void compare();
  }
});
byId("stop").addEventListener("click", () => running?.abort());
setUpTheme();
setUpSnippets();
fill(0);
setUpSearch();
setUpServer((now) => {
  takeModels(now.models);
  takeIndexes(now.indexes);
});
