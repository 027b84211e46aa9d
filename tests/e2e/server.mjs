// A small server of static files, for tests and for a look at a built page:
//   node tests/e2e/server.mjs [FOLDER] [--port N] [--prefix /some/path]

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};

/**
 * Serves `folder` on this machine only.
 *
 * @param {string} folder
 * @param {{port?: number, prefix?: string, headers?: Record<string, string>}} [options] `port` 0 takes a free one;
 *   below `prefix` ("/some/path") lies the folder, and outside it nothing; `headers` go with every file.
 * @returns {Promise<{origin: string, url: string, close: () => Promise<void>}>} `url` ends with a slash.
 */
export async function serve(folder, { port = 0, prefix = "", headers = {} } = {}) {
  const root = resolve(folder);
  const server = createServer((request, response) => {
    answer(root, prefix, headers, request, response).catch(() => response.destroy());
  });
  await new Promise((done, failed) => server.once("error", failed).listen(port, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { origin, url: `${origin}${prefix}/`, close };
}

async function answer(root, prefix, headers, request, response) {
  const file = locate(root, prefix, request.url);
  const found = file && (await stat(file).catch(() => null));
  if (!found?.isFile()) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
    return;
  }
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Length": found.size,
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    ...headers,
  });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(file), response);
}

/** The file that a request asks for, or null where it lies outside. */
function locate(root, prefix, url) {
  let path;
  try {
    path = decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return null;
  }
  if (!path.startsWith(`${prefix}/`)) return null;
  path = path.slice(prefix.length);
  const file = normalize(join(root, path.endsWith("/") ? `${path}index.html` : path));
  return file.startsWith(root + sep) ? file : null;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { port: { type: "string", default: "8080" }, prefix: { type: "string", default: "" } },
  });
  const served = await serve(positionals[0] ?? "dist", { port: Number(values.port), prefix: values.prefix });
  console.log(served.url);
}
