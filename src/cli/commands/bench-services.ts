/** `podwire bench services` */
import { spawnSync } from "node:child_process";
import { Command, InvalidArgumentError, Option } from "commander";
import { readMachine } from "#bench/machine.ts";
import { printServicesBench } from "#bench/services/print-services-bench.ts";
import { runServicesBench, type ServicesBenchReport, servicesRatios } from "#bench/services/services-bench.ts";
import { type ServiceContestant, serviceContestants } from "#bench/services/worker-protocol.ts";
import { CliError } from "../cli-error.ts";

interface ServicesBenchFlags {
  readonly contestant?: readonly ServiceContestant[];
  readonly services: readonly number[];
  readonly endpoints: number;
  readonly rounds: number;
  readonly quick?: true;
  readonly json?: true;
  readonly quiet?: true;
}

const SIZES = [10, 1_000, 10_000, 30_000];
const QUICK_SIZES = [10, 1_000];
const CONNECTIONS = 2_000;
const CHANGES = 100;

export function servicesBenchCommand(): Command {
  return new Command("services")
    .description(
      "Measures Services by their number: a new connection, writing all, one change of an endpoint, memory; ours against " +
        "the rules that kube-proxy writes with iptables, in the same run. Everything is namespaces that end with it.",
    )
    .addOption(new Option("--contestant <name...>", "let only these take part").choices(serviceContestants))
    .option("--services <number...>", "numbers of Services", collectNumbers, SIZES)
    .option("--endpoints <number>", "of each Service", parseNumber, 10)
    .option("--rounds <number>", "turns of each kind of connection", parseNumber, 9)
    .option("--quick", "up to 1,000 Services, 3 rounds: shows that all runs")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire bench services --services 10 10000")
    .action(run);
}

async function run(flags: ServicesBenchFlags): Promise<void> {
  const contestants = flags.contestant ?? serviceContestants;
  requireMachine(contestants);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  const started = new Date();
  const options = {
    contestants,
    sizes: flags.quick ? QUICK_SIZES : flags.services,
    endpointsEach: flags.endpoints,
    connections: CONNECTIONS,
    rounds: flags.quick ? 3 : flags.rounds,
    changes: CHANGES,
  };
  try {
    const progress = flags.quiet ? () => {} : (line: string) => process.stderr.write(`${line}\n`);
    const machine = readMachine("/");
    const { figures, unfinished } = await runServicesBench(options, { signal: interrupted.signal, progress });
    const report: ServicesBenchReport = {
      benchmark: "services",
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      machine,
      options,
      figures,
      unfinished,
      ratios: servicesRatios(figures),
    };
    process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : printServicesBench(report));
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
  }
}

function requireMachine(contestants: readonly ServiceContestant[]): void {
  const what = "Cannot measure Services";
  if (process.getuid?.() !== 0) {
    const next = "run: sudo podwire bench services";
    throw new CliError("machine", { what, why: "network namespaces need root", next });
  }
  if (!contestants.includes("iptables")) return;
  if (spawnSync("iptables-nft-restore", ["--version"]).status === 0) return;
  const next = "run: sudo apt-get install iptables, or: podwire bench services --contestant podwire";
  throw new CliError("machine", { what, why: "there is no program iptables-nft-restore", next });
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
