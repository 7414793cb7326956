/**
 * What all benchmarks have in common at the command line: a folder that goes with them, progress on stderr, an interrupt
 * that ends them in order, and one report on stdout.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { BenchReport } from "#bench/bench-report.ts";
import { readMachine } from "#bench/machine.ts";
import { CliError } from "../cli-error.ts";

export interface ReportFlags {
  readonly json?: true;
  readonly quiet?: true;
}

export interface BenchmarkRun {
  /** On a disk on most machines, unlike /tmp: file-hierarchy(7). */
  readonly folder: string;
  /** Ends the benchmark. */
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface Benchmark<Name extends string, Body> {
  readonly name: Name;
  /** What the report has beside its beginning. */
  readonly measure: (run: BenchmarkRun) => Promise<Body>;
  readonly print: (report: BenchReport<Name> & Body) => string;
}

const TEMPORARY_FOLDER = "/var/tmp";

export async function runBenchmark<Name extends string, Body>(
  { json, quiet }: ReportFlags,
  { name, measure, print }: Benchmark<Name, Body>,
): Promise<BenchReport<Name> & Body> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted"));
  for (const each of ["SIGINT", "SIGTERM"] as const) process.once(each, interrupt);
  const { signal } = interrupted;
  const progress = quiet ? () => {} : (line: string) => void process.stderr.write(`${line}\n`);
  const folder = mkdtempSync(join(TEMPORARY_FOLDER, "podwire-bench-"));
  try {
    const started = new Date();
    const machine = readMachine(folder);
    const body = await measure({ folder, signal, progress });
    const durationMs = Date.now() - started.getTime();
    const report = { benchmark: name, startedAt: started.toISOString(), durationMs, machine, ...body };
    const text = json ? JSON.stringify(report, undefined, 2) : print(report);
    process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    return report;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CliError("interrupted", { what: "The benchmark was interrupted" }, { cause: error });
  } finally {
    for (const each of ["SIGINT", "SIGTERM"] as const) process.off(each, interrupt);
    rmSync(folder, { recursive: true, force: true });
  }
}

export function withReportOptions(command: Command): Command {
  return command.option("--json", "print the report as JSON").option("-q, --quiet", "no progress on stderr");
}

export function requireRoot(what: string, command: string): void {
  if (process.getuid?.() === 0) return;
  throw new CliError("machine", { what, why: "namespaces need root", next: `run: sudo podwire bench ${command}` });
}

/** Gives what the program says of its version. */
export function requireProgram(program: string, { what, next }: { readonly what: string; readonly next: string }) {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  if (status === 0) return stdout;
  throw new CliError("machine", { what, why: `there is no program ${program}`, next });
}

export function parseWholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return number;
}

/** For an option with several: the first one replaces the default. */
export function collectWholeNumbers(byDefault: readonly number[]) {
  return (text: string, before: readonly number[]): readonly number[] => [
    ...(before === byDefault ? [] : before),
    parseWholeNumber(text),
  ];
}
