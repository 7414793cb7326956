/** The benchmark of the control plane: case by case, each with servers of its own. */
import { type AcceptanceLine, type ApiFigures, acceptanceOf } from "./acceptance.ts";
import type { ApiCaseName } from "./cases.ts";
import type { BenchContext } from "./context.ts";
import { latencyFigures, podsFigures, rateFigures, startFigures } from "./figures.ts";
import { runLatencyCase } from "./latency-case.ts";
import { runPodsCase } from "./pods-case.ts";
import { runStartCase } from "./start-case.ts";
import { runThroughputCase } from "./throughput-case.ts";

export async function runApiBench(
  cases: readonly ApiCaseName[],
  context: BenchContext,
): Promise<ApiFigures & { readonly acceptance: readonly AcceptanceLine[] }> {
  const figures: ApiFigures = {
    starts: cases.includes("start") ? startFigures(await runStartCase(context)) : [],
    latency: cases.includes("latency") ? latencyFigures(await runLatencyCase(context)) : [],
    rates: cases.includes("throughput") ? rateFigures(await runThroughputCase(context)) : [],
    pods: cases.includes("pods") ? podsFigures(await runPodsCase(context)) : [],
  };
  return { ...figures, acceptance: acceptanceOf(figures, context.contestants) };
}
