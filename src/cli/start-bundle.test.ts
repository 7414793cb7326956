/** The start of an installed program, bundled with a small one in place of Podwire. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { BYTECODE_STAGES } from "./bytecode-stages.ts";

const START = fileURLToPath(new URL("./start-bundle.ts", import.meta.url));
const V8_FLAGS = fileURLToPath(new URL("../base/v8-flags.ts", import.meta.url));
/** Sets a flag as programs with large heaps do, and stays for as long as it is told. */
const PROGRAM = `
  import { setV8Flag } from ${JSON.stringify(V8_FLAGS)};
  export async function main([, stayMs = "0"]) {
    setV8Flag("semi-space-growth-factor", { value: 1, initial: 2 });
    await new Promise((resolve) => setTimeout(resolve, Number(stayMs)));
    return 0;
  }
`;
const WHOLE_MS = Math.max(...BYTECODE_STAGES.map(({ afterMs }) => afterMs));

async function install(): Promise<{ readonly folder: string } & Disposable> {
  const folder = mkdtempSync(join(tmpdir(), "podwire-start-"));
  const common = { bundle: true, platform: "node", format: "cjs", logLevel: "error" } as const;
  const define = { PROGRAMS: '["small"]' };
  await build({ ...common, entryPoints: [START], outfile: join(folder, "podwire.cjs"), define });
  const stdin = { contents: PROGRAM, resolveDir: folder };
  await build({ ...common, stdin, outfile: join(folder, "small.cjs") });
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function run(folder: string, stayMs = 0): void {
  execFileSync(process.execPath, [join(folder, "podwire.cjs"), "small", String(stayMs)]);
}

/** Of the kept bytecode: its stage, and what changes when it is written again. */
function kept(folder: string): readonly string[] {
  const cache = join(folder, "code-cache");
  return readdirSync(cache).map((name) => `${name.split(".").at(-1)} ${statSync(join(cache, name)).ino}`);
}

test("bytecode is kept by the first run and taken by the next, though the program sets flags of V8", async () => {
  using installed = await install();
  run(installed.folder);
  const first = kept(installed.folder);
  assert.match(first.join(), /^early \d+$/);
  run(installed.folder);
  assert.deepEqual(kept(installed.folder), first, "what is refused would be written anew");
});

test("a program that stays keeps more than one that ended early", async () => {
  using installed = await install();
  run(installed.folder);
  run(installed.folder, WHOLE_MS + 500);
  const whole = kept(installed.folder);
  assert.match(whole.join(), /^whole \d+$/);
  run(installed.folder);
  assert.deepEqual(kept(installed.folder), whole);
});

test("another bundle has its own bytecode, and a folder that cannot be written does no harm", async () => {
  using installed = await install();
  run(installed.folder);
  const before = kept(installed.folder);
  writeFileSync(join(installed.folder, "small.cjs"), "exports.main = async () => 0;\n");
  run(installed.folder);
  const after = kept(installed.folder);
  assert.equal(after.length, 1);
  assert.notDeepEqual(after, before);
  rmSync(join(installed.folder, "code-cache"), { recursive: true });
  writeFileSync(join(installed.folder, "code-cache"), "a file");
  run(installed.folder);
});
