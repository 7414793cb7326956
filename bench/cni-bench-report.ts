/** The whole report, as `--json` prints it. */
import type { BenchReport } from "./bench-report.ts";
import type { CniBenchResult } from "./cni-bench.ts";
import type { ContestantName } from "./contestants.ts";
import type { Mode } from "./plan.ts";

export interface CniBenchReport extends BenchReport<"cni">, CniBenchResult {
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
