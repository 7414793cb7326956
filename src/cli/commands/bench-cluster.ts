/** `podwire bench up` and `podwire bench pods`: whole clusters, in namespaces of their own. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import type { BootFigure, BootRequest } from "#bench/cluster/boot/boot-bench.ts";
import { printBootBench } from "#bench/cluster/boot/print-boot-bench.ts";
import { runIsolated } from "#bench/cluster/isolated.ts";
import type { PodsFigure, PodsRequest } from "#bench/cluster/pods/pods-bench.ts";
import { printPodsBench } from "#bench/cluster/pods/print-pods-bench.ts";
import { missingPlugins } from "#bench/contestants.ts";
import { type Machine, readMachine } from "#bench/machine.ts";
import { CliError } from "../cli-error.ts";
import { clusterPrograms, ensureClusterPrograms } from "../cluster/cluster-programs.ts";
import { projectRoot } from "../installation.ts";
import { prepareImages } from "../testing/prepare-images.ts";

interface CommonOptions {
  readonly rounds: number;
  readonly json?: true;
  readonly quiet?: true;
}

const TEMPORARY_FOLDER = "/var/tmp";

export function upBenchCommand(): Command {
  return new Command("up")
    .description(
      "Measures the time to a cluster that serves, stage by stage, next to the time that one containerd needs in the " +
        "same round. Everything is namespaces that end with it.",
    )
    .option("--nodes <number...>", "sizes of clusters", collectNumbers, [])
    .option("--rounds <number>", "clusters of each size, after one that does not count", parseNumber, 5)
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire bench up --nodes 1 3 10")
    .action(runUp);
}

async function runUp(options: CommonOptions & { readonly nodes: readonly number[] }): Promise<void> {
  const { rounds } = options;
  await withBench(
    "up",
    options,
    async ({ folder, podwire, binDir, environment: machine, started, progress, signal }) => {
      const nodeCounts = options.nodes.length > 0 ? options.nodes : [3];
      const request: BootRequest = { podwire, binDir, stateDir: folder, nodeCounts, rounds };
      const program = fileURLToPath(import.meta.resolve("#bench/cluster/boot/boot-bench-process.ts"));
      // Sent by runBootBench as this type.
      const figures = (await runIsolated({ program, request, progress }, signal)) as readonly BootFigure[];
      const report = { benchmark: "up", ...timesSince(started), machine, rounds, figures } as const;
      return options.json ? JSON.stringify(report, undefined, 2) : printBootBench(report);
    },
  );
}

interface PodsOptions extends CommonOptions {
  readonly pods: number;
  readonly lanes: number;
  readonly reference: string;
}

export function podsBenchCommand(): Command {
  return new Command("pods")
    .description(
      "Measures how many pods a second a node starts and stops through the API, against a bare containerd with the " +
        "reference plugins in the same run. Everything is namespaces that end with it.",
    )
    .option("--pods <number>", "in each round", parseNumber, 60)
    .option("--lanes <number>", "pods at a time, of containerd alone", parseNumber, 4)
    .option("--rounds <number>", "turns of each", parseNumber, 5)
    .option("--reference <dir>", "folder of the reference plugins", "/usr/lib/cni")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire bench pods --pods 100")
    .action(runPods);
}

async function runPods(options: PodsOptions): Promise<void> {
  const { pods, lanes, rounds, reference: referenceDir } = options;
  const missing = missingPlugins(referenceDir);
  if (missing.length > 0) {
    throw new CliError("machine", {
      what: `Cannot measure the reference plugins in "${referenceDir}"`,
      why: `not there: ${missing.join(", ")}`,
      next: "run: sudo apt-get install containernetworking-plugins iptables; or name their folder with --reference",
    });
  }
  await withBench(
    "pods",
    options,
    async ({ folder, podwire, imageDir, environment: machine, started, progress, signal }) => {
      const measured = { pods, lanes, rounds };
      const request: PodsRequest = { podwire, referenceDir, stateDir: folder, imageDir, ...measured };
      const program = fileURLToPath(import.meta.resolve("#bench/cluster/pods/pods-bench-process.ts"));
      // Sent by runPodsBench as this type.
      const figures = (await runIsolated({ program, request, progress }, signal)) as readonly PodsFigure[];
      const report = { benchmark: "pods", ...timesSince(started), machine, options: measured, figures } as const;
      return options.json ? JSON.stringify(report, undefined, 2) : printPodsBench(report);
    },
  );
}

interface Bench {
  /** On a disk on most machines, unlike /tmp: file-hierarchy(7). It goes with the benchmark. */
  readonly folder: string;
  /** Command line whose clusters keep their state below the folder. */
  readonly podwire: readonly string[];
  readonly binDir: string;
  readonly imageDir: string;
  readonly environment: Machine;
  readonly started: Date;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Prepares what is no part of the measurement, and prints what `measure` gives. */
async function withBench(
  name: string,
  { quiet }: CommonOptions,
  measure: (bench: Bench) => Promise<string>,
): Promise<void> {
  if (process.getuid?.() !== 0) {
    const next = `run: sudo podwire bench ${name}`;
    throw new CliError("machine", { what: "Cannot measure clusters", why: "namespaces need root", next });
  }
  const started = new Date();
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  const progress = quiet ? () => {} : (line: string) => process.stderr.write(`${line}\n`);
  const folder = mkdtempSync(join(TEMPORARY_FOLDER, "podwire-bench-"));
  const { signal } = interrupted;
  try {
    const environment = readMachine(folder);
    const programs = clusterPrograms();
    await ensureClusterPrograms(programs, signal);
    await prepareImages(progress);
    const variables = ["PODWIRE_NO_INSTALL=1", `PODWIRE_STATE_DIR=${folder}`];
    const podwire = ["env", ...variables, join(projectRoot, "podwire")];
    const { binDir, imageDir } = programs;
    const text = await measure({ folder, podwire, binDir, imageDir, environment, started, progress, signal });
    process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
    rmSync(folder, { recursive: true, force: true });
  }
}

function timesSince(started: Date): { readonly startedAt: string; readonly durationMs: number } {
  return { startedAt: started.toISOString(), durationMs: Date.now() - started.getTime() };
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return number;
}

function collectNumbers(text: string, earlier: readonly number[]): readonly number[] {
  return [...earlier, parseNumber(text)];
}
