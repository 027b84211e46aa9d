// The bench, used as a person would: by keyboard and by pointer, in a real browser, on the CPU engine and on WebGPU.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { assertAccessible, open, press, SCREENS, screenshot } from "./harness.mjs";

const EPS = 1e-9;

/** The big number, in percent, once no number on the page is stale and nothing is under way. */
async function settled(page) {
  await page.waitForFunction(() => {
    const big = document.querySelector(".headline .big");
    const isReady = big && /\d/.test(big.textContent) && !big.classList.contains("stale");
    return isReady && !document.querySelector("footer progress") && /n = 2,000$/.test(document.querySelector(".model .head .num").textContent);
  }, null, { timeout: 60_000 });
  return page.evaluate(() => parseFloat(document.querySelector(".headline .big").textContent));
}

const strip = (page, name) => page.getByRole("slider", { name: `bits of the weights of ${name}`, exact: true });

test("the page starts alive: a quantized network with its accuracy, before any click", async (t) => {
  const start = Date.now();
  const page = await open(t);
  await page.waitForFunction(() => /\d/.test(document.querySelector(".headline .big")?.textContent ?? ""));
  t.diagnostic(`first result after ${Date.now() - start} ms`);
  const accuracy = await settled(page);
  assert.ok(Math.abs(accuracy - 91) < 1.5, `W8A8 of fashion-lenet is near its float accuracy, not ${accuracy}`);
  await screenshot(t, page, "bench-light");
  await assertAccessible(page);
});

test("bits by keyboard: fewer bits are smaller and, at 1, worse; undo and redo go back and forth", async (t) => {
  const page = await open(t);
  const before = await settled(page);
  const size = () => page.locator(".facts dd b").first().innerText();
  const [sizeBefore] = [await size()];
  await strip(page, "conv2").focus();
  await press(page, "1");
  const after = await settled(page);
  assert.ok(after < before - 1, `one bit in conv2 costs accuracy: ${before} → ${after}`);
  assert.notEqual(await size(), sizeBefore);
  await press(page, "Control+z");
  assert.ok(Math.abs((await settled(page)) - before) < EPS, "undo gives the same number again");
  await press(page, "Control+Shift+z");
  assert.ok(Math.abs((await settled(page)) - after) < EPS, "redo too");
});

test("a drag is one step back", async (t) => {
  const page = await open(t);
  await settled(page);
  const box = await strip(page, "fc1").boundingBox();
  await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2);
  await page.mouse.down();
  for (const share of [0.8, 0.6, 0.45, 0.3]) await page.mouse.move(box.x + share * box.width, box.y + box.height / 2);
  await page.mouse.up();
  await settled(page);
  assert.equal(await strip(page, "fc1").getAttribute("aria-valuenow"), "3");
  await page.getByRole("button", { name: "Undo (Ctrl+Z)" }).click();
  assert.equal(await strip(page, "fc1").getAttribute("aria-valuenow"), "8");
  assert.ok(await page.getByRole("button", { name: "Undo (Ctrl+Z)" }).isDisabled());
});

test("a link opens to the same settings and the same numbers", async (t) => {
  const page = await open(t);
  await settled(page);
  await strip(page, "conv2").focus();
  await press(page, "2");
  const accuracy = await settled(page);
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.waitForFunction(() => location.hash.startsWith("#v1."));
  const link = await page.evaluate(() => location.hash);
  const other = await open(t, link);
  assert.ok(Math.abs((await settled(other)) - accuracy) < EPS);
  assert.equal(await strip(other, "conv2").getAttribute("aria-valuenow"), "2");
});

test("a corrupt link says so, and the bench works", async (t) => {
  const page = await open(t, "#v1.AAAA");
  await page.getByRole("heading", { name: "This link cannot be read" }).waitFor();
  await settled(page);
});

