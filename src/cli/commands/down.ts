/** `podwire down` */
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_NAME } from "#cluster/keeper/parse-cluster-config.ts";
import { commandSignal, NAME_VARIABLE, requireRoot } from "../cluster/cluster-name.ts";
import { listClusterNames } from "../cluster/list-clusters.ts";
import { takeDown } from "../cluster/take-down.ts";

interface DownOptions {
  readonly name?: string;
  readonly all?: true;
  readonly timeout: number;
  readonly quiet?: true;
}

export function downCommand(): Command {
  return new Command("down")
    .description(
      "Takes a cluster down: its processes, namespaces, links, control groups and files. Also what one has left that " +
        "was killed. When there is nothing to take down, that is fine.",
    )
    .option("--name <name>", `of the cluster (default: "${DEFAULT_NAME}", env: ${NAME_VARIABLE})`)
    .addOption(new Option("--all", "every cluster of this machine").conflicts("name"))
    .option("--timeout <seconds>", "give up when it is not down by then", parseSeconds, 60)
    .option("-q, --quiet", "print nothing when it succeeds")
    .addHelpText("after", "\nExample:\n  sudo podwire down\n  sudo podwire down --all")
    .action(run);
}

async function run({ name, all, timeout, quiet }: DownOptions): Promise<void> {
  requireRoot("Cannot take a cluster down");
  const signal = commandSignal(timeout);
  const names = all ? listClusterNames(process.env) : [name ?? (process.env[NAME_VARIABLE] || DEFAULT_NAME)];
  for (const each of names) {
    const startedMs = performance.now();
    const was = await takeDown(each, signal);
    const durationMs = Math.round(performance.now() - startedMs);
    if (!quiet) process.stderr.write(`podwire: ${String(durationMs).padStart(6)} ms  cluster "${each}": ${was}\n`);
  }
  if (all && names.length === 0 && !quiet) process.stderr.write("podwire: no cluster is up\n");
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return seconds;
}
