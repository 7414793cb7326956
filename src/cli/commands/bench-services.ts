/** `podwire bench services` */
import { Command, Option } from "commander";
import { printServicesBench } from "#bench/services/print-services-bench.ts";
import { runServicesBench, servicesRatios } from "#bench/services/services-bench.ts";
import { type ServiceContestant, serviceContestants } from "#bench/services/worker-protocol.ts";
import {
  collectWholeNumbers,
  parseWholeNumber,
  type ReportFlags,
  requireProgram,
  requireRoot,
  runBenchmark,
  withReportOptions,
} from "./run-benchmark.ts";

interface ServicesFlags extends ReportFlags {
  readonly contestant?: readonly ServiceContestant[];
  readonly services: readonly number[];
  readonly endpoints: number;
  readonly rounds: number;
  readonly quick?: true;
}

const SIZES = [10, 1_000, 10_000, 30_000];
const QUICK_SIZES = [10, 1_000];
const CONNECTIONS = 2_000;
const CHANGES = 100;

export function servicesBenchCommand(): Command {
  const command = new Command("services")
    .description(
      "Measures Services by their number: a new connection, writing all, one change of an endpoint, memory; ours against " +
        "the rules that kube-proxy writes with iptables, in the same run. Everything is namespaces that end with it.",
    )
    .addOption(new Option("--contestant <name...>", "let only these take part").choices(serviceContestants))
    .option("--services <number...>", "numbers of Services", collectWholeNumbers(SIZES), SIZES)
    .option("--endpoints <number>", "of each Service", parseWholeNumber, 10)
    .option("--rounds <number>", "turns of each kind of connection", parseWholeNumber, 9)
    .option("--quick", "up to 1,000 Services, 3 rounds: shows that all runs");
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  sudo podwire bench services --services 10 10000")
    .action(run);
}

async function run(flags: ServicesFlags): Promise<void> {
  const contestants = flags.contestant ?? serviceContestants;
  const what = "Cannot measure Services";
  requireRoot(what, "services");
  if (contestants.includes("iptables")) {
    const next = "run: sudo apt-get install iptables, or: podwire bench services --contestant podwire";
    requireProgram("iptables-nft-restore", { what, next });
  }
  const options = {
    contestants,
    sizes: flags.quick ? QUICK_SIZES : flags.services,
    endpointsEach: flags.endpoints,
    connections: CONNECTIONS,
    rounds: flags.quick ? 3 : flags.rounds,
    changes: CHANGES,
  };
  await runBenchmark(flags, {
    name: "services",
    async measure({ signal, progress }) {
      const { figures, unfinished } = await runServicesBench(options, { signal, progress });
      return { options, figures, unfinished, ratios: servicesRatios(figures, unfinished) };
    },
    print: printServicesBench,
  });
}
