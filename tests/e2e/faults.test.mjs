// What goes wrong is told, and the work goes on.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { drop, EPS, settled, strip } from "./bench.mjs";
import { assertAccessible, open, press, screenshot } from "./harness.mjs";

test("a corrupt link says so, and the bench works", async (t) => {
  const page = await open(t, "#v1.AAAA");
  await page.getByRole("heading", { name: "This link cannot be read" }).waitFor();
  await settled(page);
});

test("a file that is no model says what it is, and the model before it stays", async (t) => {
  const page = await open(t);
  const before = await settled(page);
  await drop(page, "notes.bin", Buffer.from("no model at all"));
  await page.getByRole("heading", { name: "This file is not a model that Fewbit can read" }).waitFor();
  await strip(page, "conv1").focus();
  await press(page, "7");
  await settled(page);
  await press(page, "Control+z");
  assert.ok(Math.abs((await settled(page)) - before) < EPS);
});

test("a model that was cut off says at which byte", async (t) => {
  const page = await open(t);
  await settled(page);
  const model = await readFile(new URL("../../assets/models/fashion-lenet.onnx", import.meta.url));
  await drop(page, "half.onnx", model.subarray(0, model.length / 2));
  await page.getByRole("heading", { name: "This file is not a model that Fewbit can read" }).waitFor();
  assert.match(await page.locator(".notices").innerText(), /byte \d+: \d+ more bytes are needed, \d+ are there/);
});

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

test("a GPU that fails its self-test is not used, and the badge says which kernel it was", async (t) => {
  const cpu = await open(t, "?backend=cpu");
  const page = await open(t, "?backend=gpu&selftest=pool", { webgpu: true });
  assert.equal(await settled(page), await settled(cpu), "the CPU engine serves");
  const badge = page.locator("button.badge");
  assert.match(await badge.innerText(), /^!\s*CPU: GPU test set to fail$/, "a failure that was asked for is called so");
  await badge.click();
  const dialog = page.locator("dialog[open]");
  assert.match(await dialog.innerText(), /wrong numbers \(pool: a mean over windows\)/);
  assert.match(await dialog.innerText(), /This failure was asked for/);
  assert.deepEqual(await dialog.locator("tr:has(.down) td:first-child").allInnerTexts(), ["pool: a mean over windows"]);
  assert.ok((await dialog.locator("tr:has(.up)").count()) >= 12, "a dozen other kernels passed");
  await assertAccessible(page);
  await screenshot(t, page, "badge-failed");
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
