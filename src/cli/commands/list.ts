/** `podwire list` */
import { Command, Option } from "commander";
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { askKeeper } from "#cluster/keeper/ask-keeper.ts";
import { commandSignal, requireRoot } from "../cluster/cluster-name.ts";
import { listClusterNames } from "../cluster/list-clusters.ts";
import { printTable } from "../output/print-table.ts";

interface ListOptions {
  readonly output?: "json" | "name";
}

const TIMEOUT_SECONDS = 10;

export function listCommand(): Command {
  return new Command("list")
    .description("Shows the clusters of this machine, also those whose keeper was killed.")
    .addOption(new Option("-o, --output <format>", "print as").choices(["json", "name"]))
    .addHelpText("after", "\nExample:\n  sudo podwire list")
    .action(run);
}

async function run({ output }: ListOptions): Promise<void> {
  requireRoot("Cannot look for clusters");
  const signal = commandSignal(TIMEOUT_SECONDS);
  const names = listClusterNames(process.env);
  const clusters = await Promise.all(
    names.map(async (name) => {
      const answer = await askKeeper(clusterPaths(name, process.env).socket, { op: "status" }, { signal });
      const status = answer?.status;
      return {
        name,
        state: status?.state ?? "dead",
        nodes: status?.nodes.length ?? 0,
        ready: status?.nodes.filter((node) => node.ready).length ?? 0,
        network: status?.network.type ?? "-",
        server: status?.server ?? "-",
      };
    }),
  );
  if (output === "json") process.stdout.write(`${JSON.stringify(clusters, undefined, 2)}\n`);
  else if (output === "name") process.stdout.write(names.map((name) => `${name}\n`).join(""));
  else if (clusters.length === 0) process.stderr.write("podwire: no cluster is up. Next: podwire up\n");
  else {
    const rows = clusters.map((each) => [
      each.name,
      each.state,
      `${each.ready}/${each.nodes}`,
      each.network,
      each.server,
    ]);
    process.stdout.write(printTable(["name", "state", "ready", "network", "api"], rows));
  }
}
