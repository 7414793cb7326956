/** Measures what policies cost, part after part, each in a process and namespaces of its own. */
import { fileURLToPath } from "node:url";
import type { BenchReport } from "../bench-report.ts";
import { runIsolated } from "../isolated.ts";
import { type PolicyFigures, policyFigures } from "./policy-figures.ts";
import type { PolicyMeasurement, PolicyPart, PolicyWorkerOptions } from "./worker-protocol.ts";

/** Of one part. */
export type PartOptions = Pick<PolicyWorkerOptions, "sizes" | "rounds" | "each"> &
  Partial<Pick<PolicyWorkerOptions, "seconds" | "pods">>;

export interface PolicyBenchOptions {
  readonly parts: readonly PolicyPart[];
  readonly each: Readonly<Record<PolicyPart, PartOptions>>;
}

export interface PolicyBenchReport extends BenchReport<"policy"> {
  readonly options: PolicyBenchOptions;
  readonly figures: PolicyFigures;
}

export interface PolicyBenchRun {
  readonly podwire: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

const PROGRAM = fileURLToPath(new URL("./worker.ts", import.meta.url));

export async function runPolicyBench(
  { parts, each }: PolicyBenchOptions,
  { podwire, signal, progress }: PolicyBenchRun,
): Promise<PolicyFigures> {
  let measured: PolicyMeasurement = {};
  for (const part of parts) {
    const options = each[part];
    progress(`${part}: ${options.rounds} rounds`);
    const request: PolicyWorkerOptions = { part, podwire, seconds: 1, pods: 0, ...options };
    const tell = (line: string): void => progress(`${part}: ${line}`);
    const answer = await runIsolated({ program: PROGRAM, request, progress: tell }, signal);
    // Sent by the worker as this type.
    measured = { ...measured, ...(answer as PolicyMeasurement) };
  }
  return policyFigures(measured);
}
