/**
 * A program inside a pod's namespace that talks without pause: round trips over one TCP connection and numbered UDP
 * datagrams to echo servers. Counts what came back, for tests of changes under way. Started by `startTraffic`.
 */
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import type { IpAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";

export interface TrafficReport {
  /** Round trips over the one connection. */
  readonly tcpRoundTrips: number;
  /** "" while the connection stands, else what ended it. */
  readonly tcpEnd: string;
  readonly udpSent: number;
  readonly udpLost: number;
}

export interface Traffic extends AsyncDisposable {
  /** Sends no more, waits for what is under way, and counts. */
  finish(): Promise<TrafficReport>;
}

export interface TrafficTarget {
  readonly address: IpAddress;
  readonly tcpPort: number;
  readonly udpPort: number;
}

const INTERVAL_MS = 1;
/** Fewer than a socket's buffer holds, so that a server that is late for want of a processor loses none. */
const MAX_UNANSWERED = 100;
/** For what is still under way when the sending stops. */
const LAST_ANSWER_MS = 1000;

/** Resolves when the connection stands and the first round trips were made. */
export async function startTraffic({ fd }: Pick<Netns, "fd">, target: TrafficTarget): Promise<Traffic> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(target)], {
    execPath: "nsenter",
    execArgv: [`--net=/proc/${process.pid}/fd/${fd}`, "--", process.execPath],
  });
  const exited = once(child, "exit");
  await once(child, "message", { signal: AbortSignal.timeout(5000) });
  return {
    async finish() {
      const report = once(child, "message", { signal: AbortSignal.timeout(5000) });
      child.send("finish");
      return (await report)[0];
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

async function run({ address, tcpPort, udpPort }: TrafficTarget): Promise<void> {
  let tcpRoundTrips = 0;
  let tcpEnd = "";
  const tcp = connect({ host: address, port: tcpPort, noDelay: true });
  tcp.on("error", (error) => {
    tcpEnd = error.message;
  });
  tcp.on("end", () => {
    tcpEnd = "ended by the other side";
  });
  await once(tcp, "connect");
  tcp.on("data", () => {
    tcpRoundTrips++;
  });
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  udp.connect(udpPort, address);
  await once(udp, "connect");
  let udpSent = 0;
  let udpHeard = 0;
  const allHeard = Promise.withResolvers<void>();
  let isFinishing = false;
  udp.on("message", () => {
    udpHeard++;
    if (isFinishing && udpHeard === udpSent) allHeard.resolve();
  });
  udp.on("error", () => undefined); // an ICMP error: the datagram counts as lost
  const timer = setInterval(() => {
    tcp.write("?");
    if (udpSent - udpHeard >= MAX_UNANSWERED) return;
    udp.send("?");
    udpSent++;
  }, INTERVAL_MS);
  await Promise.all([once(tcp, "data"), once(udp, "message")]);
  process.send?.("ready");
  await once(process, "message");
  clearInterval(timer);
  isFinishing = true;
  if (udpHeard < udpSent) {
    const deadline = setTimeout(() => allHeard.resolve(), LAST_ANSWER_MS);
    await allHeard.promise;
    clearTimeout(deadline);
  }
  const report: TrafficReport = { tcpRoundTrips, tcpEnd, udpSent, udpLost: udpSent - udpHeard };
  process.send?.(report);
  tcp.destroy();
  udp.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on("disconnect", () => process.exit());
  await run(JSON.parse(process.argv[2] ?? ""));
}
