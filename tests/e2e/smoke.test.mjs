// The built page starts, wherever it is put, and asks for nothing from elsewhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible, open, screenshot } from "./harness.mjs";

/** Opens the page and gives the answer that brought the engine's module. */
async function openWithModule(t, options) {
  let module;
  const before = async (page) => {
    module = page.waitForResponse((response) => response.url().includes("worker_bg.wasm"));
  };
  const page = await open(t, "", { ...options, before });
  return [page, await module];
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
  const [page, module] = await openWithModule(t, { prefix: "/some/path" });
  assert.equal(module.status(), 200);
  await page.waitForFunction(() => /\d/.test(document.querySelector(".headline .big")?.textContent ?? ""));
});

test("the worker loads, and its address carries a version", async (t) => {
  const [, module] = await openWithModule(t);
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

test("the policy holds for the engine's worker, too", async (t) => {
  const expected = [/Content Security Policy/, /foreign request: http:\/\/example\.invalid/, /ERR_/];
  const [page] = await openWithModule(t, { expected });
  const [worker] = page.workers();
  const refusal = await worker.evaluate(async () => {
    const told = new Promise((tell) => self.addEventListener("securitypolicyviolation", (event) => tell(event.effectiveDirective)));
    const answer = await fetch("http://example.invalid/").then(() => "sent", () => "refused");
    return [answer, await told];
  });
  assert.deepEqual(refusal, ["refused", "connect-src"]);
});

test("the page that a visitor first sees is accessible", async (t) => {
  const page = await open(t);
  await assertAccessible(page);
});
