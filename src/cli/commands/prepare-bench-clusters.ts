/** What a benchmark that brings clusters up needs before it starts its clock. */
import { join } from "node:path";
import { clusterPrograms, ensureClusterPrograms } from "../cluster/cluster-programs.ts";
import { projectRoot } from "../installation.ts";
import { prepareImages } from "../testing/prepare-images.ts";
import type { BenchmarkRun } from "./run-benchmark.ts";

export interface BenchClusters {
  /** Command line whose clusters keep their state below the benchmark's folder. */
  readonly podwire: readonly string[];
  readonly binDir: string;
  readonly imageDir: string;
}

export async function prepareBenchClusters({ folder, signal, progress }: BenchmarkRun): Promise<BenchClusters> {
  const programs = clusterPrograms();
  await ensureClusterPrograms(programs, signal);
  await prepareImages(progress);
  const variables = ["PODWIRE_NO_INSTALL=1", `PODWIRE_STATE_DIR=${folder}`];
  const { binDir, imageDir } = programs;
  return { podwire: ["env", ...variables, join(projectRoot, "podwire")], binDir, imageDir };
}
