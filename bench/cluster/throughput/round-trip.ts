/** Request and response over TCP between two pods: one byte each. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { median, percentile } from "#bench/statistics.ts";
import { inPod } from "./iperf.ts";
import type { PodPair } from "./paths.ts";

export interface RoundTrip {
  readonly medianUs: number;
  readonly p99Us: number;
}

const PROGRAM = fileURLToPath(import.meta.resolve("./round-trip-process.ts"));
const START_TIMEOUT_MS = 20_000;

export async function measureRoundTrip(pair: PodPair, seconds: number, signal: AbortSignal): Promise<RoundTrip> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000 + START_TIMEOUT_MS)]);
  const node = [process.execPath, PROGRAM];
  const server = spawn(...inPod(pair.serverNetnsPath, [...node, "server"]), { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  try {
    await Promise.race([once(server.stdout, "data", { signal: deadline }), endsEarly(ended)]);
    const argv = [...node, "client", pair.serverAddress, String(seconds)];
    const client = spawn(...inPod(pair.clientNetnsPath, argv), {
      stdio: ["ignore", "pipe", "inherit"],
      signal: deadline,
    });
    // Written by round-trip-process.ts from an array of numbers.
    const roundTripsUs = JSON.parse(await text(client.stdout)) as number[];
    return { medianUs: median(roundTripsUs), p99Us: percentile(roundTripsUs, 0.99) };
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
}

async function endsEarly(ended: Promise<unknown>): Promise<never> {
  await ended;
  throw new Error("Cannot measure round trips: the server ended early");
}
