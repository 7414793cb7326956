/**
 * Queries per second and latency of the node's name server, of a plain UDP echo in the same process model, and of
 * dnsmasq, in turns of one run. Everything is on loopback and ends with the run. CPU per query is what a machine pays;
 * queries per second are bounded by the client as well.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { median, percentile } from "../statistics.ts";
import type { LoadResult } from "./dns-load.ts";

export const dnsContestants = ["podwire", "echo", "dnsmasq"] as const;
export type DnsContestant = (typeof dnsContestants)[number];

export interface DnsBenchOptions {
  readonly contestants: readonly DnsContestant[];
  readonly services: number;
  readonly rounds: number;
  readonly durationMs: number;
  readonly progress: (line: string) => void;
}

export interface DnsFigures {
  readonly contestant: DnsContestant;
  /** Medians over the rounds; of each round with 64 questions under way. */
  readonly queriesPerSecond: number;
  readonly serverCpuUsPerQuery: number;
  /** One question at a time. */
  readonly latencyUs: { readonly median: number; readonly p99: number };
  readonly lost: number;
  readonly wrong: number;
  readonly spread: readonly [least: number, most: number];
}

const WINDOW = 64;
/** USER_HZ of /proc/<pid>/stat. Source: proc(5). */
const TICK_US = 10_000;

export async function runDnsBench(options: DnsBenchOptions): Promise<readonly DnsFigures[]> {
  const { contestants, rounds, progress } = options;
  const results = new Map<DnsContestant, { full: LoadResult; single: LoadResult; cpuUs: number }[]>();
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      const result = await measure(contestant, options);
      results.set(contestant, [...(results.get(contestant) ?? []), result]);
      const perSecond = Math.round(perSecondOf(result.full));
      progress(`round ${round + 1}/${rounds} ${contestant}: ${perSecond} queries/s`);
    }
  }
  return [...results].map(([contestant, all]) => {
    const rates = all.map(({ full }) => perSecondOf(full));
    const latencies = all.flatMap(({ single }) => single.latenciesUs);
    return {
      contestant,
      queriesPerSecond: Math.round(median(rates)),
      serverCpuUsPerQuery: median(all.map(({ full, cpuUs }) => cpuUs / full.answers)),
      latencyUs: { median: median(latencies), p99: percentile(latencies, 0.99) },
      lost: all.reduce((sum, { full, single }) => sum + full.lost + single.lost, 0),
      wrong: all.reduce((sum, { full, single }) => sum + full.wrong + single.wrong, 0),
      spread: [Math.round(Math.min(...rates)), Math.round(Math.max(...rates))],
    };
  });
}

const perSecondOf = ({ answers, wallMs }: LoadResult): number => (answers * 1000) / wallMs;

async function measure(contestant: DnsContestant, { services, durationMs }: DnsBenchOptions) {
  const server = await startServer(contestant, services);
  try {
    // Caches are filled, and code is compiled.
    await load(server.port, { services, window: WINDOW, durationMs: 1000 });
    const before = cpuUsOf(server.child);
    const full = await load(server.port, { services, window: WINDOW, durationMs });
    const cpuUs = cpuUsOf(server.child) - before;
    const single = await load(server.port, { services, window: 1, durationMs: durationMs / 2 });
    return { full, single, cpuUs };
  } finally {
    const exit = once(server.child, "exit");
    server.child.kill("SIGKILL");
    await exit;
    server.cleanUp();
  }
}

interface RunningServer {
  readonly child: ChildProcess;
  readonly port: number;
  cleanUp(): void;
}

async function startServer(contestant: DnsContestant, services: number): Promise<RunningServer> {
  switch (contestant) {
    case "podwire":
      return startNode([
        join(import.meta.dirname, "../../src/dns/testing/serve-zone.ts"),
        "127.0.0.1",
        "0",
        `${services}`,
      ]);
    case "echo":
      return startNode([join(import.meta.dirname, "udp-echo.ts")]);
    case "dnsmasq":
      return startDnsmasq(services);
  }
}

async function startNode(argv: readonly string[]): Promise<RunningServer> {
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  const port = Number(/ready (\d+)/.exec(String(said))?.[1]);
  return { child, port, cleanUp: () => undefined };
}

async function startDnsmasq(services: number): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "podwire-bench-dns-"));
  const hosts = Array.from({ length: services }, (_, index) => {
    const address = `10.${100 + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`;
    return `${address} svc-${index}.default.svc.cluster.local\n`;
  });
  writeFileSync(join(folder, "hosts"), hosts.join(""));
  const port = await freePort();
  const child = spawn(
    "dnsmasq",
    [
      ...["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="],
      ...["--log-facility=-", `--port=${port}`, "--listen-address=127.0.0.1", "--bind-interfaces"],
      ...[`--addn-hosts=${join(folder, "hosts")}`, "--local=/cluster.local/", "--cache-size=10000"],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  // It says so when the hosts are read.
  for await (const chunk of child.stderr) if (String(chunk).includes("read ")) break;
  child.stderr.resume();
  return { child, port, cleanUp: () => rmSync(folder, { recursive: true }) };
}

/** Free for TCP, and so for UDP on any machine that is quiet enough to measure on. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function load(
  port: number,
  { services, window, durationMs }: { readonly services: number; readonly window: number; readonly durationMs: number },
): Promise<LoadResult> {
  const argv = [join(import.meta.dirname, "dns-load.ts"), port, services, window, durationMs].map(String);
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout));
}

/** utime and stime are the 14th and 15th field, behind the name in parentheses. Source: proc(5). */
function cpuUsOf({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}
