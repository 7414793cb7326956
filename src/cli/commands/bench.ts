/** `podwire bench`, and `podwire bench cni`; the others have files of their own. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { type BenchCase, benchCases } from "#bench/cases.ts";
import { runCniBench } from "#bench/cni-bench.ts";
import type { CniBenchReport } from "#bench/cni-bench-report.ts";
import { type ContestantName, contestantNames, createContestants, missingPlugins } from "#bench/contestants.ts";
import { installOurs } from "#bench/install-ours.ts";
import { readMachine } from "#bench/machine.ts";
import { writeNoOpProgram } from "#bench/no-op-program.ts";
import { printCniBench } from "#bench/print-cni-bench.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { projectRoot } from "../installation.ts";
import { apiCommand } from "./bench-api.ts";
import { podsBenchCommand, upBenchCommand } from "./bench-cluster.ts";
import { dnsBenchCommand } from "./bench-dns.ts";
import { policyBenchCommand } from "./bench-policy.ts";
import { servicesBenchCommand } from "./bench-services.ts";
import { throughputCommand } from "./bench-throughput.ts";

interface BenchOptions {
  readonly case?: readonly string[];
  readonly contestant?: readonly ContestantName[];
  readonly rounds: number;
  readonly reference: string;
  readonly quick?: true;
  readonly json?: true;
  readonly quiet?: true;
}

const LANES = 8;
const PODS = { sequential: 30, concurrent: 240 } as const;
const QUICK_PODS = { sequential: 6, concurrent: 32 } as const;
/** On a disk on most machines, unlike /tmp: file-hierarchy(7). */
const TEMPORARY_FOLDER = "/var/tmp";

export function benchCommand(): Command {
  return new Command("bench")
    .description("Measures Podwire against its peers on this machine.")
    .addCommand(cniCommand())
    .addCommand(apiCommand())
    .addCommand(upBenchCommand())
    .addCommand(podsBenchCommand())
    .addCommand(throughputCommand())
    .addCommand(dnsBenchCommand())
    .addCommand(servicesBenchCommand())
    .addCommand(policyBenchCommand());
}

function cniCommand(): Command {
  const caseNames = benchCases.map(({ name }) => name);
  return new Command("cni")
    .description(
      "Measures CNI plugins against each other in one run: the reference, Podwire with and without its agent, and the " +
        "kernel's own cost. Everything happens in namespaces that end with it.",
    )
    .addOption(new Option("--case <name...>", "measure only these cases").choices(caseNames))
    .addOption(new Option("--contestant <name...>", "let only these take part").choices(contestantNames))
    .option("--rounds <number>", "turns of each contestant in each case", parseRounds, 3)
    .option("--reference <dir>", "folder of the reference plugins", "/usr/lib/cni")
    .option(
      "--quick",
      `${QUICK_PODS.sequential} and ${QUICK_PODS.concurrent} pods instead of ${PODS.sequential} and ${PODS.concurrent}`,
    )
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire bench cni --quick --case plain masq-port")
    .action(run);
}

async function run(options: BenchOptions): Promise<void> {
  const names = options.contestant ?? contestantNames;
  requireMachine(names, options.reference);
  const cases = benchCases.filter(({ name }) => options.case === undefined || options.case.includes(name));
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  try {
    const report = await measureIn(options, names, cases, interrupted.signal);
    process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : printCniBench(report, cases));
    if (report.failures.length > 0) process.exitCode = EXIT_CODES.failed;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
  }
}

async function measureIn(
  options: BenchOptions,
  names: readonly ContestantName[],
  cases: readonly BenchCase[],
  signal: AbortSignal,
): Promise<CniBenchReport> {
  const started = new Date();
  const progress = options.quiet ? () => {} : (line: string) => process.stderr.write(`${line}\n`);
  const folder = mkdtempSync(join(TEMPORARY_FOLDER, "podwire-bench-"));
  try {
    const machine = readMachine(folder);
    const noOpProgram = join(folder, "no-op");
    writeNoOpProgram(noOpProgram);
    const ourDir = join(folder, "bin");
    const { agentArgv } = await installIfNeeded(names, ourDir, { signal, progress });
    const contestants = createContestants({
      names,
      referenceDir: options.reference,
      ourDir,
      ourVersion: packageJson.version,
      agentArgv,
      stateDir: join(folder, "state"),
    });
    const pods = options.quick ? QUICK_PODS : PODS;
    const plan = { rounds: options.rounds, pods, lanes: LANES };
    const result = await runCniBench({ ...plan, cases, contestants, noOpProgram, signal, progress });
    return {
      benchmark: "cni",
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      machine,
      options: plan,
      contestants: contestants.map(({ name, title, version }) => ({ name, title, version })),
      ...result,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function installIfNeeded(
  names: readonly ContestantName[],
  ourDir: string,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: (line: string) => void },
): Promise<{ readonly agentArgv: readonly string[] }> {
  if (!names.includes("podwire") && !names.includes("podwire-no-agent")) return { agentArgv: [] };
  progress("installing our plugins");
  return await installOurs([process.execPath, join(projectRoot, "src/cli/entry.ts")], ourDir, signal);
}

function requireMachine(names: readonly ContestantName[], reference: string): void {
  if (process.getuid?.() !== 0) {
    const why = "network namespaces need root";
    throw new CliError("machine", { what: "Cannot measure CNI plugins", why, next: "run: sudo podwire bench cni" });
  }
  const missing = names.includes("reference") ? missingPlugins(reference) : [];
  if (missing.length === 0) return;
  throw new CliError("machine", {
    what: `Cannot measure the reference plugins in "${reference}"`,
    why: existsSync(reference) ? `not there: ${missing.join(", ")}` : "no such folder",
    next: "run: sudo apt-get install containernetworking-plugins iptables; or name their folder with --reference",
  });
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return rounds;
}
