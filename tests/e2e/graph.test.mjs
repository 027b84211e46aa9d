// The graph screen: every node is there, found, folded, coloured and linked with the bench; the facts of the file beside it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drop, settled, settledAnyLanguage, strip } from "./bench.mjs";
import { assertAccessible, open, press, SCREENS, screenshot } from "./harness.mjs";
import { model, node, residual, value } from "./onnx.mjs";

const boxes = (page) => page.locator(".sheet .box");
const names = (page) => boxes(page).evaluateAll((all) => all.map((box) => box.querySelector(".name").textContent));
const title = (page) => page.locator(".selected-node .title").innerText();
const facts = (page) => page.locator(".facts-panel").innerText();
const button = (page, name) => page.getByRole("button", { name, exact: true });

async function graph(page) {
  await button(page, "Graph").click();
  await boxes(page).first().waitFor();
}

/** How far the middle of the selected box is from that of the drawing, in pixels. */
const aside = (page) =>
  page.evaluate(() => {
    const middle = (element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return [(left + right) / 2, (top + bottom) / 2];
    };
    const [a, b] = [".sheet", ".box.chosen"].map((selector) => middle(document.querySelector(selector)));
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  });

test("every node of a gallery model is a box; selecting one here or on the bench selects it there", async (t) => {
  const page = await open(t);
  await page.locator("label.model select").selectOption("fashion-mobilenet");
  await strip(page, "block2.expand").locator("xpath=ancestor::tr").locator("button").first().click();
  await graph(page);
  const count = parseInt(await page.locator(".drawing-panel .head .muted").first().innerText());
  assert.equal(await boxes(page).count(), count);
  assert.equal(await title(page), "block2.expand");
  await page.locator('.box[aria-label^="block3.project "]').dispatchEvent("click");
  assert.equal(await title(page), "block3.project");
  await screenshot(t, page, "graph-light");
  await assertAccessible(page);
  assert.match(await facts(page), /operator set\s+13[\s\S]*pytorch 1\.13\.0[\s\S]*MIT OR Apache-2\.0[\s\S]*x N×1×28×28/);
  await button(page, "Look at it on the bench").click();
  assert.equal(await page.locator(".panel.layer h2.title").innerText(), "block3.project");
});

test("colours follow the recipe, and the legend says what is better", async (t) => {
  const page = await open(t);
  await settled(page);
  await graph(page);
  await page.locator(".colour-by select").selectOption({ label: "Bits of weights" });
  const colour = () => page.locator(".box.chosen").getAttribute("class");
  assert.match(await colour(), /ramp-0/);
  await strip(page, await title(page)).focus();
  await press(page, "1");
  await page.waitForFunction(() => document.querySelector(".box.chosen").classList.contains("ramp-5"));
  await page.locator(".colour-by select").selectOption({ label: "SQNR in the network" });
  await page.waitForFunction(() => !document.querySelector(".box.stale, .box.unknown"), null, { timeout: 60_000 });
  assert.match(await page.locator(".colours").innerText(), /higher is better[\s\S]*dB/);
  assert.match(await page.locator(".box.chosen").getAttribute("aria-label"), /dB$/);
  await screenshot(t, page, "graph-sqnr");
  await assertAccessible(page);
  await button(page, "Bench").click();
  await graph(page);
  assert.match(await page.locator(".colours").innerText(), /higher is better/, "the colour is kept");
});

