// The server as seen from here: asked every few seconds while somebody looks, and never while the last answer is awaited.
import { ApiError, key, setKey, status, type Model, type Status } from "./api";
import { byId, el, plural, show } from "./dom";

const kEveryMs = 4000;
const kSlowestMs = 16000; // while it does not answer

export type State = "asking" | "ready" | "draining" | "away" | "key" | "trouble";

const words: Record<State, string> = {
  asking: "asking the server",
  ready: "ready",
  draining: "shutting down",
  away: "server away",
  key: "API key needed",
  trouble: "trouble",
};

let timer = 0;
let wait = kEveryMs;
let asking: AbortController | undefined;
let keyTried = false;
let onStatus: (now: Status) => void = () => {};

export function setState(state: State, more = ""): void {
  byId("state").dataset["state"] = state;
  byId("state-text").textContent = words[state] + (more ? `, ${more}` : "");
  show("key-card", state === "key");
  show("away", state === "away" || state === "draining" || state === "trouble");
}

// What an answer, of this page's polling or of a request, says about the server itself.
export function noticed(error: ApiError): boolean {
  if (error.status === 401) {
    byId("key-error").textContent = keyTried && key() ? "The server does not know this key." : "";
    byId("server-note").textContent = "";
    setState("key");
    return true;
  }
  if (error.status === 0) {
    byId("away").replaceChildren(el("h2", {}, "The server does not answer"), el("p", {}, "It may be stopped, or the way to it is cut. The page keeps trying; what is written here stays."));
    setState("away");
    return true;
  }
  if (error.status === 503) {
    sayDraining();
    return true;
  }
  return false;
}

function sayDraining(): void {
  byId("away").replaceChildren(el("h2", {}, "The server is shutting down"), el("p", {}, "It answers what it has accepted and takes nothing new. The page keeps looking for it to come back."));
  setState("draining");
}

function duration(seconds: number): string {
  if (seconds < 90) return plural(Math.round(seconds), "second");
  if (seconds < 5400) return plural(Math.round(seconds / 60), "minute");
  return seconds < 172800 ? plural(Math.round(seconds / 3600), "hour") : plural(Math.round(seconds / 86400), "day");
}

function meter(name: string, n: number, max: number): HTMLElement {
  const bar = el("i", { class: max > 0 && n / max > 0.8 ? "meter over" : "meter", "aria-hidden": true });
  bar.style.setProperty("--t", max > 0 ? Math.min(1, n / max).toFixed(3) : "0");
  return el("div", {}, el("dt", {}, name), el("dd", { class: "number" }, `${n.toLocaleString("en")} of ${max.toLocaleString("en")}`, bar));
}

function card(model: Model): HTMLElement {
  const fact = (name: string, value: string) => el("div", {}, el("dt", {}, name), el("dd", { class: "number" }, value));
  const { name, restriction } = model.license;
  return el("article", { class: "model" },
    el("h3", {}, model.id, model.default ? el("span", { class: "tag" }, "default") : null),
    model.aliases.length ? el("p", { class: "note" }, `also answers to ${model.aliases.join(", ")}`) : null,
    el("dl", {},
      fact("Dimensions", model.dimensions.toLocaleString("en")),
      fact("Tokens a text", model.max_tokens.toLocaleString("en")),
      meter("Requests waiting", model.queue.waiting_requests, model.queue.max_requests),
      meter("Tokens waiting", model.queue.waiting_tokens, model.queue.max_tokens)),
    el("p", { class: restriction ? "licence warn" : "licence" }, `Licence of the weights: ${name ?? "not known"}`, restriction ? el("b", {}, ` (${restriction})`) : null));
}

function draw(now: Status): void {
  byId("server-note").textContent = `Lodestone ${now.version}, up for ${duration(now.uptime_s)}`;
  byId("models").replaceChildren(...now.models.map(card));
  if (now.status === "draining") return sayDraining();
  const waiting = now.models.reduce((sum, model) => sum + model.queue.waiting_requests, 0);
  setState("ready", waiting > 0 ? `${plural(waiting, "request")} waiting` : "");
}

async function poll(): Promise<void> {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = new AbortController();
  const limit = setTimeout(() => asking?.abort(), 15_000);
  try {
    const now = await status(asking.signal);
    draw(now);
    onStatus(now);
    wait = kEveryMs;
  } catch (error) {
    const seen = error instanceof ApiError ? error : new ApiError(0, String(error));
    if (seen.status === 429) wait = kSlowestMs; // it lives; ask less
    else if (!noticed(seen)) {
      byId("away").replaceChildren(el("h2", {}, "The server's state cannot be read"), el("p", {}, `${seen.message} ${seen.hint}`));
      setState("trouble");
    }
    wait = Math.min(kSlowestMs, wait * 1.5);
  } finally {
    clearTimeout(limit);
    asking = undefined;
  }
  // Without the right key each look would only be one more refusal in the server's log.
  if (byId("state").dataset["state"] !== "key") timer = setTimeout(poll, wait);
}

export function setUpServer(told: (now: Status) => void): void {
  onStatus = told;
  document.addEventListener("visibilitychange", () => void poll());
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    keyTried = true;
    setKey(byId<HTMLInputElement>("key").value.trim());
    byId<HTMLInputElement>("key").value = "";
    void poll();
  });
  void poll();
}