test("a file that is no model says what it is, and the model before it stays", async (t) => {
  const page = await open(t);
  const before = await settled(page);
  await drop(page, "notes.txt", Buffer.from("no model at all"));
  await page.getByRole("heading", { name: "This file is not a model that Fewbit can read" }).waitFor();
  await strip(page, "conv1").focus();
  await press(page, "7");
  await settled(page);
  await press(page, "Control+z");
  assert.ok(Math.abs((await settled(page)) - before) < EPS);
});

test("a model of one's own is opened by dropping it", async (t) => {
  const page = await open(t);
  await settled(page);
  const model = await readFile(new URL("../../assets/models/fashion-lenet.onnx", import.meta.url));
  await drop(page, "mine.onnx", model);
  await page.waitForFunction(() => document.querySelector(".model select, label.model select").selectedOptions[0].textContent === "mine.onnx");
  await settled(page);
});

async function drop(page, name, bytes) {
  const data = await page.evaluateHandle(([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    return transfer;
  }, [name, bytes.toString("base64")]);
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
}

test("a worker that dies is started again, and the work goes on", async (t) => {
  const page = await open(t, "", {
    expected: [/worker/i, /unreachable/],
    before: (page) => page.addInitScript(() => {
      const Native = Worker;
      window.workers = [];
      window.Worker = class extends Native {
        constructor(...args) {
          super(...args);
          window.workers.push(this);
        }
      };
    }),
  });
  await settled(page);
  await strip(page, "conv2").focus();
  await press(page, "3");
  const accuracy = await settled(page);
  await page.evaluate(() => window.workers.at(-1).onerror(new ErrorEvent("error", { message: "killed by a test" })));
  await page.getByRole("heading", { name: "The engine stopped and is started again" }).waitFor();
  await page.waitForFunction(() => window.workers.length === 2);
  assert.ok(Math.abs((await settled(page)) - accuracy) < EPS, "the settings were kept, the numbers are the same");
});

test("Chinese and dark, on a phone too", async (t) => {
  const page = await open(t, "?lang=zh", { theme: "dark", viewport: SCREENS.laptop });
  await settledAnyLanguage(page);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
  await screenshot(t, page, "bench-dark-zh");
  await assertAccessible(page);
  const phone = await open(t, "", { viewport: SCREENS.phone });
  await settledAnyLanguage(phone);
  const overflow = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 1, `nothing sticks out to the right, but ${overflow} px do`);
  await screenshot(t, phone, "bench-phone", { fullPage: true });
});

async function settledAnyLanguage(page) {
  await page.waitForFunction(() => {
    const big = document.querySelector(".headline .big");
    return big && /\d/.test(big.textContent) && !big.classList.contains("stale") && !document.querySelector("footer progress");
  }, null, { timeout: 60_000 });
}

test("with a software adapter the CPU engine runs, and the badge says why", async (t) => {
  const page = await open(t, "", { webgpu: true });
  await settled(page);
  await page.locator("button.badge").click();
  assert.match(await page.locator("dialog[open]").innerText(), /CPU in disguise/);
  await screenshot(t, page, "badge");
  await page.keyboard.press("Escape");
});

test("WebGPU gives the numbers of the CPU engine", async (t) => {
  const cpu = await open(t, "?backend=cpu");
  const gpu = await open(t, "?backend=gpu", { webgpu: true });
  const [a, b] = [await settled(cpu), await settled(gpu)];
  assert.match(await gpu.locator("button.badge").innerText(), /WebGPU/);
  assert.ok(Math.abs(a - b) <= 0.1, `accuracy on CPU ${a}, on WebGPU ${b}`);
  await screenshot(t, gpu, "bench-webgpu");
});

test("a GPU that is lost is told of, and the work goes on", async (t) => {
  const page = await open(t, "?backend=gpu", { webgpu: true, expected: [/deprecated/] });
  await settled(page);
  const browser = await page.context().browser().newBrowserCDPSession();
  await browser.send("Browser.crashGpuProcess").catch(() => {});
  await strip(page, "conv2").focus();
  await press(page, "4");
  await page.getByRole("heading", { name: "The GPU was lost" }).waitFor();
  await settled(page);
  assert.equal(await strip(page, "conv2").getAttribute("aria-valuenow"), "4");
});
