/** `podwire bench cni` */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { benchCases } from "#bench/cases.ts";
import { runCniBench } from "#bench/cni-bench.ts";
import { type ContestantName, contestantNames, createContestants, missingPlugins } from "#bench/contestants.ts";
import { installOurs } from "#bench/install-ours.ts";
import { writeNoOpProgram } from "#bench/no-op-program.ts";
import { printCniBench } from "#bench/print-cni-bench.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { projectRoot } from "../installation.ts";
import {
  type BenchmarkRun,
  parseWholeNumber,
  type ReportFlags,
  requireRoot,
  runBenchmark,
  withReportOptions,
} from "./run-benchmark.ts";

interface CniFlags extends ReportFlags {
  readonly case?: readonly string[];
  readonly contestant?: readonly ContestantName[];
  readonly rounds: number;
  readonly reference: string;
  readonly quick?: true;
}

const LANES = 8;
const PODS = { sequential: 30, concurrent: 240 } as const;
const QUICK_PODS = { sequential: 6, concurrent: 32 } as const;

export function cniCommand(): Command {
  const caseNames = benchCases.map(({ name }) => name);
  const command = new Command("cni")
    .description(
      "Measures CNI plugins against each other in one run: the reference, Podwire with and without its agent, and the " +
        "kernel's own cost. Everything happens in namespaces that end with it.",
    )
    .addOption(new Option("--case <name...>", "measure only these cases").choices(caseNames))
    .addOption(new Option("--contestant <name...>", "let only these take part").choices(contestantNames))
    .option("--rounds <number>", "turns of each contestant in each case", parseWholeNumber, 3)
    .option("--reference <dir>", "folder of the reference plugins", "/usr/lib/cni")
    .option(
      "--quick",
      `${QUICK_PODS.sequential} and ${QUICK_PODS.concurrent} pods instead of ${PODS.sequential} and ${PODS.concurrent}`,
    );
  return withReportOptions(command)
    .addHelpText("after", "\nExample:\n  sudo podwire bench cni --quick --case plain masq-port")
    .action(run);
}

async function run(flags: CniFlags): Promise<void> {
  const names = flags.contestant ?? contestantNames;
  requireRoot("Cannot measure CNI plugins", "cni");
  if (names.includes("reference")) requireReference(flags.reference);
  const cases = benchCases.filter(({ name }) => flags.case === undefined || flags.case.includes(name));
  const { failures } = await runBenchmark(flags, {
    name: "cni",
    async measure(bench) {
      const { folder, signal, progress } = bench;
      const noOpProgram = join(folder, "no-op");
      writeNoOpProgram(noOpProgram);
      const ourDir = join(folder, "bin");
      const contestants = createContestants({
        names,
        referenceDir: flags.reference,
        ourDir,
        ourVersion: packageJson.version,
        ...(await installIfNeeded(names, ourDir, bench)),
        stateDir: join(folder, "state"),
      });
      const options = { rounds: flags.rounds, pods: flags.quick ? QUICK_PODS : PODS, lanes: LANES };
      const result = await runCniBench({ ...options, cases, contestants, noOpProgram, signal, progress });
      const who = contestants.map(({ name, title, version }) => ({ name, title, version }));
      return { options, contestants: who, ...result };
    },
    print: (report) => printCniBench(report, cases),
  });
  if (failures.length > 0) process.exitCode = EXIT_CODES.failed;
}

async function installIfNeeded(
  names: readonly ContestantName[],
  ourDir: string,
  { signal, progress }: BenchmarkRun,
): Promise<{ readonly agentArgv: readonly string[] }> {
  if (!names.includes("podwire") && !names.includes("podwire-no-agent")) return { agentArgv: [] };
  progress("installing our plugins");
  return await installOurs([process.execPath, join(projectRoot, "src/cli/entry.ts")], ourDir, signal);
}

function requireReference(folder: string): void {
  const missing = missingPlugins(folder);
  if (missing.length === 0) return;
  throw new CliError("machine", {
    what: `Cannot measure the reference plugins in "${folder}"`,
    why: existsSync(folder) ? `not there: ${missing.join(", ")}` : "no such folder",
    next: "run: sudo apt-get install containernetworking-plugins iptables; or name their folder with --reference",
  });
}
