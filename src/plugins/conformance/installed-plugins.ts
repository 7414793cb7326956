/** Our plugins in a folder of their own, put there as users do it: by `podwire install`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface InstalledPlugins extends Disposable {
  /** CNI_PATH: the launcher under each plugin's name. */
  readonly binDir: string;
  /** Runs the installed agent in the foreground. */
  readonly agentArgv: readonly string[];
}

const COMMAND_LINE = join(import.meta.dirname, "../../cli/entry.ts");

export function installPlugins(): InstalledPlugins {
  const binDir = mkdtempSync(join(tmpdir(), "podwire-bin-"));
  execFileSync(process.execPath, [COMMAND_LINE, "install", "--bin-dir", binDir, "--quiet"]);
  const installed = join(binDir, ".podwire");
  return {
    binDir,
    agentArgv: [join(installed, "node"), join(installed, "podwire.cjs"), "agent"],
    [Symbol.dispose]: () => rmSync(binDir, { recursive: true, force: true }),
  };
}
