/**
 * Where an installed Podwire starts: it loads the bundle of the called program, together with the bytecode of all that an
 * earlier run of it had compiled when its start was over. Node's own compile cache keeps only what runs while a file is
 * loaded, and a third of a program's start is compiling what runs then. The bytecode lies beside the bundles, for root
 * alone. Source: vm.Script, cachedData; V8 itself refuses what another version of it, or one with other flags, has made.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { constants, Script } from "node:vm";
import { withInitialV8Flags } from "#base/v8-flags.ts";
import { BYTECODE_STAGES, type BytecodeStage } from "./bytecode-stages.ts";

/** Commands with a bundle of their own; set by scripts/build.ts. */
declare const PROGRAMS: readonly string[];

const folder = __dirname;
const cacheFolder = join(folder, "code-cache");
const requireOutside = createRequire(join(folder, "podwire.cjs"));
const loaded = new Map<string, NodeJS.Module>();

interface LoadedScript {
  readonly file: string;
  readonly path: string;
  readonly script: Script;
  /** The bytecode that there is. */
  kept: BytecodeStage | undefined;
}

const scripts: LoadedScript[] = [];

/** Of a bundle's `require`: other bundles are loaded here, too. */
function requireBundle(id: string): unknown {
  return id.startsWith("./") && id.endsWith(".cjs") ? loadBundle(id.slice(2)) : requireOutside(id);
}

function loadBundle(file: string): unknown {
  const known = loaded.get(file);
  if (known !== undefined) return known.exports;
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  const { stage, data: cachedData } = readBytecode(path);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
  scripts.push({ file, path, script, kept: script.cachedDataRejected === false ? stage : undefined });
  const module = { exports: {} } as NodeJS.Module;
  loaded.set(file, module);
  // What the wrapper above evaluates to.
  const run = script.runInThisContext() as (...names: readonly unknown[]) => void;
  run(module.exports, requireBundle, module, path, folder);
  return module.exports;
}

interface Bytecode {
  readonly stage: BytecodeStage | undefined;
  readonly data: Buffer | undefined;
}

/** The best that there is. */
function readBytecode(path: string): Bytecode {
  for (const { name: stage } of BYTECODE_STAGES.toReversed()) {
    const data = tryRead(cachePath(path, stage));
    if (data !== undefined) return { stage, data };
  }
  return { stage: undefined, data: undefined };
}

/** Another one as soon as the file is another one: V8 compares no more than the source's length. */
function cachePath(path: string, stage: BytecodeStage): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  const key = [ino, size, mtimeNs].map((part) => part.toString(36)).join("-");
  return join(cacheFolder, `${basename(path)}-${key}.${stage}`);
}

function tryRead(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // not made yet, or not for us: everything works without
  }
}

/** What there is no bytecode of, or less. Where it cannot be written, every start compiles anew. */
function save(stage: BytecodeStage): void {
  for (const loadedScript of scripts) {
    if (loadedScript.kept === "whole" || loadedScript.kept === stage) continue;
    try {
      saveOne(loadedScript, stage);
      loadedScript.kept = stage;
    } catch {
      return;
    }
  }
}

/** At once or not at all; what it takes the place of goes. */
function saveOne({ file, path, script }: LoadedScript, stage: BytecodeStage): void {
  const target = cachePath(path, stage);
  const { mtimeMs = 0 } = statSync(target, { throwIfNoEntry: false }) ?? {};
  if (mtimeMs > performance.timeOrigin) return; // another process of the same program was first
  mkdirSync(cacheFolder, { mode: 0o700, recursive: true });
  const draft = `${target}.${process.pid}`;
  writeFileSync(
    draft,
    withInitialV8Flags(() => script.createCachedData()),
    { mode: 0o600 },
  );
  renameSync(draft, target);
  for (const name of readdirSync(cacheFolder)) {
    if (name.startsWith(`${file}-`) && name !== basename(target)) rmSync(join(cacheFolder, name), { force: true });
  }
}

const [command = ""] = process.argv.slice(2);
const { main } = loadBundle(PROGRAMS.includes(command) ? `${command}.cjs` : "main.cjs") as typeof import("./main.ts");
for (const { name, afterMs } of BYTECODE_STAGES) setTimeout(save, afterMs, name).unref();
process.on("exit", () => save("early"));
void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
