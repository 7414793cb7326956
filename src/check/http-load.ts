/**
 * Constant load on a web server from inside a namespace: so many requests a second, each over a connection of its own, as
 * clients behind a Service make them. A request counts as lost when its answer is not there, whole, in time.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { familyOf, parseAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createTcpSocket } from "#kernel/tcp/tcp-socket.ts";

export interface HttpLoadOptions {
  readonly netns: Netns;
  readonly address: IpAddress;
  readonly port: number;
  readonly perSecond: number;
  readonly timeoutMs?: number;
}

export interface HttpLoadReport {
  readonly requests: number;
  readonly lost: number;
  /** How often each reason was why. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly durationMs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface HttpLoad extends AsyncDisposable {
  /** Resolves when the answers to all that was sent are there, or late. */
  stop(): Promise<HttpLoadReport>;
}

/** How often it is looked which requests are due. */
const TICK_MS = 5;
const TIMEOUT_MS = 5_000;

/** A single request. Resolves to its milliseconds, rejects with why there was no answer. */
export function askHttp(
  { netns, address, port }: Pick<HttpLoadOptions, "netns" | "address" | "port">,
  timeoutMs = TIMEOUT_MS,
): Promise<number> {
  return request({ netns, address, port, timeoutMs });
}

export function startHttpLoad(options: HttpLoadOptions): HttpLoad {
  const { netns, address, port, perSecond, timeoutMs = TIMEOUT_MS } = options;
  const latencies: number[] = [];
  const reasons: Record<string, number> = {};
  const underWay = new Set<Promise<void>>();
  const startedMs = performance.now();
  let sent = 0;
  const send = (): void => {
    sent += 1;
    const one = request({ netns, address, port, timeoutMs }).then(
      (latencyMs) => void latencies.push(latencyMs),
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        reasons[reason] = (reasons[reason] ?? 0) + 1;
      },
    );
    underWay.add(one);
    void one.finally(() => underWay.delete(one));
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1000);
    // After a pause of this process, no burst that nobody asked for.
    const atOnce = Math.max(1, Math.ceil((perSecond * TICK_MS * 10) / 1000));
    for (let count = Math.min(due - sent, atOnce); count > 0; count -= 1) send();
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      const durationMs = Math.round(performance.now() - startedMs);
      await Promise.all(underWay);
      const sorted = latencies.toSorted((a, b) => a - b);
      const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
      const lost = sent - latencies.length;
      return { requests: sent, lost, reasons, durationMs, medianMs: at(0.5), p99Ms: at(0.99) };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

function request({
  netns,
  address,
  port,
  timeoutMs,
}: Pick<HttpLoadOptions, "netns" | "address" | "port"> & { readonly timeoutMs: number }): Promise<number> {
  const startedMs = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const any = parseAddress(familyOf(address) === 4 ? "0.0.0.0" : "::");
  const socket = createTcpSocket(netns, { address: any, port: 0 });
  let answer = "";
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  socket.on("data", (data) => {
    if (answer.length < MAX_HEAD) answer += data.toString("latin1");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
  socket.on("close", () => {
    clearTimeout(timer);
    if (/^HTTP\/1\.[01] 200 /.test(answer)) resolve(performance.now() - startedMs);
    else reject(new Error(answer === "" ? "closed without an answer" : (answer.split("\r\n")[0] ?? "")));
  });
  socket.connect({ host: address, port });
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${familyOf(address) === 4 ? address : `[${address}]`}\r\nConnection: close\r\n\r\n`,
  );
  return promise;
}

const MAX_HEAD = 1024;
