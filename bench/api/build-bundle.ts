/** Bundles the command line as `podwire install` would, and says how it is called. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const BUILD_DEADLINE_MS = 5 * 60_000;

/** `root`: of the source tree. Answers the command line that stands for `podwire`. */
export async function buildBundle(root: string, folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(root, "scripts/build.ts"), folder], {
    stdio: ["ignore", "ignore", "pipe"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(BUILD_DEADLINE_MS)]),
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`Cannot bundle the control plane: exit status ${code}: ${stderr.trim()}`);
  return [process.execPath, "--disable-warning=ExperimentalWarning", join(folder, "podwire.cjs")];
}
