// A person's own data: pictures, tables and texts are read as the model needs them, shown, corrected, and put beside it.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deflateSync, inflateRawSync } from "node:zlib";
import { drop, settled, settledAnyLanguage } from "./bench.mjs";
import { assertAccessible, open, press, SCREENS, screenshot, tabTo } from "./harness.mjs";

const golden = (name) => new URL(`../golden/data/${name}`, import.meta.url);
const field = (page, name) => page.locator("#data .fields").getByLabel(name, { exact: true });
const use = (page) => page.getByRole("button", { name: "Put beside the model" });
const seen = (page) => page.locator("#data .seen canvas");

/** Writes a value into a field, as a person does. */
async function fill(page, name, text) {
  await field(page, name).fill(text);
  await press(page, "Enter");
}

/** Waits until it was found out how the data are read. */
const planned = (page) => page.waitForFunction(() => !document.querySelector("#data .stale-mark"));

/** Waits until the bench has answers for so many samples. */
const answered = (page, n) =>
  page.waitForFunction(
    (n) => {
      const text = document.querySelector(".model .head .num")?.textContent ?? "";
      return text.endsWith(`n = ${n}`) && !document.querySelector("footer progress, .headline .stale");
    },
    n,
    { timeout: 60_000 },
  );

/** A folder of two classes with the same two pictures. */
async function pictures(t) {
  const folder = await mkdtemp(join(tmpdir(), "fewbit-data-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const kind of ["cat", "dog"]) {
    await mkdir(join(folder, "pets", kind), { recursive: true });
    for (const name of ["rgb.png", "grey.jpg"]) await cp(golden(name), join(folder, "pets", kind, name));
  }
  await writeFile(join(folder, "pets", "readme.txt"), "about them");
  return join(folder, "pets");
}

async function pickFolder(page, folder) {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Open a folder…" }).click();
  await (await chooser).setFiles(folder);
}

test("a folder of pictures is prepared for the model, corrected, saved, and put beside it", async (t) => {
  const page = await open(t);
  const before = await settled(page);
  await page.getByRole("button", { name: "Data", exact: true }).click();
  await page.getByText("fashion-lenet takes N×1×28×28").waitFor();
  await screenshot(t, page, "data-empty");
  await pickFolder(page, await pictures(t));
  await seen(page).nth(3).waitFor();
  assert.match(await page.locator("#data .given").innerText(), /pets[\s\S]*pictures · 5 files/);
  assert.deepEqual(await page.locator("#data .seen b").allInnerTexts(), ["cat", "dog", "cat", "dog"]);
  assert.equal(await field(page, "resize").getAttribute("placeholder"), "28x28");
  assert.equal(await field(page, "scale").getAttribute("placeholder"), "1/255");
  await screenshot(t, page, "data-pictures");
  await assertAccessible(page);

  // What cannot be is said, and what was there stays.
  await fill(page, "crop", "20");
  await page.getByText("pictures become N×1×20×20, but the model takes N×1×28×28").waitFor();
  assert.ok(await use(page).isDisabled());
  await fill(page, "mean", "a lot");
  await page.getByText("`a lot` is no number").waitFor();
  await fill(page, "mean", "");
  await fill(page, "resize", "32");
  await fill(page, "crop", "28");
  await field(page, "filter").selectOption({ label: "bicubic" });
  await page.getByText("their shorter side resized to 32 (bicubic), cropped to 28×28").waitFor();
  await planned(page);
  assert.equal(await seen(page).first().evaluate((canvas) => `${canvas.width}×${canvas.height}`), "28×28");

  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as .npz" }).click();
  assert.equal((await saved).suggestedFilename(), "pets.npz");
  await use(page).click();
  await answered(page, 4);
  assert.match(await page.locator(".data-line").textContent(), /^4 test/);
  await screenshot(t, page, "data-beside");

  // The same file gives the same samples.
  await drop(page, "pets.npz", await readFile(await (await saved).path()));
  await answered(page, 4);

  // A gallery's model comes with its own data.
  await page.locator("label.model select").selectOption("fashion-resnet");
  await settled(page);
  await page.locator("label.model select").selectOption("fashion-lenet");
  assert.equal(await settled(page), before);
});

/** The bytes of an array of an npz archive, without its header. */
function array(npz, name) {
  for (let at = npz.indexOf("PK\x01\x02"); npz.readUInt32LE(at) === 0x02014b50; ) {
    const [packed, length, extra, comment] = [npz.readUInt32LE(at + 20), npz.readUInt16LE(at + 28), npz.readUInt16LE(at + 30), npz.readUInt16LE(at + 32)];
    const local = npz.readUInt32LE(at + 42);
    if (npz.toString("latin1", at + 46, at + 46 + length) === `${name}.npy`) {
      const start = local + 30 + npz.readUInt16LE(local + 26) + npz.readUInt16LE(local + 28);
      const bytes = npz.subarray(start, start + packed);
      const npy = npz.readUInt16LE(at + 10) === 8 ? inflateRawSync(bytes) : bytes;
      return npy.subarray(10 + npy.readUInt16LE(8));
    }
    at += 46 + length + extra + comment;
  }
  throw new Error(`no ${name}`);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A grey picture as PNG. */
function png(pixels, side) {
  const rows = Array.from({ length: side }, (_, row) => [0, ...pixels.subarray(row * side, (row + 1) * side)]);
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    size.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([size, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, side, 0, 0, 0, side, 8, 0, 0, 0, 0]);
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.from(rows.flat()))), chunk("IEND", Buffer.alloc(0))]);
}

