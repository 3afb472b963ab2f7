// What was just done, as code to take away. The key is never in it: code that needs one reads LODE_API_KEY.
import { base, key, queryFields, similarityBody, type Question } from "./api";
import { byId, el, rove } from "./dom";

type Maker = (question: Question) => string;

// JSON with a line a member and a line an element, the way people write it.
function json(value: Record<string, unknown>): string {
  const member = ([name, x]: [string, unknown]) =>
    Array.isArray(x) ? `  ${JSON.stringify(name)}: [\n${x.map((e) => `    ${JSON.stringify(e)}`).join(",\n")}\n  ]` : `  ${JSON.stringify(name)}: ${JSON.stringify(x)}`;
  return `{\n${Object.entries(value).map(member).join(",\n")}\n}`;
}

function curl(path: string, body: Record<string, unknown>): string {
  const auth = key() ? ` -H "Authorization: Bearer $LODE_API_KEY"` : "";
  return `curl -s ${base}${path} -H 'Content-Type: application/json'${auth} -d '${json(body).replaceAll("'", `'\\''`)}'\n`;
}

// A list literal of Python and JavaScript alike: JSON's strings are strings of both.
const list = (texts: string[]) => `[\n${texts.map((text) => `    ${JSON.stringify(text)},`).join("\n")}\n]`;

const makers: Record<string, Maker> = {
  curl: (q) => {
    const { model, truncate } = q;
    const passages = { model, input: q.passages, input_type: "passage", truncate };
    if (q.queries.length === 0) return `# the vectors; their dot products are the similarities\n${curl("/embeddings", passages)}`;
    return (
      `# similarities: a row for each query\n${curl("/similarity", similarityBody(q))}\n` +
      `# the vectors behind them\n${curl("/embeddings", { model, input: q.queries, ...queryFields(q.prompt), truncate })}` +
      curl("/embeddings", passages)
    );
  },
  Python: (q) => {
    const fields = (values: Record<string, string>) => Object.entries(values).map(([name, value]) => `, ${name}=${JSON.stringify(value)}`).join("");
    const passages = `passages = embed(${list(q.passages)}${fields({ input_type: "passage", truncate: q.truncate })})\n`;
    const queries = q.queries.length
      ? `queries = embed(${list(q.queries)}${fields({ ...queryFields(q.prompt), truncate: q.truncate })})\n`
      : "queries = passages\n";
    return (
      `# pip install openai\n${key() ? "import os\n\n" : ""}from openai import OpenAI\n\n` +
      `client = OpenAI(base_url=${JSON.stringify(base)}, api_key=${key() ? 'os.environ["LODE_API_KEY"]' : '"none"'})\n\n\n` +
      `def embed(texts, **fields):\n    reply = client.embeddings.create(model=${JSON.stringify(q.model)}, input=texts, extra_body=fields)\n` +
      `    return [item.embedding for item in reply.data]\n\n\n${passages}${queries}` +
      `for query in queries:  # vectors of length 1: their dot product is the similarity\n` +
      `    print([round(sum(a * b for a, b in zip(query, passage)), 4) for passage in passages])\n`
    );
  },
  Node: (q) => {
    const fields = (values: Record<string, string>) => `{ ${Object.entries(values).map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ")} }`;
    const passages = `const passages = await embed(${list(q.passages)}, ${fields({ input_type: "passage", truncate: q.truncate })});\n`;
    const queries = q.queries.length
      ? `const queries = await embed(${list(q.queries)}, ${fields({ ...queryFields(q.prompt), truncate: q.truncate })});\n`
      : "const queries = passages;\n";
    return (
      `// npm install openai; save as compare.mjs\nimport OpenAI from "openai";\n\n` +
      `const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: ${key() ? "process.env.LODE_API_KEY" : '"none"'} });\n\n` +
      `async function embed(texts, fields) {\n  const reply = await client.embeddings.create({ model: ${JSON.stringify(q.model)}, input: texts, ...fields });\n` +
      `  return reply.data.map((item) => item.embedding);\n}\n\n${passages}${queries}` +
      `for (const query of queries) {\n  // vectors of length 1: their dot product is the similarity\n` +
      `  console.log(passages.map((passage) => query.reduce((sum, a, i) => sum + a * passage[i], 0).toFixed(4)).join(" "));\n}\n`
    );
  },
};

let question: Question | undefined;
let language = "curl";

function draw(): void {
  if (question) byId("code-text").textContent = makers[language]!(question);
  byId("copied").textContent = "";
}

export function drawSnippets(asked: Question): void {
  question = asked;
  draw();
}

export function setUpSnippets(): void {
  const tabs = Object.keys(makers).map((name) => el("button", { type: "button", role: "tab", "aria-controls": "code-panel", "aria-selected": String(name === language) }, name));
  const choose = (index: number) => {
    language = Object.keys(makers)[index]!;
    tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === index)));
    draw();
  };
  tabs.forEach((tab, index) => tab.addEventListener("click", () => choose(index)));
  rove(tabs, tabs.length, choose);
  byId("code-tabs").replaceChildren(...tabs);
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(byId("code-text").textContent ?? "");
      byId("copied").textContent = "Copied.";
    } catch {
      // Browsers give the clipboard to https and to this machine only.
      getSelection()?.selectAllChildren(byId("code-text"));
      byId("copied").textContent = "Selected: press Ctrl + C.";
    }
  });
}
