// Pyodide and wheels → the few files that the decoder's worker loads: the interpreter, compressed, and all Python as bytecode in two archives.
// node runtime.mjs PYODIDE WHEELS TARGET
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

// Not with the line of the source where it was thrown, which is a megabyte here.
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

const here = fileURLToPath(new URL(".", import.meta.url));
const [pyodideFolder, wheelFolder, target] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(join(pyodideFolder, "pyodide.mjs")));
const lock = JSON.parse(readFileSync(join(pyodideFolder, "pyodide-lock.json"), "utf8"));
const pyodide = await loadPyodide({ indexURL: pyodideFolder, packageBaseUrl: pyodideFolder, lockFileContents: { info: lock.info, packages: {} } });

const put = (name, path) => pyodide.FS.writeFile(`/tmp/${name}`, new Uint8Array(readFileSync(path)));
put("stdlib.zip", join(pyodideFolder, "python_stdlib.zip"));
const wheels = readdirSync(wheelFolder).filter((name) => name.endsWith(".whl")).sort();
for (const name of wheels) {
  put(name, join(wheelFolder, name));
  pyodide.unpackArchive(pyodide.FS.readFile(`/tmp/${name}`), "wheel");
}
put("archives.py", join(here, "archives.py"));
pyodide.globals.set("wheels", pyodide.toPy(wheels.map((name) => `/tmp/${name}`)));
pyodide.runPython(`
import sys
sys.path.append("/tmp")
import archives
archives.make("/tmp/stdlib.zip", wheels, ["/tmp/python.zip", "/tmp/hvrepl.zip"])
`);

// What was made, at work.
const tried = await loadPyodide({
  indexURL: pyodideFolder,
  packageBaseUrl: pyodideFolder,
  lockFileContents: { info: lock.info, packages: {} },
  stdLibURL: writeFor("python_stdlib.zip", pyodide.FS.readFile("/tmp/python.zip")),
});
tried.unpackArchive(pyodide.FS.readFile("/tmp/hvrepl.zip"), "zip", { extractDir: tried.runPython("import sysconfig; sysconfig.get_path('purelib')") });
tried.FS.writeFile("/tmp/try_all.py", readFileSync(join(here, "try_all.py")));
tried.runPython("import sys; sys.path.append('/tmp'); import try_all");

function writeFor(name, data) {
  const path = join(mkdtempSync(join(tmpdir(), "hvrepl-")), name);
  writeFileSync(path, data);
  return path;
}

// A module by a name that every web server knows the type of: many a one does not know .mjs, and browsers then refuse it.
function asJs(name) {
  return Buffer.from(readFileSync(join(pyodideFolder, name), "utf8").replaceAll("pyodide.asm.mjs", "pyodide.asm.js"));
}

const made = new Map([
  ["pyodide.js", asJs("pyodide.mjs")],
  ["pyodide.asm.js", asJs("pyodide.asm.mjs")],
  // Compressed here, as many a server of files does not compress; not called .gz, as some servers say of such files what unpacks them twice.
  ["python.wasm.packed", gzipSync(readFileSync(join(pyodideFolder, "pyodide.asm.wasm")), { level: 9 })],
  ["python.zip", pyodide.FS.readFile("/tmp/python.zip")],
  ["hvrepl.zip", pyodide.FS.readFile("/tmp/hvrepl.zip")],
]);
const files = [...made].map(([name, data]) => ({ name, size: data.length, sha256: createHash("sha256").update(data).digest("hex") }));
const folder = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, folder), { recursive: true });
for (const [name, data] of made) writeFileSync(join(target, folder, name), data);
const info = { folder, python: lock.info.python, pyodide: pyodide.version, info: lock.info, files };
writeFileSync(join(target, "runtime.json"), JSON.stringify(info));
for (const { name, size } of files) console.log(`${String(size).padStart(9)}  ${name}`);
process.exit(0);
