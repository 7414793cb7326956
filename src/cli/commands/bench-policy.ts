/** `podwire bench policy` */
import { Command, Option } from "commander";
import { type PolicyBenchOptions, runPolicyBench } from "#bench/policy/policy-bench.ts";
import { printPolicyBench } from "#bench/policy/print-policy-bench.ts";
import { type PolicyPart, policyParts } from "#bench/policy/worker-protocol.ts";
import { prepareBenchClusters } from "./prepare-bench-clusters.ts";
import {
  collectWholeNumbers,
  parseWholeNumber,
  type ReportFlags,
  requireProgram,
  requireRoot,
  runBenchmark,
  withReportOptions,
} from "./run-benchmark.ts";

interface PolicyFlags extends ReportFlags {
  readonly part?: readonly PolicyPart[];
  readonly policies: readonly number[];
  readonly rounds: number;
  readonly quick?: true;
}

const SIZES = [10, 1_000, 5_000];
const TRAFFIC_SIZES = [0, 10, 1_000];
const QUICK = { policies: [10, 1_000], rounds: 2 } as const;

export function policyBenchCommand(): Command {
  const command = new Command("policy")
    .description(
      "Measures NetworkPolicies: from an object that the API takes to the first packet that it decides on all of three " +
        "nodes, by the number of policies; pods that start under default deny; what allowed traffic costs; and a policy " +
        "test of 100 cases. Everything is namespaces that end with it.",
    )
    .addOption(new Option("--part <name...>", "measure only these").choices(policyParts))
    .option("--policies <number...>", "numbers of policies, for cluster and loop", collectWholeNumbers(SIZES), SIZES)
    .option("--rounds <number>", "turns of each number of policies", parseWholeNumber, 9)
    .option("--quick", "up to 1,000 policies, 2 rounds: shows that all runs");
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  sudo podwire bench policy --part cluster --policies 10 5000")
    .action(run);
}

async function run(flags: PolicyFlags): Promise<void> {
  const parts = flags.part ?? policyParts;
  const what = "Cannot measure policies";
  requireRoot(what, "policy");
  if (parts.includes("traffic")) {
    const next = "run: sudo apt-get install iperf3, or: podwire bench policy --part cluster loop test";
    requireProgram("iperf3", { what, next });
  }
  const { policies: sizes, rounds } = flags.quick ? QUICK : flags;
  const options: PolicyBenchOptions = {
    parts,
    each: {
      cluster: { sizes, rounds, each: 12, pods: flags.quick ? 5 : 30 },
      loop: { sizes, rounds, each: 30 },
      traffic: { sizes: TRAFFIC_SIZES, rounds: 2 * rounds, each: 500, seconds: 1 },
      test: { sizes: [], rounds, each: 100 },
    },
  };
  await runBenchmark(flags, {
    name: "policy",
    async measure(bench) {
      const { podwire } = await prepareBenchClusters(bench);
      const { signal, progress } = bench;
      return { options, figures: await runPolicyBench(options, { podwire, signal, progress }) };
    },
    print: printPolicyBench,
  });
}
