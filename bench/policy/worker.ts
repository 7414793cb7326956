/** One part of the benchmark, in namespaces of its own. */
import { measureChanges } from "./change-part.ts";
import { measureTests } from "./test-part.ts";
import { measureTraffic } from "./traffic-part.ts";
import type { PolicyMeasurement, PolicyWorkerOptions } from "./worker-protocol.ts";

const HOUR_MS = 3_600_000;

async function measure(options: PolicyWorkerOptions): Promise<PolicyMeasurement> {
  const { signal } = new AbortController(); // whoever started this ends it
  switch (options.part) {
    case "change":
      return { change: await measureChanges(options, signal) };
    case "traffic":
      return { traffic: await measureTraffic(options, signal) };
    case "test":
      return { test: await measureTests(options, signal) };
  }
}

// The timers of the agent's loops alone keep no process.
const alive = setInterval(() => {}, HOUR_MS);
const measurement = await measure(JSON.parse(process.argv[2] ?? "{}"));
clearInterval(alive);
process.stdout.write(`${JSON.stringify(measurement)}\n`);
