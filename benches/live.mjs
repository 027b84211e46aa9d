// How live the page is: `node benches/live.mjs [dist]`.
//
// In headless Chromium on the CPU engine: drags one layer of fashion-lenet through its bits, and measures from the key to the
// new weight histogram and its error, and to the accuracy on the first 512 images. The last layer against the first shows what
// incremental evaluation is worth.

import { open } from "../tests/e2e/harness.mjs";

const ROUNDS = 24;

const after = [];
const t = { after: (f) => after.push(f), diagnostic: console.log };
const page = await open(t, "?backend=cpu");
await page.waitForFunction(() => /n = 2,000$/.test(document.querySelector(".model .head .num")?.textContent ?? ""), null, { timeout: 60_000 });

/** Milliseconds from a key on a layer's strip until two things have been heard from the worker. */
async function measure(layer) {
  return page.evaluate(async ([layer, rounds]) => {
    const strip = [...document.querySelectorAll("[role=slider].strip")].find((s) => s.getAttribute("aria-label") === `bits of the weights of ${layer}`);
    const share = () => strip.closest("tr").querySelector("td.right").textContent;
    const seen = () => Number(document.querySelector(".model .head .num").textContent.match(/n = ([\d,]+)/)[1].replace(",", ""));
    const isStale = () => document.querySelector(".headline .big").classList.contains("stale");
    const frame = () => new Promise((next) => setTimeout(next, 0));
    const weights = [];
    const answers = [];
    for (let round = 0; round < rounds; round += 1) {
      const bits = [3, 8, 4, 6, 2, 5][round % 6];
      const before = share();
      const start = performance.now();
      strip.dispatchEvent(new KeyboardEvent("keydown", { key: String(bits), bubbles: true }));
      while (share() === before) await frame();
      weights.push(performance.now() - start);
      while (isStale() || seen() < 512) await frame();
      answers.push(performance.now() - start);
      while (seen() < 2000 || document.querySelector("footer progress")) await frame();
    }
    return { weights, answers };
  }, [layer, ROUNDS]);
}

const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
const show = (name, values) => console.log(`${name}: median ${quantile(values, 0.5).toFixed(1)} ms, p95 ${quantile(values, 0.95).toFixed(1)} ms of ${values.length}`);

const first = await measure("conv1");
const last = await measure("fc2");
show("first layer, weights and their error", first.weights);
show("first layer, accuracy on 512 images  ", first.answers);
show("last layer, weights and their error ", last.weights);
show("last layer, accuracy on 512 images   ", last.answers);
console.log(`incremental gain, last against first: ${(quantile(first.answers, 0.5) / quantile(last.answers, 0.5)).toFixed(1)}×`);

// Cancel: on the largest model, from the press to the end of the work.
await page.locator("label.model select").selectOption("fashion-mobilenet");
const cancels = [];
for (let round = 0; round < 10; round += 1) {
  await page.waitForFunction(() => !document.querySelector("footer progress") && document.querySelector("[role=slider].strip"), null, { timeout: 60_000 });
  await page.locator("[role=slider].strip").first().press(String(2 + (round % 6)));
  const cancel = page.locator("footer .work button");
  await cancel.waitFor({ timeout: 20_000 });
  cancels.push(await cancel.evaluate(async (button) => {
    const start = performance.now();
    button.click();
    while (document.querySelector("footer progress")) await new Promise((next) => setTimeout(next, 0));
    return performance.now() - start;
  }));
}
show("cancel, fashion-mobilenet", cancels);
for (const close of after) await close().catch((error) => console.error(error.message));
process.exit(0);
