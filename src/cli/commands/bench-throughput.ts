/** `podwire bench throughput` */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { benchPaths, type PathName, pathNames } from "#bench/cluster/throughput/paths.ts";
import { printThroughputBench, type ThroughputReport } from "#bench/cluster/throughput/print-throughput-bench.ts";
import { runThroughputBench } from "#bench/cluster/throughput/throughput-bench.ts";
import { installOurs } from "#bench/install-ours.ts";
import { readMachine } from "#bench/machine.ts";
import { CliError } from "../cli-error.ts";
import { projectRoot } from "../installation.ts";

interface ThroughputBenchOptions {
  readonly path?: readonly PathName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly quick?: true;
  readonly json?: true;
  readonly quiet?: true;
}

const TEMPORARY_FOLDER = "/var/tmp";
const QUICK = { rounds: 1, seconds: 1 } as const;

export function throughputCommand(): Command {
  return new Command("throughput")
    .description(
      "Measures what pods get: TCP and UDP throughput, round trips and CPU, on one node and between two by host-gw, " +
        "vxlan and udp, against the same paths made by hand with ip in the same run. Everything is namespaces that end with it.",
    )
    .addOption(new Option("--path <name...>", "measure only these paths").choices(pathNames))
    .option("--rounds <number>", "turns of each path", parseNumber, 15)
    .option("--seconds <number>", "of each measurement", parseNumber, 1)
    .option("--quick", "one round: shows that all runs")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire bench throughput --path vxlan --rounds 10")
    .action(run);
}

async function run(options: ThroughputBenchOptions): Promise<void> {
  const iperf = requireMachine();
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  try {
    const report = await measure(options, iperf, interrupted.signal);
    process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : printThroughputBench(report));
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
  }
}

async function measure(options: ThroughputBenchOptions, iperf: string, signal: AbortSignal): Promise<ThroughputReport> {
  const started = new Date();
  const progress = options.quiet ? () => {} : (line: string) => process.stderr.write(`${line}\n`);
  const { rounds, seconds } = options.quick ? QUICK : options;
  const paths = benchPaths.filter(({ name }) => options.path === undefined || options.path.includes(name));
  const folder = mkdtempSync(join(TEMPORARY_FOLDER, "podwire-bench-"));
  try {
    const machine = readMachine(folder);
    progress("installing our plugins");
    const binDir = join(folder, "bin");
    await installOurs([process.execPath, join(projectRoot, "src/cli/entry.ts")], binDir, signal);
    const stateDir = join(folder, "state");
    const figures = await runThroughputBench({ paths, rounds, seconds, binDir, stateDir, signal, progress });
    return {
      benchmark: "throughput",
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      machine,
      iperf,
      options: { rounds, seconds },
      figures,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives iperf3's version. */
function requireMachine(): string {
  const what = "Cannot measure throughput";
  if (process.getuid?.() !== 0) {
    const next = "run: sudo podwire bench throughput";
    throw new CliError("machine", { what, why: "network namespaces need root", next });
  }
  const { stdout } = spawnSync("iperf3", ["--version"], { encoding: "utf8" });
  const [version = ""] = (stdout ?? "").split("\n");
  if (version !== "") return version.replace(/ \(.*$/, "");
  throw new CliError("machine", { what, why: "there is no program iperf3", next: "run: sudo apt-get install iperf3" });
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return number;
}
