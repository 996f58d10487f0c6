// Which modules of the package Pyodide itself can import: `npm install pyodide`, then
//   node scripts/check_pyodide.mjs [folder with pure Python packages, from pip install --no-deps --target]
// Packages that Pyodide ships compiled are named by its lock file; they come from its own server, not from npm.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const folder = dirname(createRequire(join(process.cwd(), "x")).resolve("pyodide"));
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")));

const { packages } = JSON.parse(readFileSync(join(folder, "pyodide-lock.json")));
for (const name of ["duckdb", "pandas", "pyarrow", "numpy", "nh3", "pydantic", "sqlalchemy", "openai", "anthropic"]) {
    console.log(name.padEnd(12), packages[name]?.version ?? "not there");
}

const pyodide = await loadPyodide();
const places = ["/package", "/pure"];
[root, process.argv[2]].forEach((place, n) => {
    if (place) {
        pyodide.FS.mkdirTree(places[n]);
        pyodide.mountNodeFS(places[n], resolve(place));
    }
});
pyodide.runPython(`
import importlib, pkgutil, sys
sys.path[:0] = ["/package", "/pure"]
import langswarm_nb
print("Pyodide ${pyodide.version}, Python", sys.version.split()[0])
worked, missing, broken = 0, set(), {}
for module in pkgutil.walk_packages(langswarm_nb.__path__, "langswarm_nb.", onerror=lambda name: None):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
        worked += 1
    except ModuleNotFoundError as error:
        missing.add(error.name)
    except Exception as error:
        broken[module.name] = repr(error)
print(worked, "modules can be imported; the others miss", *sorted(missing))
assert not broken, broken
assert worked > 100
`);
