/** What a benchmark that brings clusters up needs before it starts its clock. */
import { clusterPrograms, ensureClusterPrograms } from "../cluster/cluster-programs.ts";
import { prepareImages } from "../testing/prepare-images.ts";
import type { BenchmarkRun } from "./run-benchmark.ts";

export interface BenchClusters {
  /** Command line of an installed Podwire, whose clusters keep their state below the benchmark's folder. */
  readonly podwire: readonly string[];
  readonly binDir: string;
  readonly imageDir: string;
}

export async function prepareBenchClusters({ folder, signal, progress }: BenchmarkRun): Promise<BenchClusters> {
  const programs = clusterPrograms();
  await ensureClusterPrograms(programs, signal);
  await prepareImages(progress);
  const { binDir, imageDir, podwire } = programs;
  const variables = [`PODWIRE_STATE_DIR=${folder}`, `PODWIRE_IMAGE_DIR=${imageDir}`];
  return { podwire: ["env", ...variables, ...podwire], binDir, imageDir };
}
