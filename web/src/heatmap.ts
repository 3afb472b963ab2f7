// The matrix as a table of coloured numbers: a grid that arrow keys walk, with the two texts of the cell in focus below it.
import { byId, el, fixed, rove, shortened } from "./dom";

export function drawHeatmap(rows: string[], columns: string[], names: { row: string; column: string }, scores: number[][]): void {
  const all = scores.flat();
  // Without queries the diagonal is each text with itself: 1, and of no interest to the scale.
  const same = names.row === names.column;
  const shown = same ? scores.flatMap((row, i) => row.filter((_, k) => k !== i)) : all;
  const low = Math.min(...shown);
  const high = Math.max(...shown);
  const share = (x: number) => (high - low < 1e-6 ? 1 : Math.min(1, Math.max(0, (x - low) / (high - low))));

  const head = el("tr", { role: "row" }, el("td", { class: "corner" }));
  columns.forEach((text, k) => {
    head.append(el("th", { scope: "col", role: "columnheader", title: text }, el("b", {}, `${names.column}${k + 1}`), el("span", {}, shortened(text, 48))));
  });
  const cells: HTMLElement[] = [];
  const body = el("tbody", { role: "rowgroup" });
  scores.forEach((row, i) => {
    const best = row.reduce((at, x, k) => ((same && k === i) || (at >= 0 && x <= row[at]!) ? at : k), -1);
    const line = el("tr", { role: "row" });
    line.append(el("th", { scope: "row", role: "rowheader", title: rows[i]! }, el("b", {}, `${names.row}${i + 1}`), el("span", {}, shortened(rows[i]!, 60))));
    row.forEach((score, k) => {
      const self = same && k === i;
      const label = `${names.row}${i + 1} and ${names.column}${k + 1}: ${fixed(score, 4)}${k === best ? ", the nearest" : ""}`;
      const cell = el("td", { role: "gridcell", class: self ? "self" : k === best ? "best" : "", "aria-label": label, "data-row": i, "data-column": k }, fixed(score, 2));
      if (!self) cell.style.setProperty("--t", share(score).toFixed(3));
      cell.addEventListener("mouseenter", () => describe(i, k));
      cells.push(cell);
      line.append(cell);
    });
    body.append(line);
  });

  const describe = (i: number, k: number) => {
    byId("pair").replaceChildren(
      el("span", { class: "number" }, fixed(scores[i]![k]!, 4)),
      el("p", {}, el("b", {}, `${names.row}${i + 1}`), " ", shortened(rows[i]!, 400)),
      el("p", {}, el("b", {}, `${names.column}${k + 1}`), " ", shortened(columns[k]!, 400)),
    );
  };
  rove(cells, columns.length, (index) => describe(Math.floor(index / columns.length), index % columns.length));
  const best = all.indexOf(high);
  describe(Math.floor(best / columns.length), best % columns.length);

  const table = el("table", { class: "heat", role: "grid", "aria-label": "Similarity; arrow keys move from cell to cell" }, el("thead", { role: "rowgroup" }, head), body);
  byId("heat-table").replaceChildren(table);
  byId("legend").replaceChildren(
    el("span", { class: "number" }, fixed(low, 2)),
    el("span", { class: "ramp", role: "img", "aria-label": `Colours run from ${fixed(low, 2)}, the least similar, to ${fixed(high, 2)}, the most` }),
    el("span", { class: "number" }, fixed(high, 2)),
    el("span", { class: "note mark" }, "nearest of its row"),
  );
}
