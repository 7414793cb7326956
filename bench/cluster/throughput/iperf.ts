/**
 * One measurement with iperf3 between two pods, and the CPU that the machine spent on it. Source: iperf3(1), `--json`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { PodPair } from "./paths.ts";

export interface Throughput {
  /** What arrived. */
  readonly gigabitsPerSecond: number;
  /** Of the whole machine: both ends, everything between them, and whatever else runs. */
  readonly cpuSecondsPerGigabyte: number;
  /** Of iperf3 at both ends, with what the kernel does in their name. */
  readonly ownCpuSecondsPerGigabyte: number;
  /** UDP only. */
  readonly lostPercent: number | undefined;
}

export interface IperfOptions {
  readonly protocol: "tcp" | "udp";
  readonly seconds: number;
  /** Fills a packet. */
  readonly udpPayloadBytes: number;
}

const START_TIMEOUT_MS = 10_000;

export async function measureIperf(pair: PodPair, options: IperfOptions, signal: AbortSignal): Promise<Throughput> {
  const { protocol, seconds, udpPayloadBytes } = options;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000 + START_TIMEOUT_MS)]);
  const server = spawn(...inPod(pair.serverNetnsPath, ["iperf3", "--server", "--one-off", "--forceflush"]), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  try {
    for await (const line of createInterface({ input: server.stdout, signal: deadline })) {
      if (line.includes("Server listening")) break;
    }
    server.stdout.resume();
    const udp = protocol === "udp" ? ["--udp", "--bandwidth", "0", "--length", String(udpPayloadBytes)] : [];
    const argv = ["iperf3", "--client", pair.serverAddress, "--time", String(seconds), "--json", ...udp];
    const before = readCpuSeconds();
    const client = spawn(...inPod(pair.clientNetnsPath, argv), {
      // Errors are in the report; on stderr it only warns that full packets are full.
      stdio: ["ignore", "pipe", "ignore"],
      signal: deadline,
    });
    // Until it has ended: the signal that tells of it would break off a system call of whoever is next.
    const [output] = await Promise.all([text(client.stdout), once(client, "exit")]);
    return readReport(output, readCpuSeconds() - before);
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
}

/** A report of iperf3, and the CPU time that went by. */
export function readReport(output: string, cpuSeconds: number): Throughput {
  const report: unknown = JSON.parse(output);
  if (!isJsonObject(report)) throw new Error("Cannot read iperf3's report: it is no JSON object");
  if (typeof report["error"] === "string") throw new Error(`Cannot measure: iperf3 says ${report["error"]}`);
  const end = objectAt(report, "end");
  const received = objectAt(end, "sum_received");
  const [bits, bytes, lost] = [received["bits_per_second"], received["bytes"], received["lost_percent"]];
  if (typeof bits !== "number" || typeof bytes !== "number") {
    throw new Error("Cannot read iperf3's report: it has no end.sum_received; version 3.10 or later is needed");
  }
  return {
    gigabitsPerSecond: bits / 1e9,
    cpuSecondsPerGigabyte: cpuSeconds / (bytes / 1e9),
    ownCpuSecondsPerGigabyte: ownCpuSeconds(end, received) / (bytes / 1e9),
    lostPercent: typeof lost === "number" ? lost : undefined,
  };
}

/** Percents of one core, over the time of the measurement. */
function ownCpuSeconds(end: JsonObject, received: JsonObject): number {
  const percents = objectAt(end, "cpu_utilization_percent");
  return ((Number(percents["host_total"]) + Number(percents["remote_total"])) / 100) * Number(received["seconds"]);
}

function objectAt(value: JsonObject, key: string): JsonObject {
  const inner = value[key];
  return isJsonObject(inner) ? inner : {};
}

export function inPod(netnsPath: string, argv: readonly string[]): [string, readonly string[]] {
  return ["nsenter", [`--net=${netnsPath}`, "--", ...argv]];
}

const USER_HZ = 100;

/** proc_stat(5): user, nice, system, irq, softirq, steal; idle and waiting do not count. */
function readCpuSeconds(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / USER_HZ;
}
