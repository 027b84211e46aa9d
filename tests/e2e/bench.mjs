// What tests do at the bench.

/** Numbers that are the same differ by less. */
export const EPS = 1e-9;

/** The big number, in percent, once no number on the page is stale and nothing is under way. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const big = document.querySelector(".headline .big");
    const isReady = big && /\d/.test(big.textContent) && !big.classList.contains("stale");
    return isReady && !document.querySelector("footer progress") && /n = 2,000$/.test(document.querySelector(".model .head .num").textContent);
  }, null, { timeout: 60_000 });
  return page.evaluate(() => parseFloat(document.querySelector(".headline .big").textContent));
}

/** The bit strip of a layer's weights. */
export const strip = (page, name) => page.getByRole("slider", { name: `bits of the weights of ${name}`, exact: true });

/** Waits as `settled` does, whatever the language. */
export async function settledAnyLanguage(page) {
  await page.waitForFunction(() => {
    const big = document.querySelector(".headline .big");
    return big && /\d/.test(big.textContent) && !big.classList.contains("stale") && !document.querySelector("footer progress");
  }, null, { timeout: 60_000 });
}

/** Drops a file on the page. */
export const drop = (page, name, bytes) => dropAll(page, [[name, bytes]]);

/** Drops files on the page together: names with their bytes. */
export async function dropAll(page, files) {
  const data = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const [name, text] of files) {
      transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
    }
    return transfer;
  }, files.map(([name, bytes]) => [name, bytes.toString("base64")]));
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
}
