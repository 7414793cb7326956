/**
 * Opens the connections of a plan, node by node, and reads from each node's connection tracking where they went. Probes run
 * beside each other; the connections of one probe one after the other, since session affinity remembers the first.
 */

import type { IpAddress } from "#base/ip-address.ts";
import { findNetns, type Netns } from "#kernel/netns/netns.ts";
import { createConntrackSocket, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import type { ServicePort } from "#service/service-port.ts";
import { type Answer, askService } from "./ask-service.ts";
import type { ServiceAttempt, Translation } from "./judge-service-probe.ts";
import type { ServiceProbe } from "./plan-service-probes.ts";

export interface ServiceRun {
  readonly probe: ServiceProbe;
  readonly attempts: readonly ServiceAttempt[];
}

export interface ServiceRunOptions {
  readonly answerTimeoutMs: number;
  /** Namespaces of nodes. */
  readonly nodes: ReadonlyMap<string, Netns>;
  readonly signal: AbortSignal;
}

const UNDER_WAY = 32;
/** A refused connection is in the kernel's table for ten seconds: it is read often enough to see all of them. */
const BATCH = 200;
/** Most datagrams are not answered, and each is waited for. */
const DATAGRAMS_AT_ONCE = 16;
/** How long silence is listened to where nothing may answer. */
const SILENCE_MS = 700;

export async function runServiceProbes(
  probes: readonly ServiceProbe[],
  options: ServiceRunOptions,
): Promise<readonly ServiceRun[]> {
  const runs: ServiceRun[] = [];
  for (const ofNode of Map.groupBy(probes, ({ node }) => node).values()) {
    for (let at = 0; at < ofNode.length; at += BATCH) {
      options.signal.throwIfAborted();
      runs.push(...(await runBatch(ofNode.slice(at, at + BATCH), options)));
    }
  }
  return runs;
}

interface Asked {
  readonly probe: ServiceProbe;
  readonly answers: readonly Answer[];
}

async function runBatch(
  probes: readonly ServiceProbe[],
  { answerTimeoutMs, nodes, signal }: ServiceRunOptions,
): Promise<readonly ServiceRun[]> {
  using stack = new DisposableStack();
  const clients = new Map<string, Netns | undefined>();
  for (const { client } of probes) {
    if (clients.has(client.name)) continue;
    const netns = findNetns(client.netnsPath);
    clients.set(client.name, netns && stack.use(netns));
  }
  const asked: Asked[] = [];
  const waiting = probes.values();
  const worker = async (): Promise<void> => {
    for (const probe of waiting) {
      const netns = clients.get(probe.client.name);
      // A pod that is gone meanwhile says nothing about Services.
      if (netns !== undefined && !signal.aborted)
        asked.push({ probe, answers: await askAll(probe, netns, answerTimeoutMs) });
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, worker));
  const [first] = probes;
  const translations = first === undefined ? new Map() : readTranslations(nodes.get(first.node));
  return asked.map(({ probe, answers }) => ({
    probe,
    attempts: answers.map(({ outcome, code, localPort }) => {
      return { outcome, code, translation: findTranslation(translations, probe, localPort) };
    }),
  }));
}

async function askAll(probe: ServiceProbe, netns: Netns, answerTimeoutMs: number): Promise<readonly Answer[]> {
  const { port, frontend, address, connections, expected, spread } = probe;
  const timeoutMs = expected.kind === "dropped" ? Math.min(answerTimeoutMs, SILENCE_MS) : answerTimeoutMs;
  const protocol = port.protocol === "UDP" ? "udp" : "tcp";
  const atOnce = protocol === "udp" && spread !== "one" ? DATAGRAMS_AT_ONCE : 1;
  const answers: Answer[] = [];
  while (answers.length < connections) {
    const some = Array.from({ length: Math.min(atOnce, connections - answers.length) }, () =>
      askService({ netns, protocol, address, port: frontend.port, timeoutMs }),
    );
    answers.push(...(await Promise.all(some)));
    // One that hangs is enough to say so.
    if (answers.some(({ outcome }) => outcome === "silent" || outcome === "failed")) break;
  }
  return answers;
}

function findTranslation(
  translations: ReadonlyMap<string, Translation>,
  { client, port, address, frontend }: ServiceProbe,
  localPort: number,
): Translation | undefined {
  for (const source of client.addresses) {
    const flow = { protocol: port.protocol, source, sourcePort: localPort, address, port: frontend.port };
    const found = translations.get(keyOf(flow));
    if (found !== undefined) return found;
  }
  return undefined;
}

function readTranslations(netns: Netns | undefined): ReadonlyMap<string, Translation> {
  const found = new Map<string, Translation>();
  if (netns === undefined) return found;
  using socket = createConntrackSocket(netns);
  for (const [word, protocol] of [
    ["tcp", "TCP"],
    ["udp", "UDP"],
  ] as const) {
    for (const { original, reply } of listConntrack(socket, { original: { protocol: word } })) {
      const { source, sourcePort = 0, destination: address, destinationPort: port = 0 } = original;
      const key = keyOf({ protocol, source, sourcePort, address, port });
      found.set(key, { backend: { address: reply.source, port: reply.sourcePort ?? 0 }, source: reply.destination });
    }
  }
  return found;
}

interface FlowKey {
  readonly protocol: ServicePort["protocol"];
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly address: IpAddress;
  readonly port: number;
}

function keyOf({ protocol, source, sourcePort, address, port }: FlowKey): string {
  return `${protocol} ${source} ${sourcePort} ${address} ${port}`;
}
