/** Measures what policies cost, part after part, each in a process and namespaces of its own. */
import type { Machine } from "../machine.ts";
import { type PolicyFigures, policyFigures } from "./policy-figures.ts";
import { runPolicyWorker } from "./run-policy-worker.ts";
import type { PolicyMeasurement, PolicyPart } from "./worker-protocol.ts";

export interface PolicyBenchOptions {
  readonly parts: readonly PolicyPart[];
  /** Numbers of policies for changes, and for traffic. */
  readonly sizes: readonly number[];
  readonly trafficSizes: readonly number[];
  readonly rounds: number;
  readonly changes: number;
  readonly connections: number;
  readonly seconds: number;
  readonly cases: number;
}

export interface PolicyBenchReport {
  readonly benchmark: "policy";
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: Machine;
  readonly options: PolicyBenchOptions;
  readonly figures: PolicyFigures;
}

export async function runPolicyBench(
  options: PolicyBenchOptions,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: (line: string) => void },
): Promise<PolicyFigures> {
  const { parts, rounds, seconds, changes, connections, cases } = options;
  const asks = {
    change: { sizes: options.sizes, each: changes },
    traffic: { sizes: options.trafficSizes, each: connections },
    test: { sizes: [], each: cases },
  };
  let measured: PolicyMeasurement = {};
  for (const part of parts) {
    progress(`${part}: ${rounds} rounds`);
    measured = { ...measured, ...(await runPolicyWorker({ part, rounds, seconds, ...asks[part] }, signal)) };
  }
  return policyFigures(measured);
}
