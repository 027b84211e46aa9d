// Learning in the page: pipelines that run, pause, go on, stop; what they show; what came of them, compared and replayed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "./bench.mjs";
import { assertAccessible, open, SCREENS, screenshot } from "./harness.mjs";

// Long enough for a machine of two busy cores.
const PATIENCE = 180_000;

async function learn(page) {
  await settled(page);
  await page.getByRole("button", { name: "Learn", exact: true }).click();
}

/** Sets the recipe and the pipeline through the page's own controls. */
async function choose(page, preset, settings = {}) {
  if (preset) await page.locator(".pipeline .head select").selectOption({ label: preset });
  for (const [name, value] of Object.entries(settings)) {
    const input = page.locator(".setting", { hasText: name }).first().locator("input");
    await input.fill(String(value));
    await input.press("Enter");
  }
}

async function bits(page, weights) {
  await page.getByRole("button", { name: "Bench", exact: true }).click();
  await page.getByRole("button", { name: /Set many/ }).click();
  await page.locator("dialog input").nth(1).fill(weights);
  await page.locator("dialog button[type=submit]").click();
  await settled(page);
  await page.getByRole("button", { name: "Learn", exact: true }).click();
}

const rows = (page) => page.locator(".runs > .body > .runs-table tbody tr");

const accuracies = async (page) =>
  (await rows(page).evaluateAll((all) => all.map((row) => [row.querySelector(".run-name").textContent, parseFloat(row.querySelectorAll("td")[1].textContent)])));

test("AdaRound runs to its end, shows its work, and is better than rounding to nearest", async (t) => {
  const page = await open(t);
  await learn(page);
  await assertAccessible(page);
  await bits(page, "int2-asym@channel");
  await choose(page, "Round to nearest");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await rows(page).first().waitFor({ timeout: PATIENCE });
  await choose(page, "AdaRound, correct biases", { iterations: 60 });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".cinema .line").first().waitFor({ timeout: PATIENCE });
  await screenshot(t, page, "learn-adaround");
  await page.waitForFunction(() => document.querySelectorAll(".runs > .body > .runs-table tbody tr").length === 2, null, { timeout: PATIENCE });
  const found = Object.fromEntries(await accuracies(page));
  const [nearest, learned] = [found["Round to nearest"], Object.entries(found).find(([name]) => name.includes("adaround"))[1]];
  t.diagnostic(`int2-asym@channel: nearest ${nearest} %, AdaRound with bias correction ${learned} %`);
  assert.ok(learned > nearest, `${learned} > ${nearest}`);
  await page.locator(".compare input").nth(1).check();
  await page.waitForFunction(() => /p = /.test(document.querySelector(".runs")?.textContent ?? ""));
  await screenshot(t, page, "learn-compare");
  await assertAccessible(page);
});

test("fifty steps of LSQ: pause, one step, go on; then nothing blocks the page for long", async (t) => {
  const page = await open(t);
  await learn(page);
  await bits(page, "int2@channel");
  await choose(page, "LSQ with distillation", { steps: 50, batch: 32 });
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
    }).observe({ entryTypes: ["longtask"] });
  });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".cinema .line").first().waitFor({ timeout: PATIENCE });
  const start = Date.now();
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("button", { name: "Go on" }).waitFor({ timeout: PATIENCE });
  t.diagnostic(`paused after ${Date.now() - start} ms`);
  const done = () => page.locator("progress.wide").evaluate((bar) => bar.value);
  const before = await done();
  await page.getByRole("button", { name: "One step" }).click();
  await page.waitForFunction((n) => document.querySelector("progress.wide")?.value === n + 1, before, { timeout: PATIENCE });
  await page.getByRole("button", { name: "Go on" }).click();
  await rows(page).first().waitFor({ timeout: PATIENCE });
  const longest = await page.evaluate(() => window.longest);
  t.diagnostic(`longest task of the page while it trained: ${Math.round(longest)} ms`);
  const [[, accuracy]] = await accuracies(page);
  t.diagnostic(`int2@channel after 50 steps: ${accuracy} %`);
  assert.ok(accuracy > 50, `${accuracy} %`);
  await screenshot(t, page, "learn-lsq");
});

test("a stopped run keeps what it learned; a link with its result is replayed to the bit", async (t) => {
  const page = await open(t);
  await learn(page);
  await bits(page, "int3@channel");
  await choose(page, "GPTQ, correct biases");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await rows(page).first().waitFor({ timeout: PATIENCE });
  await screenshot(t, page, "learn-gptq");
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.waitForFunction(() => location.hash.startsWith("#v1."));
  const link = await page.evaluate(() => location.hash);
  t.diagnostic(`the link has ${link.length} characters`);
  const other = await open(t, link);
  await other.getByRole("button", { name: "Replay the link" }).click({ timeout: PATIENCE });
  await other.waitForFunction(() => /Reproduced/.test(document.querySelector(".run-controls")?.textContent ?? ""), null, { timeout: PATIENCE });
  await screenshot(t, other, "learn-replayed");

  await choose(page, "LSQ with distillation", { steps: 400 });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".cinema .line").first().waitFor({ timeout: PATIENCE });
  await page.getByRole("button", { name: "Stop, keep it" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".runs > .body > .runs-table tbody tr").length === 2, null, { timeout: PATIENCE });
  assert.match(await page.locator(".runs").innerText(), /stopped early/);
});

test("on WebGPU as well: a few iterations of AdaRound, then a few steps of LSQ", async (t) => {
  const page = await open(t, "?backend=gpu", { webgpu: true });
  await learn(page);
  await choose(page, "LSQ with distillation", { steps: 3, batch: 8 });
  await page.locator(".pipeline .body > label select").selectOption("adaround");
  await choose(page, "", { iterations: 3, samples: 16 });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await rows(page).first().waitFor({ timeout: PATIENCE });
  const [[name, accuracy]] = await accuracies(page);
  t.diagnostic(`${name}: ${accuracy} %`);
  assert.match(name, /^adaround.*,lsq/);
  assert.ok(accuracy > 80, `${accuracy} %`);
});

test("a run survives a GPU that is lost", async (t) => {
  const page = await open(t, "?backend=gpu", { webgpu: true, expected: [/deprecated/] });
  await learn(page);
  await choose(page, "LSQ with distillation", { steps: 12, batch: 8 });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".cinema .line").first().waitFor({ timeout: PATIENCE });
  const browser = await page.context().browser().newBrowserCDPSession();
  await browser.send("Browser.crashGpuProcess").catch(() => {});
  await page.getByRole("heading", { name: "The GPU was lost" }).waitFor({ timeout: PATIENCE });
  await rows(page).first().waitFor({ timeout: PATIENCE });
  const [[name, accuracy]] = await accuracies(page);
  t.diagnostic(`${name}: ${accuracy} % after its device was lost`);
  assert.match(name, /^lsq/);
  assert.ok(accuracy > 70, `${accuracy} %`);
});

test("in the dark, in Chinese and on a phone", async (t) => {
  const page = await open(t, "", { theme: "dark", viewport: SCREENS.phone });
  await settled(page);
  await page.getByRole("button", { name: "Learn", exact: true }).click();
  await page.getByRole("button", { name: "中文" }).click();
  await page.locator(".pipeline").getByText("流水线").waitFor();
  await screenshot(t, page, "learn-phone", { fullPage: true });
  await assertAccessible(page);
});
