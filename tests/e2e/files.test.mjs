// Files of tensors: opened where they lie, looked into, quantized one tensor at a time, however large.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { drop, dropAll, settled, settledAnyLanguage } from "./bench.mjs";
import { assertAccessible, open, press, SCREENS, screenshot } from "./harness.mjs";
import { gguf, normals, safetensors, sparse } from "./tensors.mjs";

const row = (page, name) => page.locator(".tensor-row").filter({ hasText: name });
const title = (page) => page.locator(".inspector .head h2").innerText();
const OUTCOME = ".cells.outcome";
const VALUES = ".cells:not(.outcome)";

/** The numbers under a heading of the inspector, by name, once nothing is under way. */
async function numbers(page, list = OUTCOME) {
  await page.locator(`.inspector ${list}`).waitFor();
  await page.waitForFunction(() => !document.querySelector(".inspector progress, .inspector .stale"));
  const pairs = await page.locator(`.inspector ${list} > div`).evaluateAll((all) =>
    all.map((one) => [one.querySelector(".term").firstChild.textContent, one.querySelector("dd").textContent]));
  return Object.fromEntries(pairs);
}

/** Three layers as a checkpoint has them, one of whose channels is far larger than the others. */
function checkpoint() {
  const weight = normals(96 * 128);
  for (let i = 0; i < 128; i += 1) weight[17 * 128 + i] *= 30;
  const broken = normals(64);
  broken[3] = NaN;
  return safetensors(
    [
      ["model.layers.0.mlp.up_proj.weight", [96, 128], weight],
      ["model.layers.0.norm.weight", [128], new Float32Array(128).fill(1)],
      ["model.layers.1.broken.weight", [8, 8], broken],
    ],
    { license: "apache-2.0", format: "pt" },
  );
}

test("a safetensors file is looked into: facts, statistics, errors of what it would become", async (t) => {
  const page = await open(t);
  const before = await settled(page);
  await drop(page, "layers.safetensors", checkpoint());
  await row(page, "up_proj").waitFor();
  assert.match(await page.locator(".file-facts").innerText(), /safetensors[\s\S]*12,480[\s\S]*apache-2\.0/);
  assert.equal(await title(page), "model.layers.0.mlp.up_proj.weight");
  const values = await numbers(page, VALUES);
  assert.equal(values.n, "12,288");
  assert.match(await page.locator(".inspector table").innerText(), /^channel[\s\S]*\n17\s/, "the large channel comes first");
  const int4 = await numbers(page);
  assert.equal(int4["effective bits"], "4.250");
  assert.ok(parseFloat(int4["SQNR dB"]) > 12 && parseFloat(int4["SQNR dB"]) < 25, `int4@channel has ${int4["SQNR dB"]}`);
  await screenshot(t, page, "file-light");
  await assertAccessible(page);

  // A scale for the tensor has to reach over the large channel.
  const granularity = page.locator(".inspector .controls select").nth(1);
  await granularity.selectOption("tensor");
  const tensor = await numbers(page);
  assert.equal(tensor["effective bits"], "4.003");
  assert.ok(parseFloat(tensor["SQNR dB"]) < parseFloat(int4["SQNR dB"]) - 3);
  await page.getByLabel("Kind of quantization").selectOption("ggml");
  await page.getByLabel("Type of blocks").selectOption("Q8_0");
  const blocks = await numbers(page);
  assert.equal(blocks["effective bits"], "8.500");
  assert.ok(parseFloat(blocks["SQNR dB"]) > 38);

  await page.getByRole("listbox").focus();
  await press(page, "End");
  assert.equal(await title(page), "model.layers.1.broken.weight");
  await page.getByText("1 of 64 values are not finite").waitFor();
  await page.getByRole("searchbox").fill("norm");
  assert.equal(await page.locator(".tensor-row").count(), 1);
  await row(page, "norm").click();
  assert.equal(await title(page), "model.layers.0.norm.weight");

  // The bench is as it was.
  await page.getByRole("button", { name: "Bench", exact: true }).click();
  assert.equal(await settled(page), before);
  await page.getByRole("button", { name: "File", exact: true }).click();
  assert.equal(await title(page), "model.layers.0.norm.weight");
});

