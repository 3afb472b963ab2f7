// The official TypeScript client: `node client.mjs http://host:port/mcp` or `node client.mjs lode mcp DIR`. Prints one JSON object.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [first, ...rest] = process.argv.slice(2);
const transport = first.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(first))
  : new StdioClientTransport({ command: first, args: rest, env: process.env });
const client = new Client({ name: "lodestone-test", version: "1" });
await client.connect(transport);
await client.ping();
const { tools } = await client.listTools();
// Listed tools' output schemas are what the client checks answers against.
const found = await client.callTool({ name: "search", arguments: { query: "how is the total of a basket made?" } });
const lines = await client.callTool({ name: "read_lines", arguments: { path: "basket.py", start: 1, end: 1 } });
const outside = await client.callTool({ name: "read_lines", arguments: { path: "../secret.txt" } });
console.log(
  JSON.stringify({
    server: client.getServerVersion().name,
    tools: tools.map((tool) => tool.name),
    hit: found.structuredContent.hits[0]?.path,
    line: lines.structuredContent.text,
    refused: outside.isError,
  }),
);
await client.close();
