/** `podwire bench policy` */
import { spawnSync } from "node:child_process";
import { Command, InvalidArgumentError, Option } from "commander";
import { readMachine } from "#bench/machine.ts";
import { type PolicyBenchReport, runPolicyBench } from "#bench/policy/policy-bench.ts";
import { printPolicyBench } from "#bench/policy/print-policy-bench.ts";
import { type PolicyPart, policyParts } from "#bench/policy/worker-protocol.ts";
import { CliError } from "../cli-error.ts";

interface PolicyBenchFlags {
  readonly part?: readonly PolicyPart[];
  readonly policies: readonly number[];
  readonly rounds: number;
  readonly quick?: true;
  readonly json?: true;
  readonly quiet?: true;
}

const SIZES = [10, 1_000, 5_000];
const FULL = { sizes: SIZES, trafficSizes: [0, 10, 1_000], changes: 30, connections: 500, seconds: 1, cases: 100 };
const QUICK = { ...FULL, sizes: [10, 1_000], rounds: 2, changes: 20, connections: 100 };

export function policyBenchCommand(): Command {
  return new Command("policy")
    .description(
      "Measures NetworkPolicies: from a changed object to the first packet that it decides, by the number of policies; what " +
        "allowed traffic costs; and a policy test of 100 cases. Everything is namespaces that end with it.",
    )
    .addOption(new Option("--part <name...>", "measure only these").choices(policyParts))
    .option("--policies <number...>", "numbers of policies, for changes", collectNumbers, SIZES)
    .option("--rounds <number>", "turns of each number of policies", parseNumber, 9)
    .option("--quick", "up to 1,000 policies, 2 rounds: shows that all runs")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire bench policy --part change --policies 10 5000")
    .action(run);
}

async function run(flags: PolicyBenchFlags): Promise<void> {
  const parts = flags.part ?? policyParts;
  requireMachine(parts);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  const started = new Date();
  const options = { parts, ...(flags.quick ? QUICK : { ...FULL, sizes: flags.policies, rounds: flags.rounds }) };
  try {
    const progress = flags.quiet ? () => {} : (line: string) => process.stderr.write(`${line}\n`);
    const machine = readMachine("/");
    const figures = await runPolicyBench(options, { signal: interrupted.signal, progress });
    const report: PolicyBenchReport = {
      benchmark: "policy",
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      machine,
      options,
      figures,
    };
    process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : printPolicyBench(report));
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
  }
}

function requireMachine(parts: readonly PolicyPart[]): void {
  const what = "Cannot measure policies";
  if (process.getuid?.() !== 0) {
    const next = "run: sudo podwire bench policy";
    throw new CliError("machine", { what, why: "network namespaces need root", next });
  }
  if (!parts.includes("traffic") || spawnSync("iperf3", ["--version"]).status === 0) return;
  const next = "run: sudo apt-get install iperf3, or: podwire bench policy --part change test";
  throw new CliError("machine", { what, why: "there is no program iperf3", next });
}

/** The first one replaces the default. */
function collectNumbers(text: string, before: readonly number[]): readonly number[] {
  return [...(before === SIZES ? [] : before), parseNumber(text)];
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return number;
}
