/** `podwire uninstall` */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { type UninstallOutcome, uninstallFiles } from "../install/uninstall-files.ts";

interface UninstallOptions {
  readonly binDir: string;
  readonly output?: "json";
  readonly quiet?: true;
}

export function uninstallCommand(): Command {
  return new Command("uninstall")
    .description(
      "Removes the plugins, and the network configuration, that podwire install has written, as far as they are " +
        "unchanged, and puts back what they replaced. Interfaces of pods that run are not touched.",
    )
    .requiredOption("--bin-dir <dir>", "folder of CNI plugins")
    .addOption(new Option("-o, --output <format>", "print what was done as").choices(["json"]))
    .option("-q, --quiet", "print nothing when it succeeds")
    .addHelpText("after", "\nExample:\n  sudo podwire uninstall --bin-dir /opt/cni/bin")
    .action(({ binDir, output, quiet }: UninstallOptions) => {
      const outcome = uninstallFiles(resolve(binDir));
      if (quiet) return;
      process.stdout.write(
        output === "json" ? `${JSON.stringify(outcome, undefined, 2)}\n` : describe(outcome, binDir),
      );
    });
}

function describe({ removed, restored, kept }: UninstallOutcome, binDir: string): string {
  if (removed.length + restored.length + kept.length === 0) return `${binDir}: Podwire is not installed there\n`;
  const lines = [
    `${binDir}: ${removed.length} files removed, ${restored.length} put back`,
    ...kept.map((path) => `  left alone, because it was changed: ${path}`),
  ];
  return `${lines.join("\n")}\n`;
}
