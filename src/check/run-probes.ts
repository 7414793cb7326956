/**
 * Runs waves of probes, each with a bounded number under way. A probe without an answer gives its place to the next one
 * soon, but may still be answered until the deadline, which counts from the last one of its wave that was sent.
 */
import { familyOf } from "#base/ip-address.ts";
import { findNetns } from "#kernel/netns/netns.ts";
import { type ClusterAccess, namespacesOf } from "#trace/cluster-access.ts";
import type { Endpoint, Probe } from "./plan-probes.ts";
import type { ProbeResult } from "./probe-result.ts";
import { createTcpStation, type TcpStation } from "./tcp-station.ts";
import { createUdpStation, type UdpStation } from "./udp-station.ts";

export interface RunOptions {
  /** For an answer, from the last question on. */
  readonly answerTimeoutMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Called with what became of a wave, before the next one is sent. */
  readonly behindWave?: ((results: readonly ProbeResult[]) => void) | undefined;
}

const UNDER_WAY = 64;
/** Longer than an answer takes while the machine is busy; a lost one must not hold up the others. */
const PLACE_MS = 100;

export async function runProbes(
  access: ClusterAccess,
  waves: readonly (readonly Probe[])[],
  options: RunOptions,
): Promise<readonly ProbeResult[]> {
  await using stack = new AsyncDisposableStack();
  const udp = stack.use(createUdpStation());
  const tcp = stack.use(createTcpStation());
  const sources = new Map(namespacesOf(access).map((source) => [source.name, source]));
  for (const { endpoint, isTcp } of endpointsOf(waves.flat())) {
    const source = sources.get(endpoint.namespace);
    const netns = source && findNetns(source.netnsPath);
    if (source === undefined || netns === undefined) continue;
    stack.use(netns);
    udp.open(endpoint, netns, { isNode: source.role === "node" });
    if (isTcp) tcp.open(endpoint, netns);
  }
  const results: (readonly ProbeResult[])[] = [];
  for (const wave of waves) {
    const done = await inPlaces(wave, options, { udp, tcp });
    results.push(done);
    options.behindWave?.(done);
  }
  return results.flat();
}

function endpointsOf(probes: readonly Probe[]): Iterable<{ readonly endpoint: Endpoint; readonly isTcp: boolean }> {
  const found = new Map<string, { endpoint: Endpoint; isTcp: boolean }>();
  for (const { from, to, protocol } of probes) {
    for (const endpoint of [from, to]) {
      const key = `${endpoint.namespace} ${endpoint.address} ${familyOf(endpoint.address)}`;
      const isTcp = protocol === "tcp" || found.get(key)?.isTcp === true;
      found.set(key, { endpoint, isTcp });
    }
  }
  return found.values();
}

async function inPlaces(
  probes: readonly Probe[],
  { answerTimeoutMs, signal }: RunOptions,
  { udp, tcp }: { readonly udp: UdpStation; readonly tcp: TcpStation },
): Promise<readonly ProbeResult[]> {
  const deadline = new AbortController();
  const ends = AbortSignal.any([signal, deadline.signal]);
  const results: Promise<ProbeResult>[] = [];
  const waiting = probes.values();
  const worker = async () => {
    for (const probe of waiting) {
      if (signal.aborted) return;
      const result = (probe.protocol === "tcp" ? tcp : udp).run(probe, ends);
      results.push(result);
      await withinPlace(result);
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, worker));
  const timer = setTimeout(() => {
    udp.drain();
    deadline.abort();
  }, answerTimeoutMs);
  try {
    return await Promise.all(results);
  } finally {
    clearTimeout(timer);
  }
}

async function withinPlace(result: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PLACE_MS);
  await Promise.race([result, promise]);
  clearTimeout(timer);
}
