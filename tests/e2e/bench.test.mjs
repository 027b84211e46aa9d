// The bench, used as a person would: by keyboard and by pointer, in a real browser, on the CPU engine and on WebGPU.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { drop, EPS, settled, settledAnyLanguage, strip } from "./bench.mjs";
import { assertAccessible, open, press, SCREENS, screenshot } from "./harness.mjs";

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

test("a model of one's own is opened by dropping it, and comes back by redo", async (t) => {
  const page = await open(t);
  const gallery = await settled(page);
  const chosen = (name) => page.waitForFunction((name) => document.querySelector("label.model select").selectedOptions[0].textContent === name, name);
  await drop(page, "mine.onnx", await readFile(new URL("../../assets/models/fashion-mobilenet.onnx", import.meta.url)));
  await chosen("mine.onnx");
  const own = await settled(page);
  await press(page, "Control+z");
  await chosen("fashion-lenet");
  assert.ok(Math.abs((await settled(page)) - gallery) < EPS);
  await press(page, "Control+Shift+z");
  await chosen("mine.onnx");
  assert.ok(Math.abs((await settled(page)) - own) < EPS, "the file is there without being asked for");
  assert.equal(await page.locator(".notices li, .notice").count(), 0);
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

test("a file that the address names is opened once the person agrees; one from elsewhere says why not", async (t) => {
  const page = await open(t, "?url=assets/models/fashion-resnet.onnx");
  await settled(page);
  const dialog = page.getByRole("dialog", { name: "The address names a file" });
  assert.match(await dialog.innerText(), /Open fashion-resnet\.onnx from http/);
  await assertAccessible(page);
  await dialog.getByRole("button", { name: "Open it" }).click();
  await page.waitForFunction(() => document.querySelector("label.model select").selectedOptions[0].textContent === "fashion-resnet.onnx");
  const other = await open(t, "?url=https%3A%2F%2Fexample.org%2Fmodel.onnx");
  assert.match(await other.getByRole("dialog").innerText(), /lies on another server/);
  assert.equal(await other.getByRole("button", { name: "Open it" }).count(), 0);
});

test("the quantized model is saved as ONNX, GGUF and a report, and opens again", async (t) => {
  const page = await open(t, "");
  await settled(page);
  const save = async (name) => {
    const download = page.waitForEvent("download");
    await page.locator(".forms").getByRole("button", { name, exact: true }).click();
    const file = await download;
    // What a form cannot say is told, over the page.
    for (const dismiss of await page.locator(".notices").getByRole("button", { name: "Dismiss" }).all()) await dismiss.click();
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  };
  const report = await save("Report (HTML)");
  assert.match(report.bytes.toString(), /<!doctype html>[\s\S]*fashion-lenet/i);
  const gguf = await save("GGUF");
  assert.equal(gguf.bytes.subarray(0, 4).toString(), "GGUF");
  const onnx = await save("ONNX, quantized");
  assert.equal(onnx.name, "fashion-lenet-fewbit.onnx");
  await drop(page, onnx.name, onnx.bytes);
  await page.waitForFunction(() => document.querySelector("label.model select").selectedOptions[0].textContent === "fashion-lenet-fewbit.onnx");
});