test("a GGUF shows its metadata and how its tensors are stored; dark, in Chinese, on a phone", async (t) => {
  const file = gguf(40, { "general.architecture": "llama", "general.license": "mit" });
  const page = await open(t, "", { theme: "dark" });
  await settled(page);
  await drop(page, "tiny.gguf", file);
  await row(page, "attn_q").waitFor();
  assert.match(await page.locator(".file-facts").innerText(), /GGUF[\s\S]*llama[\s\S]*mit/);
  assert.match(await page.locator(".inspector .facts-list").innerText(), /40×64[\s\S]*Q8_0, 8\.50 bits per value/);
  const values = await numbers(page, VALUES);
  assert.equal(values.smallest, "−0.9922", "−127 × 2⁻⁷");
  await screenshot(t, page, "file-dark");
  await assertAccessible(page);

  const phone = await open(t, "?lang=zh", { viewport: SCREENS.phone });
  await settledAnyLanguage(phone);
  await drop(phone, "tiny.gguf", file);
  await row(phone, "attn_q").waitFor();
  await phone.locator(".cells.outcome").waitFor();
  const overflow = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 1, `nothing sticks out to the right, but ${overflow} px do`);
  await screenshot(t, phone, "file-phone-zh", { fullPage: true });
  await assertAccessible(phone);
});

