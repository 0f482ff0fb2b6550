// hvrepl in a worker: loads Python and answers what decoder.js asks. Everything comes from where this file is.

const RUNTIME = new URL("runtime/", import.meta.url);
const CACHE = "hvrepl"; // service-worker.js has the same
const FOLDER = "/dropped";
const NAME = "the-file-of-the-reader"; // in what is said of it its own name is put in the place of this
const STEP = 1 << 20; // bytes of a file between two reports of how far it is read

const tell = (message) => self.postMessage(message);
const realFetch = self.fetch.bind(self);
let started; // a promise of what answers

class Failure extends Error {}

async function openCache() {
  try {
    return await caches.open(CACHE);
  } catch {
    return null; // not a secure page, or storage is off: it works, but not offline
  }
}

async function readInfo() {
  const response = await realFetch(new URL("runtime.json", RUNTIME), { cache: "no-cache" }).catch(() => null);
  if (!response?.ok) throw new Failure("The decoder could not be loaded: there is no connection, and it has not been loaded here before.");
  return response.json();
}

// The bytes of a file, from the cache or with reports of how many have come; checked against the sum in runtime.json.
async function load(file, url, cache, report) {
  const kept = await cache?.match(url);
  const response = kept ?? (await realFetch(url).catch(() => null));
  if (!response?.ok) throw new Failure("The decoder could not be loaded: the connection broke. Ask again to try again.");
  const data = new Uint8Array(file.size);
  let size = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (size + value.length <= file.size) data.set(value, size);
    size += value.length;
    report(value.length);
  }
  if (size !== file.size || !(await isWhole(data, file.sha256))) {
    await cache?.delete(url);
    throw new Failure(`The decoder could not be loaded: ${file.name} is damaged. Reload the page to try again.`);
  }
  if (cache && !kept) await cache.put(url, new Response(data, { headers: typeOf(response) })).catch(() => undefined); // there may be no room for it
  return data;
}

const typeOf = (response) => ({ "Content-Type": response.headers.get("Content-Type") ?? "application/octet-stream" });

async function isWhole(data, sum) {
  if (!crypto.subtle) return true; // only secure pages have it
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") === sum;
}

const unpack = (data) => new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip")), { headers: { "Content-Type": "application/wasm" } });

async function start() {
  if (typeof WebAssembly === "undefined" || typeof DecompressionStream === "undefined") {
    throw new Failure("This browser has no WebAssembly, which the decoder needs. The pages and the search work without it.");
  }
  const cache = await openCache();
  const info = await readInfo();
  const base = new URL(`${info.folder}/`, RUNTIME);
  const modules = info.files.filter((file) => file.name.endsWith(".js"));
  const packed = info.files.filter((file) => !file.name.endsWith(".js"));
  const total = info.files.reduce((sum, file) => sum + file.size, 0);
  let loaded = 0;
  const report = (count) => tell({ loaded: (loaded += count), total });
  report(0);
  const urls = new Map(info.files.map((file) => [file.name, new URL(file.name, base).href]));
  // The modules too are counted and checked here; their import then finds them in the browser's cache.
  const [wasm, library, program] = await Promise.all(
    [...packed, ...modules].map((file) => load(file, urls.get(file.name), cache, report)),
  );
  const given = new Map([
    [new URL("pyodide.asm.wasm", base).href, () => unpack(wasm)],
    [new URL("python_stdlib.zip", base).href, () => new Response(library)],
  ]);
  self.fetch = (what, ...rest) => given.get(new URL(what?.url ?? what, base).href)?.() ?? realFetch(what, ...rest);
  tell({ starting: true });
  const { loadPyodide } = await import(urls.get("pyodide.js"));
  const pyodide = await loadPyodide({
    indexURL: base.href,
    packageBaseUrl: base.href,
    lockFileContents: { info: info.info, packages: {} },
    stdout: () => undefined,
    stderr: (text) => console.warn(text),
  });
  self.fetch = realFetch;
  pyodide.unpackArchive(program, "zip", { extractDir: sitePackages(pyodide) });
  pyodide.FS.mkdir(FOLDER);
  watchReads(pyodide.FS);
  const module = pyodide.pyimport("hvrepl.web.answer");
  return { pyodide, answer: module.answer_json, answerFile: module.answer_file_json };
}

const sitePackages = (pyodide) => pyodide.runPython("import sysconfig; sysconfig.get_path('purelib')");

// How far a dropped file is read, as it is read in slices where Python wants them.
let reading = null;
function watchReads(FS) {
  const operations = FS.filesystems.WORKERFS.stream_ops;
  const read = operations.read;
  operations.read = (stream, buffer, offset, length, position) => {
    const end = position + length;
    if (reading && end > reading.told + STEP) tell({ id: reading.id, read: Math.min((reading.told = end), reading.size), size: reading.size });
    return read(stream, buffer, offset, length, position);
  };
}

function answerFile({ pyodide, answerFile: run }, { id, file, arch, columns }) {
  const { FS } = pyodide;
  FS.mount(FS.filesystems.WORKERFS, { blobs: [{ name: NAME, data: file }] }, FOLDER);
  reading = { id, size: file.size, told: 0 };
  try {
    return run(`${FOLDER}/${NAME}`, file.name, arch, columns);
  } finally {
    reading = null;
    FS.unmount(FOLDER);
  }
}

self.onmessage = async ({ data }) => {
  try {
    const python = await (started ??= start());
    if (data.id === undefined) tell({ ready: true });
    else tell({ id: data.id, answer: JSON.parse(data.file ? answerFile(python, data) : python.answer(data.text, data.arch, data.columns)) });
  } catch (error) {
    // After an error of Python's own nothing is sure of it: the page starts another worker.
    tell({ id: data.id, failed: error instanceof Failure ? error.message : `The decoder stopped: ${String(error.message ?? error).trim().split("\n").pop()}`, ours: error instanceof Failure });
  }
};
