/** `podwire bench api` */
import { join } from "node:path";
import { Command, Option } from "commander";
import { runApiBench } from "#bench/api/api-bench.ts";
import { buildBundle } from "#bench/api/build-bundle.ts";
import { type ApiCaseName, apiCaseNames, FULL_SIZES, QUICK_SIZES } from "#bench/api/cases.ts";
import { createContestants, type StoreName, storeNames } from "#bench/api/contestants.ts";
import { etcdVersion } from "#bench/api/etcd-process.ts";
import { printApiBench } from "#bench/api/print-api-bench.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError } from "../cli-error.ts";
import { projectRoot } from "../installation.ts";
import { type ReportFlags, runBenchmark, withReportOptions } from "./run-benchmark.ts";

interface ApiFlags extends ReportFlags {
  readonly case?: readonly ApiCaseName[];
  readonly store?: readonly StoreName[];
  readonly fsync?: true;
  readonly quick?: true;
}

export function apiCommand(): Command {
  const command = new Command("api")
    .description(
      "Measures the control plane through HTTPS, on SQLite and on etcd, against etcd itself in the same run: latency " +
        "of watches, throughput, CPU, memory and start. It needs no root; servers and their data end with it.",
    )
    .addOption(new Option("--case <name...>", "measure only these cases").choices(apiCaseNames))
    .addOption(new Option("--store <name...>", "only the control plane on these stores").choices(storeNames))
    .option("--fsync", "let etcd wait for the disk with each write, as it does by default elsewhere")
    .option("--quick", "less of everything, and 2,000 pods: shows that all runs, and the order of magnitude");
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  podwire bench api --quick --case latency --store sqlite")
    .action(run);
}

async function run(flags: ApiFlags): Promise<void> {
  const version = etcdVersion();
  if (version === undefined) {
    const next = "run: sudo apt-get install etcd-server";
    throw new CliError("machine", { what: "Cannot measure against etcd", why: "there is no program etcd", next });
  }
  const stores = flags.store ?? storeNames;
  const cases = flags.case ?? apiCaseNames;
  const sizes = flags.quick ? QUICK_SIZES : FULL_SIZES;
  const fsync = flags.fsync === true;
  const contestants = createContestants(stores);
  await runBenchmark(flags, {
    name: "api",
    async measure({ folder, signal, progress }) {
      progress("bundling the control plane");
      const podwire = await buildBundle(projectRoot, join(folder, "bundle"), signal);
      const options = { sizes, contestants, stores, podwire, folder, fsync, signal, progress };
      const result = await runApiBench(cases, options);
      const podwireVersion = packageJson.version;
      return { etcd: { version, fsync }, podwireVersion, cases, sizes, contestants, ...result };
    },
    print: printApiBench,
  });
}
