// The pictures of the README: `cargo xtask dist && node tools/pictures.mjs` writes them into docs/.

import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { settled } from "../tests/e2e/bench.mjs";
import { open, SCREENS } from "../tests/e2e/harness.mjs";

const docs = fileURLToPath(new URL("../docs", import.meta.url));

const closers = [];
const t = { after: (close) => closers.push(close), diagnostic: console.log };
const take = async (page, name) => {
  // The picture is of the page, not of the pointer on it.
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(docs, `${name}.png`) });
};

/** fewbit link fashion-resnet with the first and the last layer in 8 bits, and fewer towards the end. */
const MIXED =
  "#v1.eNp9jMsOgjAQRf9l1tWEVo1h5X80syCmaiNOTafAgvDvPMI7wPKeOXNK-EEMr4Q_1tHJGyYTQEDRQEvh_giG2PmGeIi1btltZJSlqdDAIXmb6Px0lEeAKDrremDJ0VKbluxbYj7lMNXyqlbJy06Sv_Y__XQLEasa5nBVuw";

async function bench(name, options) {
  const page = await open(t, `?backend=cpu${MIXED}`, options);
  await settled(page);
  await page.locator(".layers td, .layers th").filter({ hasText: "stage2.conv1" }).first().click();
  for (const key of ["4", "2", "3"]) {
    await page.getByRole("slider", { name: "bits of the weights of stage2.conv1", exact: true }).press(key);
    await settled(page);
  }
  // The inputs of layers are looked at last.
  await page.waitForFunction(() => !document.querySelector("footer progress") && !/not observed yet/.test(document.body.innerText));
  await take(page, name);
}

async function learn(name) {
  const page = await open(t, "?backend=cpu");
  await settled(page);
  await page.getByRole("button", { name: /Set many/ }).click();
  await page.locator("dialog input").nth(1).fill("int2-asym@channel");
  await page.locator("dialog button[type=submit]").click();
  await settled(page);
  await page.getByRole("button", { name: "Learn", exact: true }).click();
  const rows = page.locator(".runs > .body > .runs-table tbody tr");
  for (const [run, preset] of ["Round to nearest", "AdaRound, correct biases"].entries()) {
    await page.locator(".pipeline .head select").selectOption({ label: preset });
    const iterations = page.locator(".setting", { hasText: "iterations" }).first().locator("input");
    if (await iterations.count()) {
      await iterations.fill("60");
      await iterations.press("Enter");
    }
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await rows.nth(run).waitFor({ timeout: 180_000 });
  }
  await page.locator(".compare input").nth(1).check();
  await page.getByText(/p = /).waitFor();
  await take(page, name);
}

await bench("bench-light", { viewport: SCREENS.projector });
await bench("bench-dark", { viewport: SCREENS.laptop, theme: "dark" });
await learn("learn-light");
for (const close of closers) await close().catch((error) => console.error(error.message));
process.exit(0);
