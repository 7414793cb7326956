/** What every report begins with, as `--json` prints it. Pure. */
import type { Machine } from "./machine.ts";

export interface BenchReport<Name extends string> {
  readonly benchmark: Name;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: Machine;
}

/** The first lines for people; `more` is what else of the system matters. */
export function machineLines(machine: Machine, more = `state on ${machine.stateFilesystem}`): readonly string[] {
  const { cores, cpu, memoryBytes, architecture, loadAverage, kernel, node } = machine;
  const memoryGb = Math.round(memoryBytes / 2 ** 30);
  return [
    `machine  ${cores} × ${cpu}, ${memoryGb} GB, ${architecture}, load ${loadAverage.toFixed(2)}`,
    `system   kernel ${kernel}, node ${node}, ${more}`,
  ];
}
