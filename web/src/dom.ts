// Elements without markup in strings: what a text holds is always text.

export type Child = Node | string | number | null | undefined;

// el("td", { class: "cell", "aria-label": "..." }, "text", child)
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child != null) element.append(child instanceof Node ? child : String(child));
  return element;
}

// The element with this id; a page without it is a bug.
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}

export function show(id: string, shown: boolean): void {
  byId(id).hidden = !shown;
}

export function shortened(text: string, length: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1).trimEnd()}…` : line;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

// A number as people write it: a real minus sign, and none before zero.
export function fixed(x: number, digits: number): string {
  const text = x.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

// One stop for Tab, arrow keys inside: the items of a row, of a grid (columns given), or tabs.
export function rove(items: HTMLElement[], columns: number, onFocus: (index: number) => void): void {
  const stop = (index: number) => items.forEach((item, i) => (item.tabIndex = i === index ? 0 : -1));
  stop(0);
  items.forEach((item, index) => {
    item.addEventListener("focus", () => {
      stop(index);
      onFocus(index);
    });
    item.addEventListener("keydown", (event) => {
      const row = index - (index % columns);
      const to = {
        ArrowLeft: index > row ? index - 1 : index,
        ArrowRight: index < row + columns - 1 ? index + 1 : index,
        ArrowUp: index - columns,
        ArrowDown: index + columns,
        Home: event.ctrlKey ? 0 : row,
        End: event.ctrlKey ? items.length - 1 : Math.min(row + columns, items.length) - 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      items[to]?.focus();
    });
  });
}
