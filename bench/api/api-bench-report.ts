/** The whole report, as `--json` prints it. */
import type { BenchReport } from "../bench-report.ts";
import type { AcceptanceLine, ApiFigures } from "./acceptance.ts";
import type { ApiBenchSizes, ApiCaseName } from "./cases.ts";
import type { ApiContestant } from "./contestants.ts";

export interface ApiBenchReport extends BenchReport<"api">, ApiFigures {
  readonly etcd: { readonly version: string; readonly fsync: boolean };
  readonly podwireVersion: string;
  readonly cases: readonly ApiCaseName[];
  readonly sizes: ApiBenchSizes;
  readonly contestants: readonly ApiContestant[];
  readonly acceptance: readonly AcceptanceLine[];
}
