// Inference of fashion-resnet, 32 samples, in one headless Chromium: ours against ONNX Runtime Web.
//
//     npm install --prefix benches && node benches/peers.mjs [MODEL [SHAPE [LENGTHS]]]
//
// MODEL is a gallery id or an ONNX file with one input of floats; SHAPE is that of a sample, 3x48x192. The page takes lengths that a
// file leaves free as it finds sensible (224), unless LENGTHS, like x.2=48,x.3=192, say otherwise. It times 32 samples.
//
// The peer runs the same file on one thread of wasm, and on WebGPU; ours is timed by the page's own button, in turn with the
// peer. Prints medians over the rounds, the fastest and the first run (with everything that has to be compiled), and the ratios.

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { drop } from "../tests/e2e/bench.mjs";
import { DIST, open } from "../tests/e2e/harness.mjs";

const MODEL = process.argv[2] ?? "fashion-resnet";
const FILE = existsSync(MODEL) ? MODEL : null;
const SHAPE = (process.argv[3] ?? "1x28x28").split("x").map(Number);
/** Lengths that the file leaves free, for our page: `x.2=48,x.3=192`. */
const LENGTHS = (process.argv[4] ?? "").split(",").filter(Boolean).map((pair) => pair.split("="));
const BATCH = 32;
/** Runs in a round, as many as the page's button makes, and rounds; `ROUNDS=1` for what takes minutes. */
const RUNS = 5;
const asked = Number(process.env.ROUNDS);
const ROUNDS = { wasm: asked || 9, webgpu: asked || 3 };

const here = fileURLToPath(new URL(".", import.meta.url));
const runtime = process.env.ORT_DIST ?? join(here, "node_modules/onnxruntime-web/dist");
if (!existsSync(runtime)) throw new Error("onnxruntime-web is not installed: npm install --prefix benches");

const types = { ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  const file = path === "/" ? null : path === "/model.onnx" ? (FILE ?? join(DIST, `assets/models/${MODEL}.onnx`)) : path.startsWith("/ort/") ? join(runtime, path.slice(5)) : join(DIST, path);
  response.setHeader("content-type", types[extname(path)] ?? (path === "/" ? "text/html" : "application/octet-stream"));
  if (!file) return response.end("<!doctype html><title>peer</title>");
  if (!existsSync(file)) return response.writeHead(404).end();
  createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://127.0.0.1:${server.address().port}`;

const closers = [];
const t = { after: (close) => closers.push(close), diagnostic: console.log };

/** The peer on one of its backends: the first run, and how to time some more. */
async function peer(backend) {
  // The peer's page is of another origin than ours, and has no icon.
  const page = await open(t, "", { webgpu: backend === "webgpu", expected: [/foreign request/, /404/] });
  page.setDefaultTimeout(300_000);
  await page.goto(`${origin}/`);
  const first = await page.evaluate(async ([backend, shape, batch]) => {
    const ort = await import("/ort/ort.all.min.mjs");
    ort.env.wasm.wasmPaths = "/ort/";
    ort.env.wasm.numThreads = 1;
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, batch) }, (_, i) => ((i * 2654435761) % 4096) / 4096);
    const start = performance.now();
    const session = await ort.InferenceSession.create("/model.onnx", { executionProviders: [backend] });
    globalThis.once = async () => {
      const start = performance.now();
      const x = new ort.Tensor("float32", data, [batch, ...shape]);
      const outputs = await session.run({ [session.inputNames[0]]: x });
      await outputs[session.outputNames[0]].getData();
      return performance.now() - start;
    };
    await globalThis.once();
    return performance.now() - start;
  }, [backend, SHAPE, BATCH]);
  const more = () => page.evaluate(async (runs) => {
    const millis = [];
    for (let i = 0; i < runs; i += 1) millis.push(await globalThis.once());
    return millis;
  }, RUNS);
  return { first, more: async () => { const millis = await more(); return [middle(millis), Math.min(...millis)]; } };
}

/** Ours, by the button in the engine's dialog. */
async function ours(backend) {
  const page = await open(t, `?backend=${backend}`, { webgpu: backend === "gpu" });
  page.setDefaultTimeout(300_000);
  await page.waitForFunction(() => /\d/.test(document.querySelector(".headline .big")?.textContent ?? ""), null, { timeout: 300_000 });
  if (FILE) {
    await drop(page, basename(FILE), readFileSync(FILE));
    await page.waitForFunction((name) => document.querySelector("label.model select").selectedOptions[0]?.textContent === name, basename(FILE), { timeout: 300_000 });
    await page.waitForFunction(() => !document.querySelector("footer progress"), null, { timeout: 300_000 });
    await page.getByRole("button", { name: "Graph", exact: true }).click();
    for (const [name, length] of LENGTHS) {
      const field = page.locator(".facts-panel").getByLabel(name, { exact: true });
      await field.fill(length);
      await field.press("Enter");
      await page.waitForFunction(() => !document.querySelector("footer progress"), null, { timeout: 300_000 });
    }
  } else {
    await page.locator("label.model select").selectOption(MODEL);
    await page.waitForFunction(() => /n = 2,000$/.test(document.querySelector(".model .head .num")?.textContent ?? "") && !document.querySelector("footer progress"), null, { timeout: 300_000 });
  }
  await page.locator("button.badge").click();
  const line = page.locator(".timing .num").filter({ hasText: "median" });
  const time = async () => {
    const before = await line.count() ? await line.innerText() : "";
    await page.locator(".timing button").click();
    await page.waitForFunction((before) => {
      const text = [...document.querySelectorAll(".timing .num")].map((line) => line.innerText).find((text) => text.includes("median"));
      return text && text !== before && !document.querySelector("footer progress");
    }, before);
    return (await line.innerText()).match(/median ([\d.]+) ms, least ([\d.]+) ms.*first ([\d.]+) ms/).slice(1).map(Number);
  };
  const [, , first] = await time();
  return { first, more: async () => (await time()).slice(0, 2) };
}

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const only = process.env.ONLY?.split(",") ?? ["wasm", "webgpu"];
for (const [name, own, other] of [["CPU against wasm, one thread", "cpu", "wasm"], ["WebGPU against WebGPU", "gpu", "webgpu"]]) {
  if (!only.includes(other)) continue;
  const pair = [await ours(own), await peer(other)];
  // In turn, so that both meet the same load.
  const rounds = [[], []];
  for (let round = 0; round < ROUNDS[other]; round += 1) {
    for (const [i, one] of pair.entries()) rounds[i].push(await one.more());
  }
  const [a, b] = pair.map(({ first }, i) => ({ first, median: middle(rounds[i].map(([median]) => median)), least: Math.min(...rounds[i].map(([, least]) => least)) }));
  const ratios = rounds[0].map(([median], round) => rounds[1][round][0] / median);
  const show = ({ first, median, least }) => `median ${median.toFixed(1)} ms, least ${least.toFixed(1)} ms, first ${first.toFixed(0)} ms`;
  console.log(`${MODEL} × ${BATCH}, ${name}, ${ROUNDS[other]} rounds of ${RUNS} runs`);
  console.log(`  Fewbit            ${show(a)}`);
  console.log(`  ONNX Runtime Web  ${show(b)}`);
  console.log(`  ahead by          ${middle(ratios).toFixed(2)}× in the middle round (least ${(b.least / a.least).toFixed(2)}×, first ${(b.first / a.first).toFixed(1)}×)`);
}
for (const close of closers) await close().catch((error) => console.error(error.message));
process.exit(0);
