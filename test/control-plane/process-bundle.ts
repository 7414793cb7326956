/** A control plane for tests as one file: it starts several times as fast as from source. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** Gives the file to start. `entry` is a file of this folder. */
export async function buildProcessBundle(folder: string, entry = "control-plane-process.ts"): Promise<string> {
  await build({
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    absWorkingDir: join(import.meta.dirname, "../.."),
    logLevel: "warning",
    // Some dependencies are CommonJS and call `require`.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    entryPoints: [join(import.meta.dirname, entry)],
    outfile: join(folder, "control-plane.mjs"),
  });
  const start = join(folder, "start.mjs");
  // Most of them are killed: what was compiled is kept as soon as it runs.
  const lines = [
    'import { enableCompileCache, flushCompileCache } from "node:module";',
    'enableCompileCache(import.meta.dirname + "/cache");',
    'await import("./control-plane.mjs");',
    "flushCompileCache();",
  ];
  writeFileSync(start, lines.map((line) => `${line}\n`).join(""));
  return start;
}
