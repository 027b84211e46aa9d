// The built page starts, wherever it is put, and asks for nothing from elsewhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible, open, screenshot } from "./harness.mjs";

/** Starts the engine's worker by the address in the page and waits until its module has arrived. */
async function startWorker(page) {
  const arrived = page.waitForResponse((response) => response.url().includes("worker_bg.wasm"));
  await page.evaluate(() => {
    const { content } = document.querySelector('meta[name="fewbit-worker"]');
    window.smoke = new Worker(new URL(content, document.baseURI));
    window.smoke.onerror = (event) => console.error(`worker: ${event.message}`);
  });
  return arrived;
}

for (const webgpu of [false, true]) {
  test(`the page starts ${webgpu ? "with" : "without"} WebGPU`, async (t) => {
    const page = await open(t, "", { webgpu });
    assert.match(await page.title(), /Fewbit/);
    if (await page.locator("#app > *").count()) {
      await page.locator("#loading").waitFor({ state: "detached" });
    }
    const adapter = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    assert.equal(adapter, webgpu, "the browser has the adapter that this test is about");
    await screenshot(t, page, `smoke-${webgpu ? "webgpu" : "cpu"}`);
  });
}

test("the page works under a path", async (t) => {
  const page = await open(t, "", { prefix: "/some/path" });
  const module = await startWorker(page);
  assert.equal(module.status(), 200);
});

test("the worker loads, and its address carries a version", async (t) => {
  const page = await open(t);
  const module = await startWorker(page);
  assert.equal(module.headers()["content-type"], "application/wasm");
  assert.match(module.url(), /\/worker_bg\.wasm\?v=[0-9a-f]{16}$/);
});

test("the first view loads the first model and no other", async (t) => {
  const models = new Set();
  const before = (page) => page.on("request", (request) => models.add(request.url().match(/assets\/models\/.*/)?.[0]));
  const page = await open(t, "", { before });
  await page.waitForLoadState("networkidle");
  models.delete(undefined);
  assert.deepEqual([...models].filter((model) => !model.includes("fashion-lenet")), []);
});

test("the content security policy keeps the page's requests at home", async (t) => {
  const page = await open(t, "", { expected: [/Content Security Policy/, /foreign request: http:\/\/example\.invalid/, /ERR_/] });
  const answer = await page.evaluate(() => fetch("http://example.invalid/").then(() => "sent", () => "refused"));
  assert.equal(answer, "refused");
  const inline = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.inlineRan = true";
    document.body.append(script);
    return window.inlineRan === true;
  });
  assert.equal(inline, false);
});

test("the page that a visitor first sees is accessible", async (t) => {
  const page = await open(t);
  await assertAccessible(page);
});
