/** The whole report, as `--json` prints it. */
import type { CniBenchResult } from "./cni-bench.ts";
import type { ContestantName } from "./contestants.ts";
import type { Machine } from "./machine.ts";
import type { Mode } from "./plan.ts";

export interface CniBenchReport extends CniBenchResult {
  readonly benchmark: "cni";
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: Machine;
  readonly options: {
    readonly rounds: number;
    /** For each case and contestant. */
    readonly pods: Readonly<Record<Mode, number>>;
    readonly lanes: number;
  };
  readonly contestants: readonly {
    readonly name: ContestantName;
    readonly title: string;
    readonly version: string;
  }[];
}
