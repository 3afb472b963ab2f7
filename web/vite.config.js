// `npm run dev` serves the page with a running `lode serve` behind it; LODE_URL says where that is.
import { defineConfig } from "vite";

const server = process.env.LODE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./", // also behind a proxy that puts the server under a path
  build: {
    outDir: "../build/web/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy lets nothing inline run
    modulePreload: false,
    target: "es2022",
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": server } },
});
