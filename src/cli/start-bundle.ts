/**
 * Where an installed Podwire starts: it loads the bundle of the called program, together with the bytecode of all that an
 * earlier run of it had compiled when its start was over. Node's own compile cache keeps only what runs while a file is
 * loaded, and a third of a program's start is compiling what runs then. The bytecode lies beside the bundles, for root
 * alone. Source: vm.Script, cachedData; V8 itself refuses what another version of it, or one with other flags, has made.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { constants, Script } from "node:vm";

/** Commands with a bundle of their own; set by scripts/build.ts. */
declare const PROGRAMS: readonly string[];

/** By then a program has done what it does at its start; those that end earlier save at their end. */
const SAVE_AFTER_MS = 1_500;
const folder = __dirname;
const cacheFolder = join(folder, "code-cache");
const requireOutside = createRequire(join(folder, "podwire.cjs"));
const loaded = new Map<string, NodeJS.Module>();

interface Unsaved {
  readonly file: string;
  readonly cachePath: string;
  readonly script: Script;
}

const unsaved: Unsaved[] = [];

/** Of a bundle's `require`: other bundles are loaded here, too. */
function requireBundle(id: string): unknown {
  return id.startsWith("./") && id.endsWith(".cjs") ? loadBundle(id.slice(2)) : requireOutside(id);
}

function loadBundle(file: string): unknown {
  const known = loaded.get(file);
  if (known !== undefined) return known.exports;
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  const cachePath = join(cacheFolder, `${file}-${cacheKey(path)}`);
  const cachedData = tryRead(cachePath);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
  if (script.cachedDataRejected !== false) unsaved.push({ file, cachePath, script });
  const module = { exports: {} } as NodeJS.Module;
  loaded.set(file, module);
  // What the wrapper above evaluates to.
  const run = script.runInThisContext() as (...names: readonly unknown[]) => void;
  run(module.exports, requireBundle, module, path, folder);
  return module.exports;
}

/** Another one as soon as the file is another one: V8 compares no more than the source's length. */
function cacheKey(path: string): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return [ino, size, mtimeNs].map((part) => part.toString(36)).join("-");
}

function tryRead(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // not made yet, or not for us: everything works without
  }
}

/** Whole or not at all. Where it cannot be written, every start compiles anew. */
function save(): void {
  for (const { file, cachePath, script } of unsaved.splice(0)) {
    try {
      mkdirSync(cacheFolder, { mode: 0o700, recursive: true });
      const draft = `${cachePath}.${process.pid}`;
      writeFileSync(draft, script.createCachedData(), { mode: 0o600 });
      for (const name of readdirSync(cacheFolder)) {
        const isOlder = name.startsWith(`${file}-`) && !name.startsWith(`${file}-${cacheKey(join(folder, file))}`);
        if (isOlder) rmSync(join(cacheFolder, name), { force: true });
      }
      renameSync(draft, cachePath);
    } catch {
      return;
    }
  }
}

const [command = ""] = process.argv.slice(2);
const { main } = loadBundle(PROGRAMS.includes(command) ? `${command}.cjs` : "main.cjs") as typeof import("./main.ts");
if (unsaved.length > 0) {
  setTimeout(save, SAVE_AFTER_MS).unref();
  process.on("exit", save);
}
void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
