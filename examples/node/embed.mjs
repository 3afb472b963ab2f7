// openai-node: npm ci && node embed.mjs
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? "http://127.0.0.1:8080/v1",
  apiKey: "none",
});
const reply = await client.embeddings.create({
  model: process.env.MODEL ?? "all-minilm-l6-v2",
  input: ["Where is the session token checked?", "naïve café, 東京, 😀", ""],
});
for (const row of reply.data) console.log(JSON.stringify(row.embedding));
