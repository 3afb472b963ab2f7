// What the model reads of each text: how many tokens, which, and what was cut.
import type { Tokens, Truncate } from "./api";
import { byId, el, plural, shortened } from "./dom";

const kPieces = 400; // of one text; more would only slow the page

function pieces(tokens: Tokens): HTMLElement {
  const list = el("div", { class: "pieces" });
  tokens.pieces.slice(0, kPieces).forEach((piece, i) => {
    const aside = i < (tokens.pool_begin ?? 0);
    const shown = piece.replaceAll("▁", "␣").replaceAll("\n", "⏎") || "␣";
    list.append(el("span", { class: aside ? "aside" : "", title: `id ${tokens.ids[i]}${aside ? ", read but not part of the vector" : ""}` }, shown));
  });
  if (tokens.pieces.length > kPieces) list.append(` and ${plural(tokens.pieces.length - kPieces, "token")} more`);
  return list;
}

export function drawTokens(texts: { name: string; text: string; tokens: Tokens }[], maxTokens: number, truncate: Truncate): void {
  const body = el("tbody");
  for (const { name, text, tokens } of texts) {
    const before = tokens.n_tokens_before_truncation;
    const over = before - tokens.n_tokens;
    const meter = el("i", { class: tokens.truncated ? "meter over" : "meter", "aria-hidden": true });
    meter.style.setProperty("--t", Math.min(1, before / maxTokens).toFixed(3));
    const verdict = !tokens.truncated
      ? null
      : el("span", { class: "bad" }, truncate === "NONE" ? `${plural(over, "token")} too long` : `${plural(over, "token")} cut at the ${truncate === "START" ? "start" : "end"}`);
    const count = tokens.truncated && truncate !== "NONE" ? `${before.toLocaleString("en")} → ${tokens.n_tokens.toLocaleString("en")}` : before.toLocaleString("en");
    body.append(
      el("tr", { "data-text": name },
        el("th", { scope: "row" }, name),
        el("td", { class: "wide" }, el("details", {}, el("summary", {}, shortened(text, 90)), pieces(tokens))),
        el("td", { class: "number" }, count, meter, verdict)),
    );
  }
  const total = texts.reduce((sum, { tokens }) => sum + tokens.n_tokens, 0);
  const cut = texts.filter(({ tokens }) => tokens.truncated).length;
  byId("tokens-note").textContent = `${plural(total, "token")} in ${plural(texts.length, "text")}; a text may have ${maxTokens.toLocaleString("en")}${cut ? `; ${cut} ${truncate === "NONE" ? "too long" : "cut"}` : ""}`;
  byId("tokens-table").replaceChildren(
    el("table", { class: "tokens" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "sr" }, "Name")), el("th", { scope: "col" }, "Text (open it to see its tokens)"), el("th", { scope: "col", class: "number" }, "Tokens"))),
      body),
  );
}