test("two thousand pictures that are dropped as a folder measure what the same pictures measure as an archive", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "fewbit-fashion-"));
  t.after(() => rm(folder, { recursive: true }));
  const npz = await readFile(new URL("../../assets/data/fashion-test.npz", import.meta.url));
  const [x, y] = [array(npz, "x"), array(npz, "y")];
  for (let kind = 0; kind < 10; kind += 1) await mkdir(join(folder, String(kind)));
  const file = (i) => join(folder, String(y.readBigInt64LE(8 * i)), `${i}.png`);
  await Promise.all(Array.from({ length: 2000 }, (_, i) => writeFile(file(i), png(x.subarray(784 * i, 784 * (i + 1)), 28))));

  const page = await open(t);
  await settled(page);
  const float = async () => (await page.locator(".headline").innerText()).match(/float\s+([\d.]+)/)[1];
  const before = await float();
  const input = await page.context().newCDPSession(page);
  const data = { items: [], files: [folder], dragOperationsMask: 1 };
  const dropped = Date.now();
  for (const type of ["dragEnter", "dragOver", "drop"]) await input.send("Input.dispatchDragEvent", { type, x: 640, y: 400, data });
  await seen(page).nth(5).waitFor();
  await page.getByText("classes are the folders' names, which are numbers").waitFor();
  t.diagnostic(`2,000 pictures listed and looked at after ${Date.now() - dropped} ms`);
  const begun = Date.now();
  await use(page).click();
  await page.waitForFunction(() => document.querySelector(".data-line").textContent.startsWith("2,000 test · 2,000"), null, { timeout: 60_000 });
  t.diagnostic(`read after ${Date.now() - begun} ms`);
  await settled(page);
  assert.equal(await float(), before);
});

test("a damaged picture is named, and the bench stays as it was", async (t) => {
  const page = await open(t);
  const before = await settled(page);
  const png = await readFile(golden("rgb.png"));
  await drop(page, "half.png", png.subarray(0, png.length / 2));
  const failure = page.locator("#data .failure");
  await failure.waitFor();
  assert.match(await failure.innerText(), /half\.png/);
  assert.ok(await use(page).isDisabled());
  await drop(page, "whole.png", png);
  await seen(page).first().waitFor();
  assert.equal(await failure.count(), 0);
  assert.deepEqual(await page.locator("#data .seen b").allInnerTexts(), ["no class"]);
  await page.getByRole("button", { name: "Bench", exact: true }).click();
  assert.equal(await settled(page), before);
});

test("a table is read by its columns; dark, in Chinese, by keyboard", async (t) => {
  const page = await open(t, "", { theme: "dark" });
  await settled(page);
  const names = ["id", ...Array.from({ length: 784 }, (_, i) => `p${i}`), "kind"].join(",");
  const line = (id, kind) => [id, ...Array.from({ length: 784 }, (_, i) => (i * (id + 3)) % 256), kind].join(",");
  const lines = Array.from({ length: 12 }, (_, id) => line(id, id % 3));
  await drop(page, "pixels.csv", Buffer.from([names, ...lines].join("\n")));
  await page.locator("#data .lines table").waitFor();
  await page.getByText("the first column counts lines and is left out").waitFor();
  assert.match(await page.locator("#data .lines thead").innerText(), /id\s*left out[\s\S]*p0\s*value/);
  assert.match(await field(page, "class").locator("option").first().textContent(), /\(inferred\)/);
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByText("如何读取").waitFor();
  await screenshot(t, page, "data-table-dark");
  await assertAccessible(page);
  await field(page, "比例").focus();
  await page.keyboard.type("1/128");
  await press(page, "Tab");
  await planned(page);
  await tabTo(page, "#data .head .primary");
  await press(page, "Enter");
  await answered(page, 12);
});

test("a text is cut into windows for a language model; on a phone", async (t) => {
  const page = await open(t, "", { viewport: SCREENS.phone });
  await settledAnyLanguage(page);
  await drop(page, "bytes.txt", await readFile(golden("bytes.txt")));
  await page.getByText("which is no sequence of tokens").waitFor();
  await drop(page, "bytes.onnx", await readFile(golden("bytes.onnx")));
  // The model changes, and what is there is read for the new one.
  await page.getByText("bytes.onnx takes N×32").waitFor();
  await page.locator("#data .tokens li").first().waitFor();
  await page.getByText("the model knows 256 tokens: they are taken for bytes").waitFor();
  await screenshot(t, page, "data-text-phone", { fullPage: true });
  await assertAccessible(page, "#data");
  await fill(page, "stride", "none");
  await page.getByText("`none` is no whole number above 0").waitFor();
  await fill(page, "stride", "");
  await fill(page, "samples", "8");
  await planned(page);
  await use(page).click();
  await answered(page, 256);
  await page.getByText("perplexity").first().waitFor();

  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Data", exact: true }).click();
  await page.getByRole("button", { name: "Tokenizer file…" }).click();
  await (await chooser).setFiles(golden("byte-level.json").pathname);
  await page.getByText("has 500 tokens, but the model knows 256").waitFor();
});
