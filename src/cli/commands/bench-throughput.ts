/** `podwire bench throughput` */
import { join } from "node:path";
import { Command, Option } from "commander";
import { benchPaths, type PathName, pathNames } from "#bench/cluster/throughput/paths.ts";
import { printThroughputBench } from "#bench/cluster/throughput/print-throughput-bench.ts";
import { runThroughputBench } from "#bench/cluster/throughput/throughput-bench.ts";
import { installOurs } from "#bench/install-ours.ts";
import { projectRoot } from "../installation.ts";
import {
  parseWholeNumber,
  type ReportFlags,
  requireProgram,
  requireRoot,
  runBenchmark,
  withReportOptions,
} from "./run-benchmark.ts";

interface ThroughputFlags extends ReportFlags {
  readonly path?: readonly PathName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly quick?: true;
}

const QUICK = { rounds: 1, seconds: 1 } as const;

export function throughputCommand(): Command {
  const command = new Command("throughput")
    .description(
      "Measures what pods get: TCP and UDP throughput, round trips and CPU, on one node and between two by host-gw, " +
        "vxlan and udp, against the same paths made by hand with ip in the same run. Everything is namespaces that end with it.",
    )
    .addOption(new Option("--path <name...>", "measure only these paths").choices(pathNames))
    .option("--rounds <number>", "turns of each path", parseWholeNumber, 15)
    .option("--seconds <number>", "of each measurement", parseWholeNumber, 1)
    .option("--quick", "one round: shows that all runs");
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  sudo podwire bench throughput --path vxlan --rounds 10")
    .action(run);
}

async function run(flags: ThroughputFlags): Promise<void> {
  const what = "Cannot measure throughput";
  requireRoot(what, "throughput");
  const [version = ""] = requireProgram("iperf3", { what, next: "run: sudo apt-get install iperf3" }).split("\n");
  const { rounds, seconds } = flags.quick ? QUICK : flags;
  const paths = benchPaths.filter(({ name }) => flags.path === undefined || flags.path.includes(name));
  await runBenchmark(flags, {
    name: "throughput",
    async measure({ folder, signal, progress }) {
      progress("installing our plugins");
      const binDir = join(folder, "bin");
      await installOurs([process.execPath, join(projectRoot, "src/cli/entry.ts")], binDir, signal);
      const stateDir = join(folder, "state");
      const figures = await runThroughputBench({ paths, rounds, seconds, binDir, stateDir, signal, progress });
      return { iperf: version.replace(/ \(.*$/, ""), options: { rounds, seconds }, figures };
    },
    print: printThroughputBench,
  });
}
