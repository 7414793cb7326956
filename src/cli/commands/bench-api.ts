/** `podwire bench api` */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { runApiBench } from "#bench/api/api-bench.ts";
import type { ApiBenchReport } from "#bench/api/api-bench-report.ts";
import { buildBundle } from "#bench/api/build-bundle.ts";
import { type ApiCaseName, apiCaseNames, FULL_SIZES, QUICK_SIZES } from "#bench/api/cases.ts";
import { createContestants, type StoreName, storeNames } from "#bench/api/contestants.ts";
import { etcdVersion } from "#bench/api/etcd-process.ts";
import { printApiBench } from "#bench/api/print-api-bench.ts";
import { readMachine } from "#bench/machine.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError } from "../cli-error.ts";
import { projectRoot } from "../installation.ts";

interface ApiBenchOptions {
  readonly case?: readonly ApiCaseName[];
  readonly store?: readonly StoreName[];
  readonly fsync?: true;
  readonly quick?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** On a disk on most machines, unlike /tmp: file-hierarchy(7). */
const TEMPORARY_FOLDER = "/var/tmp";

export function apiCommand(): Command {
  return new Command("api")
    .description(
      "Measures the control plane through HTTPS, on SQLite and on etcd, against etcd itself in the same run: latency " +
        "of watches, throughput, CPU, memory and start. It needs no root; servers and their data end with it.",
    )
    .addOption(new Option("--case <name...>", "measure only these cases").choices(apiCaseNames))
    .addOption(new Option("--store <name...>", "only the control plane on these stores").choices(storeNames))
    .option("--fsync", "let etcd wait for the disk with each write, as it does by default elsewhere")
    .option("--quick", "less of everything, and 2,000 pods: shows that all runs, and the order of magnitude")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  podwire bench api --quick --case latency --store sqlite")
    .action(run);
}

async function run(options: ApiBenchOptions): Promise<void> {
  const version = etcdVersion();
  if (version === undefined) {
    const next = "run: sudo apt-get install etcd-server";
    throw new CliError("machine", { what: "Cannot measure against etcd", why: "there is no program etcd", next });
  }
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  try {
    const report = await measure(options, version, interrupted.signal);
    process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : printApiBench(report));
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
  }
}

async function measure(options: ApiBenchOptions, version: string, signal: AbortSignal): Promise<ApiBenchReport> {
  const started = new Date();
  const progress = options.quiet ? () => {} : (line: string) => process.stderr.write(`${line}\n`);
  const stores = options.store ?? storeNames;
  const cases = options.case ?? apiCaseNames;
  const sizes = options.quick ? QUICK_SIZES : FULL_SIZES;
  const fsync = options.fsync === true;
  const contestants = createContestants(stores);
  const folder = mkdtempSync(join(TEMPORARY_FOLDER, "podwire-bench-"));
  try {
    const machine = readMachine(folder);
    progress("bundling the control plane");
    const podwire = await buildBundle(projectRoot, join(folder, "bundle"), signal);
    const result = await runApiBench(cases, { sizes, contestants, stores, podwire, folder, fsync, signal, progress });
    return {
      benchmark: "api",
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      machine,
      etcd: { version, fsync },
      podwireVersion: packageJson.version,
      cases,
      sizes,
      contestants,
      ...result,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