test("three hundred nodes: blocks, search, keys, and only what is in sight", async (t) => {
  const page = await open(t);
  await settled(page);
  await drop(page, "deep.onnx", residual(60));
  await page.waitForFunction(() => document.querySelector("label.model select").selectedOptions[0].textContent === "deep.onnx");
  await graph(page);
  assert.match(await page.locator(".drawing-panel .head").innerText(), /305 nodes/);
  assert.equal(await boxes(page).count(), 64, "a block is one box");
  assert.match(await facts(page), /CC0-1\.0/);
  await screenshot(t, page, "graph-closed");

  const start = Date.now();
  await button(page, "Open all").click();
  await page.waitForFunction(() => document.querySelector(".frame"));
  t.diagnostic(`opened and drawn after ${Date.now() - start} ms`);
  const there = await boxes(page).count();
  assert.ok(there > 5 && there < 100, `${there} boxes of 305 are there`);
  await screenshot(t, page, "graph-open");
  await button(page, "Show all (0)").click();
  await page.waitForFunction(() => document.querySelectorAll(".sheet .box").length === 305);
  await screenshot(t, page, "graph-far");
  await button(page, "Close all").click();

  const search = page.getByRole("searchbox");
  await search.fill("layers.41/gate");
  await press(page, "Enter");
  assert.match(await page.locator(".search").innerText(), /1 of 1/);
  assert.match(await title(page), /layers\.41\/gate/);
  await page.waitForTimeout(400);
  assert.ok((await aside(page)) < 60, "the hit is in the middle");
  await search.fill("sigmoid");
  await press(page, "Enter", "Enter");
  assert.match(await page.locator(".search").innerText(), /43 of 60|44 of 60/);
  await press(page, "Shift+Enter");
  await screenshot(t, page, "graph-found");

  await page.locator(".sheet").focus();
  await press(page, "ArrowDown", "Enter");
  assert.match(await title(page), /Add|layers/);
  await press(page, "ArrowUp", "ArrowUp", "Enter");
  assert.match(await title(page), /conv2/);
  await press(page, "c");
  assert.match(await title(page), /layers\.4\d$/);
  await assertAccessible(page);

  await button(page, "table").click();
  assert.equal(await page.locator(".drawing-panel tbody tr").count(), 305);
  assert.match(await page.locator(".drawing-panel tbody tr").nth(3).innerText(), /layers\.0\.conv2\s+Conv\s+\S*layers\.0\/act/);
  await assertAccessible(page);
});

test("a file that cannot run is looked at, and says which operator it is and what to do", async (t) => {
  const page = await open(t);
  await settled(page);
  const nodes = [
    node("Relu", ["x"], ["a"], "first"),
    node("NonZero", ["a"], ["b"], "strange"),
    node("Relu", ["b"], ["y"], "last"),
  ];
  await drop(page, "strange.onnx", model({ nodes, inputs: [value("x", ["N", 1, 28, 28])], outputs: [value("y", ["N", 10])] }));
  await page.waitForFunction(() => document.querySelector("label.model select").selectedOptions[0].textContent === "strange.onnx");
  await graph(page);
  assert.deepEqual(await names(page), ["first", "strange", "last"]);
  assert.equal(await page.locator(".box.stuck .name").textContent(), "strange");
  assert.match(await facts(page), /1 node cannot run[\s\S]*NonZero strange[\s\S]*Export it again/);
  await screenshot(t, page, "graph-unsupported");
});

test("wheel and drag move the drawing; dark, in Chinese, and on a phone", async (t) => {
  const page = await open(t, "?lang=zh", { theme: "dark" });
  await settledAnyLanguage(page);
  await page.getByRole("button", { name: "计算图", exact: true }).click();
  await boxes(page).first().waitFor();
  const place = () => page.locator(".world").evaluate((world) => world.style.transform);
  const before = await place();
  const sheet = await page.locator(".sheet").boundingBox();
  const [x, y] = [sheet.x + 30, sheet.y + 30];
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, -300);
  await page.waitForFunction((old) => document.querySelector(".world").style.transform !== old, before);
  const zoomed = await place();
  await page.mouse.down();
  await page.mouse.move(x + 60, y + 20, { steps: 4 });
  await page.mouse.up();
  assert.notEqual(await place(), zoomed);
  await page.locator(".colour-by select").selectOption("7");
  await screenshot(t, page, "graph-dark-zh");
  await assertAccessible(page);

  const phone = await open(t, "", { viewport: SCREENS.phone });
  await settledAnyLanguage(phone);
  await graph(phone);
  const overflow = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 1, `nothing sticks out to the right, but ${overflow} px do`);
  await screenshot(t, phone, "graph-phone", { fullPage: true });
  await assertAccessible(phone);
});
