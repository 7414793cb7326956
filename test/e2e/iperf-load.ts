/**
 * iperf3 between two pods while something happens: a stream of TCP and one of UDP, until told to stop. What was lost is
 * counted by the receiver. Source: iperf3(1), what a server prints for each interval.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { IpAddress } from "#base/ip-address.ts";
import { exitStatus } from "#cluster/program.ts";
import type { Netns } from "#kernel/netns/netns.ts";

const IPERF = "/usr/bin/iperf3";
/** In CI it must be there. */
export const hasIperf = existsSync(IPERF) || process.env["CI"] === "true";

export interface IperfReport {
  readonly tcpMegabytes: number;
  readonly udpPackets: number;
  readonly udpLost: number;
}

export interface IperfLoad extends AsyncDisposable {
  /** Rejects with iperf3's words when a stream had ended by itself. */
  finish(): Promise<IperfReport>;
}

interface Stream {
  /** What the server has printed. */
  readonly lines: readonly string[];
  finish(): Promise<void>;
  kill(): void;
}

type Program = ChildProcessByStdio<null, Readable, Readable>;

/** Little enough for one processor. */
const TCP_BITS = "200M";
const UDP_BITS = "20M";
const DEADLINE_MS = 20_000;

export async function startIperf(
  from: Pick<Netns, "fd">,
  to: { readonly netns: Netns; readonly address: IpAddress },
): Promise<IperfLoad> {
  const start = (port: number, options: readonly string[]) => startStream(from, to, port, options);
  const streams = [await start(5201, ["--bitrate", TCP_BITS]), await start(5202, ["--udp", "--bitrate", UDP_BITS])];
  return {
    async finish() {
      for (const stream of streams) await stream.finish();
      const [tcp = [], udp = []] = streams.map(({ lines }) => intervals(lines));
      const losses = udp.flatMap((line) => /(\d+)\/(\d+) \(/.exec(line) ?? []);
      const sum = (column: number): number =>
        losses.reduce((total, value, index) => total + (index % 3 === column ? Number(value) : 0), 0);
      const megabytes = tcp.map((line) => Number(/ ([\d.]+) MBytes/.exec(line)?.[1] ?? 0));
      return {
        tcpMegabytes: Math.round(megabytes.reduce((total, value) => total + value, 0)),
        udpPackets: sum(2),
        udpLost: sum(1),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const stream of streams) stream.kill();
    },
  };
}

/** Resolves when the server has heard something. */
async function startStream(
  { fd }: Pick<Netns, "fd">,
  to: { readonly netns: Netns; readonly address: IpAddress },
  port: number,
  options: readonly string[],
): Promise<Stream> {
  const server = inNetns(to.netns.fd, [
    "--server",
    "--one-off",
    "--forceflush",
    "--interval",
    "0.5",
    "-p",
    String(port),
  ]);
  const lines: string[] = [];
  const listens = Promise.withResolvers<void>();
  const hears = Promise.withResolvers<void>();
  createInterface({ input: server.stdout }).on("line", (line) => {
    lines.push(line);
    if (line.includes("listening")) listens.resolve();
    if (intervals(lines).length > 0) hears.resolve();
  });
  const late = (): void => {
    for (const { reject } of [listens, hears]) reject(new Error(`iperf3 does not start: ${lines.join("\n")}`));
  };
  const timer = setTimeout(late, DEADLINE_MS);
  await listens.promise;
  const client = inNetns(fd, ["--client", to.address, "-p", String(port), "--time", "3600", ...options]);
  let said = "";
  for (const output of [client.stdout, client.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2000);
    });
  }
  const served = exitStatus(server);
  await hears.promise;
  clearTimeout(timer);
  return {
    lines,
    async finish() {
      if (client.exitCode !== null) throw new Error(`iperf3 ended by itself: ${said}${lines.slice(-5).join("\n")}`);
      client.kill("SIGINT");
      await served;
    },
    kill() {
      for (const program of [client, server]) program.kill("SIGKILL");
    },
  };
}

function inNetns(fd: number, args: readonly string[]): Program {
  const argv = [`--net=/proc/${process.pid}/fd/${fd}`, "--", IPERF, "--format", "m", ...args];
  return spawn("nsenter", argv, { stdio: ["ignore", "pipe", "pipe"] });
}

/** Lines of intervals, without the sums after them. */
function intervals(lines: readonly string[]): readonly string[] {
  const end = lines.findIndex((line) => line.startsWith("- - -"));
  return lines.slice(0, end < 0 ? undefined : end).filter((line) => /^\[ *\d+\] +[\d.]+-[\d.]+ +sec/.test(line));
}
