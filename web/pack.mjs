// Puts what Vite built into one file that becomes part of the binary: build/web/dist -> build/web/page.pack. src/server/page.cc
// reads it: a line a file (path, type, digest, bytes, bytes of the gzip; tabs between), an empty line, then the bytes.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const kMaxBytes = 60_000; // of all files, unzipped: the page is to stay small
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const build = fileURLToPath(new URL("../build/web/", import.meta.url));
const names = readdirSync(`${build}dist`, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(`${build}dist`.length))
  .sort();

let head = "lode-page 1\n";
const bytes = [];
let total = 0;
for (const name of names) {
  const path = name === "/index.html" ? "/" : name;
  const type = types[extname(name)];
  if (!type || (path !== "/" && !/^\/assets\/[\w.-]+-[\w-]{8}\.\w+$/.test(path))) {
    throw new Error(`${name}: neither index.html nor an asset of a known type with its hash in its name`);
  }
  const plain = readFileSync(`${build}dist${name}`);
  const zipped = gzipSync(plain, { level: 9 });
  const gzip = zipped.length < 0.9 * plain.length ? zipped : Buffer.alloc(0);
  const digest = createHash("sha256").update(plain).digest("hex").slice(0, 20);
  head += `${[path, type, digest, plain.length, gzip.length].join("\t")}\n`;
  bytes.push(plain, gzip);
  total += plain.length;
}
if (total > kMaxBytes) throw new Error(`the page has ${total} bytes, at most ${kMaxBytes}`);
// A new file in one step, so that a build beside this one never sees half of it.
writeFileSync(`${build}page.pack.part`, Buffer.concat([Buffer.from(`${head}\n`), ...bytes]));
renameSync(`${build}page.pack.part`, `${build}page.pack`);
