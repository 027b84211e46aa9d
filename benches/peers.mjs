// Inference of fashion-resnet, 32 samples, in one headless Chromium: ours against ONNX Runtime Web.
//
//     npm install --prefix benches && node benches/peers.mjs
//
// The peer runs the same file on one thread of wasm, and on WebGPU; ours is timed by the page's own button. Prints medians, the
// first run (with everything that has to be compiled), and the ratios.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DIST, open } from "../tests/e2e/harness.mjs";

const MODEL = process.argv[2] ?? "fashion-resnet";
const BATCH = 32;
const RUNS = { wasm: 5, webgpu: 2 };

const here = fileURLToPath(new URL(".", import.meta.url));
const runtime = process.env.ORT_DIST ?? join(here, "node_modules/onnxruntime-web/dist");
if (!existsSync(runtime)) throw new Error("onnxruntime-web is not installed: npm install --prefix benches");

const types = { ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  const file = path === "/" ? null : path.startsWith("/ort/") ? join(runtime, path.slice(5)) : join(DIST, path);
  response.setHeader("content-type", types[extname(path)] ?? (path === "/" ? "text/html" : "application/octet-stream"));
  if (!file) return response.end("<!doctype html><title>peer</title>");
  if (!existsSync(file)) return response.writeHead(404).end();
  createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://127.0.0.1:${server.address().port}`;

const closers = [];
const t = { after: (close) => closers.push(close), diagnostic: console.log };

/** Times the peer on one of its backends. */
async function peer(backend) {
  // The peer's page is of another origin than ours, and has no icon.
  const page = await open(t, "", { webgpu: backend === "webgpu", expected: [/foreign request/, /404/] });
  await page.goto(`${origin}/`);
  return page.evaluate(async ([backend, model, batch, runs]) => {
    const ort = await import("/ort/ort.all.min.mjs");
    ort.env.wasm.wasmPaths = "/ort/";
    ort.env.wasm.numThreads = 1;
    const data = Float32Array.from({ length: batch * 784 }, (_, i) => ((i * 2654435761) % 4096) / 4096);
    const start = performance.now();
    const session = await ort.InferenceSession.create(`/assets/models/${model}.onnx`, { executionProviders: [backend] });
    const run = async () => {
      const x = new ort.Tensor("float32", data, [batch, 1, 28, 28]);
      const outputs = await session.run({ x });
      return outputs.logits.getData();
    };
    await run();
    const first = performance.now() - start;
    const rest = [];
    for (let i = 0; i < runs; i += 1) {
      const start = performance.now();
      await run();
      rest.push(performance.now() - start);
    }
    rest.sort((a, b) => a - b);
    return { first, median: rest[Math.floor(rest.length / 2)] };
  }, [backend, MODEL, BATCH, RUNS[backend]]);
}

/** Times ours, by the button in the engine's dialog. */
async function ours(backend) {
  const page = await open(t, `?backend=${backend}`, { webgpu: backend === "gpu" });
  page.setDefaultTimeout(300_000);
  await page.waitForFunction(() => /\d/.test(document.querySelector(".headline .big")?.textContent ?? ""), null, { timeout: 300_000 });
  await page.locator("label.model select").selectOption(MODEL);
  await page.waitForFunction(() => /n = 2,000$/.test(document.querySelector(".model .head .num")?.textContent ?? "") && !document.querySelector("footer progress"), null, { timeout: 300_000 });
  await page.locator("button.badge").click();
  await page.locator(".timing button").click();
  const text = await page.locator(".timing .num").filter({ hasText: "median" }).innerText();
  const [, median, first] = text.match(/median ([\d.]+) ms.*first ([\d.]+) ms/);
  return { first: Number(first), median: Number(median) };
}

const only = process.env.ONLY?.split(",") ?? ["wasm", "webgpu"];
for (const [name, own, other] of [["CPU against wasm, one thread", "cpu", "wasm"], ["WebGPU against WebGPU", "gpu", "webgpu"]]) {
  if (!only.includes(other)) continue;
  const [a, b] = [await ours(own), await peer(other)];
  const show = ({ first, median }) => `median ${median.toFixed(1)} ms, first ${first.toFixed(0)} ms`;
  console.log(`${MODEL} × ${BATCH}, ${name}`);
  console.log(`  Fewbit            ${show(a)}`);
  console.log(`  ONNX Runtime Web  ${show(b)}`);
  console.log(`  ahead by          ${(b.median / a.median).toFixed(1)}× (first ${(b.first / a.first).toFixed(1)}×)`);
}
for (const close of closers) await close().catch((error) => console.error(error.message));
process.exit(0);
