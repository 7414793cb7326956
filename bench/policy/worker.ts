/** One part of the benchmark, in namespaces of its own. */
import { serveIsolated } from "../isolated.ts";
import { measureCluster } from "./cluster/cluster-part.ts";
import { measureLoop } from "./loop-part.ts";
import { measureTests } from "./test-part.ts";
import { measureTraffic } from "./traffic-part.ts";
import type { PolicyMeasurement, PolicyWorkerOptions } from "./worker-protocol.ts";

async function measure(
  options: PolicyWorkerOptions,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<PolicyMeasurement> {
  switch (options.part) {
    case "cluster":
      return { cluster: await measureCluster(options, progress, signal) };
    case "loop":
      return { loop: await measureLoop(options, signal) };
    case "traffic":
      return { traffic: await measureTraffic(options, signal) };
    case "test":
      return { test: await measureTests(options, signal) };
  }
}

await serveIsolated(measure);
