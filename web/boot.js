// Starts the app, or says on the page why it does not start.
// The build writes the names of the app's two files into <meta name="fewbit-app">.

// A module with one function that returns a vector: it is valid only where 128-bit SIMD is.
const simd = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // type 0: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // function 0 has type 0
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b], // i32.const 0, i8x16.splat, end
]);

const address = (name) => new URL(name, document.baseURI);

// Loads a part of the page that only some visits need: `web::platform::module` asks for it, <meta name="fewbit-…"> names its files.
globalThis.fewbitLoad = async (part) => {
  const names = document.querySelector(`meta[name="fewbit-${part}"]`);
  const script = document.createElement("script");
  script.src = address(names.content);
  await new Promise((done, failed) => {
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
  await wasm_bindgen({ module_or_path: address(names.dataset.wasm) });
};

function fail(message, error) {
  const status = document.querySelector("#loading [role=status]");
  if (status) status.textContent = message;
  document.documentElement.dataset.boot = "failed";
  if (error) throw error;
}

async function boot() {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(simd)) {
    fail("Fewbit needs a browser with WebAssembly SIMD (Chrome 91, Firefox 89, Safari 16.4 or newer). / Fewbit 需要支持 WebAssembly SIMD 的浏览器。");
    return;
  }
  try {
    const names = document.querySelector('meta[name="fewbit-app"]');
    const app = await import(address(names.content));
    await app.default({ module_or_path: address(names.dataset.wasm) });
    document.documentElement.dataset.boot = "started";
  } catch (error) {
    fail(`Fewbit did not start: ${error.message} Reload the page to try again. / Fewbit 未能启动，请重新加载页面。`, error);
  }
}

boot();
