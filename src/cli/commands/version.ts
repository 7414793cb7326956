/** `podwire version` */
import { Command, Option } from "commander";
import packageJson from "../../../package.json" with { type: "json" };

export function versionCommand(): Command {
  return new Command("version")
    .description("Prints the versions of Podwire, Node and the kernel.")
    .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
    .addHelpText("after", "\nExample:\n  podwire version -o json")
    .action(async ({ output }: { output?: string }) => {
      const { release } = await import("node:os");
      const versions = { podwire: packageJson.version, node: process.versions.node, kernel: release() };
      process.stdout.write(
        output === "json"
          ? `${JSON.stringify(versions, undefined, 2)}\n`
          : `podwire ${versions.podwire} (node ${versions.node}, kernel ${versions.kernel})\n`,
      );
    });
}
