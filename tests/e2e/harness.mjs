// What the end-to-end tests share: a server, a browser, and a page that fails its test on any error.
//
//   test("…", async (t) => {
//     const page = await open(t, "?backend=cpu", { locale: "zh-CN", theme: "dark" });
//     …
//   });

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

/** The built page. */
export const DIST = process.env.FEWBIT_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url));

/** Where screenshots go. */
export const SHOTS = process.env.FEWBIT_SHOTS ?? join(tmpdir(), "fewbit", "shots");

/** Screens that the page must be usable on. */
export const SCREENS = {
  projector: { width: 1280, height: 720 },
  laptop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
};

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

// A quiet browser: it asks for nothing but what the page asks for.
const QUIET = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// WebGPU on SwiftShader, the software adapter inside Chromium.
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];
const NO_WEBGPU = ["--disable-features=WebGPU", "--disable-gpu"];

const closers = [];
const browsers = new Map();
const servers = new Map();

after(async () => {
  for (const close of closers.reverse()) await close();
});

/** The browser with or without WebGPU; one of each for a test file. */
function browser(webgpu) {
  if (!browsers.has(webgpu)) {
    const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));
    assert.ok(executablePath, "no Chromium: install it, or name it in CHROMIUM");
    const launched = chromium.launch({ executablePath, args: [...QUIET, ...(webgpu ? WEBGPU : NO_WEBGPU)] });
    closers.push(async () => (await launched).close());
    browsers.set(webgpu, launched);
  }
  return browsers.get(webgpu);
}

/** The built page on a free port, below `prefix`; one server of each for a test file. */
function site(prefix) {
  if (!servers.has(prefix)) {
    assert.ok(existsSync(join(DIST, "index.html")), `no page in ${DIST}: run \`cargo xtask dist\` first`);
    const started = serve(DIST, { prefix });
    closers.push(async () => (await started).close());
    servers.set(prefix, started);
  }
  return servers.get(prefix);
}

/**
 * Opens the page in a fresh profile and waits until the app has started. When the test ends, the page is closed, and
 * the test fails if anything went wrong on the page: see `watch`.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} [path] what follows the page's address: "?backend=cpu", "#…"
 * @param {object} [options]
 * @param {boolean} [options.webgpu] a browser with WebGPU (SwiftShader) or, as by default, without
 * @param {"light" | "dark"} [options.theme]
 * @param {string} [options.locale] "en-US", "zh-CN"
 * @param {{width: number, height: number}} [options.viewport]
 * @param {boolean} [options.reducedMotion]
 * @param {string} [options.prefix] serve the page below this path, as in "/some/path"
 * @param {RegExp[]} [options.expected] problems that the test provokes on purpose
 * @param {(page: import("playwright-core").Page) => Promise<void>} [options.before] what to do before the page loads
 */
export async function open(t, path = "", options = {}) {
  const { webgpu = false, theme = "light", locale = "en-US", viewport = SCREENS.projector } = options;
  const { reducedMotion = false, prefix = "", expected = [], before } = options;
  const { origin, url } = await site(prefix);
  const context = await (await browser(webgpu)).newContext({
    locale,
    viewport,
    colorScheme: theme,
    reducedMotion: reducedMotion ? "reduce" : "no-preference",
    hasTouch: viewport.width < 600,
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const problems = watch(page, origin);
  t.after(async () => {
    await context.close();
    const left = problems.filter((problem) => !expected.some((pattern) => pattern.test(problem)));
    assert.deepEqual(left, [], "the page reported problems");
  });
  await before?.(page);
  await page.goto(url + path);
  await started(page);
  return page;
}

/** Waits until the app has started, and fails with what the page says if it does not. */
export async function started(page) {
  await page.waitForFunction(() => document.documentElement.dataset.boot, null, { timeout: 30_000 });
  const state = await page.evaluate(() => [document.documentElement.dataset.boot, document.body.innerText]);
  assert.equal(state[0], "started", state[1]);
}

/**
 * Collects what must not happen on a page: errors on the console and uncaught ones, of the page and its workers,
 * requests that fail, and requests to anywhere but the page's own server.
 */
function watch(page, origin) {
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.stack ?? error}`));
  page.on("crash", () => problems.push("the page crashed"));
  page.on("request", (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (asked !== origin && protocol !== "data:" && protocol !== "blob:") problems.push(`foreign request: ${request.url()}`);
  });
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    // The page drops requests itself, by a navigation or by ending a worker.
    if (reason !== "net::ERR_ABORTED") problems.push(`request failed (${reason}): ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) problems.push(`status ${response.status()}: ${response.url()}`);
  });
  return problems;
}

/** Saves a picture of the page for a person to look at, and tells the test's log where. */
export async function screenshot(t, page, name, options = {}) {
  mkdirSync(SHOTS, { recursive: true });
  const path = join(SHOTS, `${name}.png`);
  await page.screenshot({ path, ...options });
  t.diagnostic(`screenshot: ${path}`);
}

/** Fails on any violation that axe-core finds in the page, or in the part that `include` selects. */
export async function assertAccessible(page, include) {
  // By the debugger, which the page's content security policy does not bind.
  await page.evaluate(`if (!window.axe) { ${axe.source} }`);
  const violations = await page.evaluate(async (scope) => {
    const results = await window.axe.run(scope ?? document, { resultTypes: ["violations"] });
    return results.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.slice(0, 5).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
    }));
  }, include);
  assert.deepEqual(violations, [], "axe-core found violations");
}

/** Presses keys one after another: `press(page, "Tab", "Shift+ArrowRight")`. */
export async function press(page, ...keys) {
  for (const key of keys) await page.keyboard.press(key);
}

/** What has the focus: its tag, role, accessible name and id. */
export function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText ?? "";
    return { tag: element.tagName.toLowerCase(), role: element.getAttribute("role"), name: label.trim(), id: element.id };
  });
}

/** Presses Tab until the element that `selector` finds has the focus, as a person without a mouse would. */
export async function tabTo(page, selector, { limit = 200, key = "Tab" } = {}) {
  const seen = [];
  for (let count = 0; count < limit; count += 1) {
    await page.keyboard.press(key);
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    const { tag, id, name } = await focused(page);
    seen.push(`${tag}${id && `#${id}`} ${name.slice(0, 20)}`);
  }
  assert.fail(`${limit} times ${key} did not reach ${selector}; the last stops were ${seen.slice(-5).join(", ")}`);
}
