// Per query, the passages from the nearest on. Without queries, per passage the other ones.
import { byId, el, fixed, plural, shortened } from "./dom";

const kShown = 5; // the rest unfolds

export function drawNearest(rows: string[], columns: string[], names: { row: string; column: string }, scores: number[][]): void {
  const same = names.row === names.column;
  const lists = rows.map((text, i) => {
    const ranked = scores[i]!
      .map((score, k) => ({ score, k }))
      .filter(({ k }) => !(same && k === i))
      .sort((a, b) => b.score - a.score || a.k - b.k);
    const items = ranked.map(({ score, k }) => {
      const meter = el("i", { "aria-hidden": true });
      meter.style.setProperty("--t", Math.max(0, score).toFixed(3));
      return el("li", { "data-column": k }, el("span", { class: "number" }, fixed(score, 3)), el("span", { class: "text", title: columns[k]! }, el("b", {}, `${names.column}${k + 1}`), " ", shortened(columns[k]!, 160), meter));
    });
    const article = el("article", {}, el("h3", {}, el("b", {}, `${names.row}${i + 1}`), " ", shortened(text, 120)), el("ol", {}, ...items.slice(0, kShown)));
    if (items.length > kShown) {
      article.append(el("details", {}, el("summary", {}, plural(items.length - kShown, "more", "more")), el("ol", { start: kShown + 1 }, ...items.slice(kShown))));
    }
    return article;
  });
  byId("near-lists").replaceChildren(...lists);
}
