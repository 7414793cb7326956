/** `podwire status` */
import { Command, Option } from "commander";
import { clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";
import { printStatus } from "../cluster/print-cluster.ts";

interface StatusOptions {
  readonly name: string;
  readonly output?: "json";
}

const TIMEOUT_SECONDS = 10;

export function statusCommand(): Command {
  return new Command("status")
    .description("Shows a cluster's nodes, addresses and components with their processes, restarts and memory.")
    .addOption(nameOption())
    .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
    .addHelpText("after", "\nExample:\n  sudo podwire status -o json")
    .action(async ({ name, output }: StatusOptions) => {
      requireRoot("Cannot ask a cluster");
      const status = await clusterStatus(name, commandSignal(TIMEOUT_SECONDS));
      process.stdout.write(output === "json" ? `${JSON.stringify(status, undefined, 2)}\n` : printStatus(status));
    });
}