test("a damaged file says where, and what was open stays", async (t) => {
  const page = await open(t);
  await settled(page);
  const whole = checkpoint();
  await drop(page, "cut.safetensors", whole.subarray(0, whole.length - 400));
  const failure = page.locator(".failure");
  await failure.waitFor();
  assert.match(await failure.innerText(), /cut\.safetensors, tensor `model[\s\S]*more bytes are needed/);
  await assertAccessible(page);
  await drop(page, "whole.safetensors", whole);
  await row(page, "up_proj").waitFor();
  assert.equal(await failure.count(), 0);
  await drop(page, "header.gguf", Buffer.from("GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\x00", "latin1"));
  await failure.waitFor();
  assert.match(await failure.innerText(), /header\.gguf, byte \d+/);
  assert.equal(await row(page, "up_proj").count(), 1, "the file before stays");
  // A config goes with the weights that are open, and says nothing of use here.
  await drop(page, "config.json", Buffer.from('{"architectures": ["Perceiver"]}'));
  await page.getByRole("button", { name: "Run this model" }).click();
  await failure.getByText(/Perceiver; it has to be one of .*LlamaForCausalLM/).waitFor();
  const empty = await open(t);
  await settled(empty);
  await drop(empty, "config.json", Buffer.from("{}"));
  await empty.locator(".failure").getByText("without its weights").waitFor();
});

test("four gigabytes open from their header, and a tensor is quantized in little memory", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "fewbit-large-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "large.safetensors");
  const real = normals(2048 * 4096);
  const layers = Array.from({ length: 64 }, (_, i) => [`layers.${i}.weight`, [4096, 4096]]);
  const bytes = await sparse(path, [...layers, ["last.weight", [2048, 4096]]], real);
  assert.ok(bytes > 4e9, `${bytes} bytes`);

  const page = await open(t);
  await settled(page);
  await page.evaluate(() => {
    const click = HTMLInputElement.prototype.click;
    HTMLInputElement.prototype.click = function () {
      if (this.type !== "file") return click.call(this);
      this.id = "picker";
      document.body.append(this);
    };
  });
  await page.getByRole("button", { name: "Open…", exact: true }).click();
  const start = Date.now();
  await page.locator("#picker").setInputFiles(path);
  await row(page, "last.weight").or(row(page, "layers.0.weight")).first().waitFor();
  const opened = Date.now() - start;
  assert.ok(opened < 2_000, `opened after ${opened} ms`);
  assert.match(await page.locator(".file-facts").innerText(), /4\.33 GB/);

  await page.getByRole("searchbox").fill("last");
  await row(page, "last.weight").click();
  const int4 = await numbers(page);
  assert.equal(await title(page), "last.weight");
  assert.equal((await numbers(page, VALUES)).n, "8,388,608");
  assert.ok(parseFloat(int4["SQNR dB"]) > 15 && parseFloat(int4["SQNR dB"]) < 18, `int4@channel has ${int4["SQNR dB"]}`);
  const told = await page.locator(".inspector .small").innerText();
  const [, millis, peak, unit] = told.match(/Read in (\d+) ms; the reader's memory peaked at ([\d.]+) (\w+)/);
  const megabytes = Number(peak) * { KB: 1e-3, MB: 1, GB: 1e3 }[unit];
  assert.ok(megabytes < 300, told);
  t.diagnostic(`${(bytes / 1e9).toFixed(2)} GB opened after ${opened} ms; 8.4 million values looked at and quantized in ${millis} ms; ${megabytes} MB of wasm memory`);
  await screenshot(t, page, "file-large");

  // A stop is heard at once, however long the work.
  await page.locator(".inspector .controls select").nth(2).selectOption({ label: "MSE" });
  await page.locator(".inspector progress").waitFor();
  const stop = Date.now();
  await page.locator(".inspector").getByRole("button", { name: "Stop" }).click();
  await page.waitForFunction(() => !document.querySelector(".inspector progress"));
  t.diagnostic(`stopped after ${Date.now() - stop} ms`);
  assert.ok(Date.now() - stop < 1_000);
  await row(page, "last.weight").waitFor();
});

const golden = (name) => new URL(`../golden/checkpoints/${name}`, import.meta.url);

test("a checkpoint with its config runs on the bench; without it, that is asked for", async (t) => {
  const page = await open(t);
  await settled(page);
  const parts = Array.from({ length: 4 }, (_, i) => `model-0000${i + 1}-of-00004.safetensors`);
  await dropAll(page, await Promise.all(parts.map(async (name) => [name, await readFile(golden(`llama/${name}`))])));
  await page.getByText("open its config.json as well").waitFor();
  assert.equal(await page.getByRole("button", { name: "Run this model" }).count(), 0);
  await drop(page, "config.json", await readFile(golden("llama/config.json")));
  await page.getByRole("button", { name: "Run this model" }).click();
  await page.waitForFunction((name) => document.querySelector("label.model select").selectedOptions[0].textContent === name, parts[0]);
  await page.getByRole("slider", { name: /bits of the weights of .*q_proj/ }).first().waitFor();
  await page.getByRole("button", { name: "Graph", exact: true }).click();
  assert.match(await page.locator(".facts-panel").innerText(), /input_ids N×/);

  await drop(page, "mixed.gguf", await readFile(golden("llama_mixed.gguf")));
  await row(page, "attn_q").first().waitFor();
  await page.getByRole("button", { name: "Run this model" }).click();
  await page.waitForFunction(() => document.querySelector("label.model select").selectedOptions[0].textContent === "mixed.gguf");
});

test("any weight of the model on the bench is looked into", async (t) => {
  const page = await open(t);
  await settled(page);
  await page.getByRole("button", { name: "Graph", exact: true }).click();
  await page.locator('.box[aria-label^="conv2 "]').dispatchEvent("click");
  await page.locator(".selected-node").getByRole("button", { name: "Look into its tensors" }).click();
  await row(page, "conv2").first().waitFor();
  assert.match(await title(page), /conv2/);
  assert.match(await page.locator(".file-facts").innerText(), /ONNX model[\s\S]*MIT OR Apache-2\.0/);
  await page.getByRole("searchbox").fill("bias");
  await row(page, "bias").first().click();
  assert.match(await title(page), /bias/);
  assert.ok(Number((await numbers(page, VALUES)).n) > 0);
  await screenshot(t, page, "file-of-bench");
  await assertAccessible(page);
});
