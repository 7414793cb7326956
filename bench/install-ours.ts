/** Puts our plugins into a folder of their own, as a user would: with `podwire install`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Builds the bundles first: minutes on a slow machine. */
const INSTALL_DEADLINE_MS = 5 * 60_000;

export interface InstalledPlugins {
  /** Runs the installed agent, from its bundle. */
  readonly agentArgv: readonly string[];
}

/** `cli`: the command line that stands for `podwire`. */
export async function installOurs(
  cli: readonly string[],
  binDir: string,
  signal: AbortSignal,
): Promise<InstalledPlugins> {
  const [program = "", ...args] = cli;
  const child = spawn(program, [...args, "install", "--bin-dir", binDir, "--quiet"], {
    stdio: ["ignore", "ignore", "pipe"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(INSTALL_DEADLINE_MS)]),
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`Cannot install our plugins into "${binDir}": exit status ${code}: ${stderr.trim()}`);
  const folder = join(binDir, ".podwire");
  return { agentArgv: [join(folder, "node"), join(folder, "podwire.cjs"), "agent"] };
}
