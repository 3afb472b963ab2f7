// The server's API as this page uses it. Every address is relative to the page, so the page also works behind a proxy that puts
// the server under a path. The key lives in the tab's session storage and nowhere else.

export type Truncate = "END" | "START" | "NONE";
export type Prompt = { kind: "default" | "none" } | { kind: "task" | "exact"; words: string };

export interface Model {
  id: string;
  aliases: string[];
  dimensions: number;
  max_tokens: number;
  default: boolean;
  prompts: { task_template: string | null; query: string | null; passage: string | null };
  license: { name: string | null; restriction: string | null };
  queue: { waiting_requests: number; waiting_tokens: number; max_requests: number; max_tokens: number };
}

export interface Status {
  status: "ready" | "draining";
  version: string;
  uptime_s: number;
  models: Model[];
  indexes: string[];
}

export interface Hit {
  path: string;
  start_line: number;
  end_line: number;
  why: string[];
  symbol: string | null;
  kind: string | null;
  snippet_line: number;
  snippet: string;
  copies: string[];
}

export interface Found {
  n_found: number;
  hits: Hit[];
  index: { complete: boolean };
}

export interface Index {
  name: string;
  files: number;
  chunks: number;
  vectors: number | null; // null: none are made
  complete: boolean;
  indexing: boolean;
  embedding: boolean;
  files_done: number;
  files_to_do: number;
  error: string | null;
}

export interface Tokens {
  ids: number[];
  pieces: string[];
  n_tokens: number;
  truncated: boolean;
  n_tokens_before_truncation: number;
  pool_begin?: number; // tokens before it are read but not part of the vector
}

// What one press of the button asks for.
export interface Question {
  model: string;
  queries: string[]; // empty: the passages among themselves
  passages: string[];
  prompt: Prompt;
  truncate: Truncate;
}

export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: nobody answered
    message: string,
    readonly hint = "",
    readonly code = "",
  ) {
    super(message);
  }
}

export const base = new URL("v1", document.baseURI).href;

const kKey = "lode-api-key";
let memory = ""; // where a browser forbids session storage

export function key(): string {
  try {
    return sessionStorage.getItem(kKey) ?? memory;
  } catch {
    return memory;
  }
}

export function setKey(value: string): void {
  memory = value;
  try {
    if (value) sessionStorage.setItem(kKey, value);
    else sessionStorage.removeItem(kKey);
  } catch {
    // memory has it
  }
}

async function call<T>(path: string, body: unknown, signal: AbortSignal): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key()) headers["Authorization"] = `Bearer ${key()}`;
  let response: Response;
  try {
    response = await fetch(`${base}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers,
      signal,
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "The server does not answer.", "Is it running? The page tries again by itself.");
  }
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (!response.ok) throw problem(response, json, text);
  if (json === undefined) throw new ApiError(response.status, "The answer is not JSON. Is something else between page and server?");
  return json as T;
}

// Both families of error bodies: {"error": {...}} or {"error": "..."}, with "message" and "detail" beside it.
function problem(response: Response, json: unknown, text: string): ApiError {
  const body = (json ?? {}) as Record<string, unknown>;
  const error = body["error"];
  const inner = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const told = [body["message"], inner["message"], error, text.slice(0, 300)].find((m) => typeof m === "string" && m);
  const detail = body["detail"] as unknown;
  const violation = detail as { loc?: unknown[]; msg?: string } | null;
  let hint = typeof detail === "string" ? detail : "";
  if (violation && typeof violation === "object" && violation.msg) {
    hint = `${(violation.loc ?? []).slice(1).join(".")}: ${violation.msg}`;
  }
  const wait = response.headers.get("Retry-After");
  if (response.status === 429 && wait) hint += `${hint ? " " : ""}Try again in ${wait} s.`;
  return new ApiError(response.status, String(told ?? `Status ${response.status}`), hint, String(inner["code"] ?? ""));
}

export function status(signal: AbortSignal): Promise<Status> {
  return call<Status>("/status", undefined, signal);
}

export function search(body: { query: string; mode: string; path?: string[]; language?: string[] }, signal: AbortSignal): Promise<Found> {
  return call<Found>("/search", body, signal);
}

export async function indexes(signal: AbortSignal): Promise<Index[]> {
  return (await call<{ data: Index[] }>("/index", undefined, signal)).data;
}

// The fields by which an instruction goes with queries in /embeddings and /tokenize.
export function queryFields(prompt: Prompt): Record<string, string> {
  if (prompt.kind === "task") return { input_type: "query", task: prompt.words };
  if (prompt.kind === "exact") return { input_type: "query", instruction: prompt.words };
  return prompt.kind === "none" ? { input_type: "query", instruction: "" } : { input_type: "query" };
}

export function similarityBody(question: Question): Record<string, unknown> {
  const { task, instruction } = queryFields(question.prompt) as { task?: string; instruction?: string };
  return {
    model: question.model,
    queries: question.queries,
    passages: question.passages,
    ...(task === undefined ? {} : { task }),
    ...(instruction === undefined ? {} : { query_instruction: instruction }),
    truncate: question.truncate,
  };
}

// Rows are queries; without queries, rows are passages too.
export async function scores(question: Question, signal: AbortSignal): Promise<number[][]> {
  if (question.queries.length > 0) {
    return (await call<{ scores: number[][] }>("/similarity", similarityBody(question), signal)).scores;
  }
  const body = { model: question.model, input: question.passages, input_type: "passage", truncate: question.truncate };
  const reply = await call<{ data: { embedding: number[] }[] }>("/embeddings", body, signal);
  const vectors = reply.data.map((item) => item.embedding); // of unit length: the dot product is the cosine
  return vectors.map((a) => vectors.map((b) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)));
}

// Token counts also of what would be refused: cut at the end, it says how long the text was.
export async function tokens(question: Question, of: "queries" | "passages", signal: AbortSignal): Promise<Tokens[]> {
  const input = question[of];
  if (input.length === 0) return [];
  const truncate = question.truncate === "NONE" ? "END" : question.truncate;
  const fields = of === "queries" ? queryFields(question.prompt) : { input_type: "passage" };
  return (await call<{ data: Tokens[] }>("/tokenize", { model: question.model, input, ...fields, truncate }, signal)).data;
}
