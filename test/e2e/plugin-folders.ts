/** Folders of plugins as runtimes see them: ours by `podwire install`, Debian's, and both mixed. */
import { copyFileSync, cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "#cluster/program.ts";

export const REFERENCE_PLUGINS = "/usr/lib/cni";
const CLI = join(import.meta.dirname, "../../src/cli/entry.ts");

/** `install` or `uninstall`, as a user does it. */
export async function podwire(args: readonly string[], signal: AbortSignal): Promise<void> {
  const argv = [process.execPath, "--disable-warning=ExperimentalWarning", CLI, ...args, "--quiet"];
  const { code, stderr } = await runProgram(argv, signal);
  if (code !== 0) throw new Error(`Cannot run "podwire ${args.join(" ")}": exit status ${code}: ${stderr}`);
}

/** All of ours, but these of Debian's. */
export function mixPlugins(ours: string, mixed: string, reference: readonly string[]): void {
  cpSync(ours, mixed, { recursive: true, verbatimSymlinks: true });
  copyReference(mixed, reference);
}

export function copyReference(folder: string, plugins: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const plugin of plugins) copyFileSync(join(REFERENCE_PLUGINS, plugin), join(folder, plugin));
}

/** Where `recordCalls` writes, in the node: a line for each call. */
export const CALLS_FILE = "/run/cni-calls";

/** Puts a script in the place of one of our plugins, that notes the verb and whether a namespace is named, and runs it. */
export function recordCalls(folder: string, plugin: string): void {
  const real = join(folder, "real");
  mkdirSync(real);
  renameSync(join(folder, plugin), join(real, plugin));
  symlinkSync("../.podwire", join(real, ".podwire")); // for launchers that find no agent
  const script = `#!/bin/sh
echo "$CNI_COMMAND \${CNI_NETNS:+with namespace}" >>${CALLS_FILE}
exec "\${0%/*}/real/${plugin}"
`;
  writeFileSync(join(folder, plugin), script, { mode: 0o755 });
}
