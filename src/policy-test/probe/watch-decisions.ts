/**
 * Sees on the nodes which rules decided about a probe's first packet: each node marks new connections for tracing as they
 * come in, and the kernel tells of every rule that matched them. So a deny is known when the packet is dropped, not when
 * somebody has waited long enough, and its cause is the rule itself. Equal to `nft monitor trace`.
 */
import type { NetlinkSubscription } from "#kernel/netlink/socket.ts";
import * as nf from "#kernel/nfnetlink/nf-tables.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { matchCtState, rule, type Statement } from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { type TraceStep, watchTrace } from "#kernel/nfnetlink/watch-trace.ts";
import type { SandboxNode } from "../sandbox/start-sandbox.ts";
import { flowKey } from "./probe.ts";

/** A rule or base chain that decided, in the namespace of a node. */
export interface Decision {
  readonly node: string;
  readonly table: string;
  readonly chain: string;
  /** Absent for a base chain's policy. */
  readonly handle?: number | undefined;
  readonly verdict: "accept" | "drop";
}

export interface DecisionListener {
  decided(decision: Decision): void;
}

export interface DecisionWatch extends Disposable {
  /** By `keyOfProbe`; until disposed. */
  listen(key: string, listener: DecisionListener): Disposable;
  /** Tells of all that was decided until now. */
  drain(): void;
  /** False when the kernel has dropped events: what was not seen proves nothing then. */
  readonly isComplete: boolean;
}

const TRACE_TABLE = { family: "inet", table: "podwire-policy-test" } as const satisfies TableName;
const TRACE_CHAIN = "trace";
/** Behind connection tracking (-200), before everything that decides. */
const PRIORITY_BEHIND_CONNTRACK = -190;

export function watchDecisions(nodes: readonly SandboxNode[]): DecisionWatch {
  using stack = new DisposableStack();
  const listeners = new Map<string, DecisionListener>();
  const subscriptions: NetlinkSubscription[] = [];
  let isComplete = true;
  for (const { name, netns } of nodes) {
    /** Packets under way: only the first message of each hook has the headers. */
    const packets = new Map<number, string>();
    const hear = (step: TraceStep): void => {
      const key = keyOfStep(step) ?? packets.get(step.id);
      if (key === undefined) return;
      const listener = listeners.get(key);
      if (listener === undefined) return;
      packets.set(step.id, key);
      const { table, chain, handle, verdict } = step;
      if (verdict === "accept" || verdict === "drop") listener.decided({ node: name, table, chain, handle, verdict });
    };
    const lost = (): void => {
      isComplete = false;
    };
    subscriptions.push(stack.use(watchTrace(netns, { step: hear, lost })));
    const nft = stack.use(createNftSocket(netns));
    nft.commit(traceOperations(), `trace new connections on ${name}`);
  }
  const resources = stack.move();
  return {
    listen(key, listener) {
      listeners.set(key, listener);
      return { [Symbol.dispose]: () => void listeners.delete(key) };
    },
    drain() {
      for (const subscription of subscriptions) subscription.drain();
    },
    get isComplete() {
      return isComplete;
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

function keyOfStep({ packet }: TraceStep): string | undefined {
  if (packet?.sourcePort === undefined || packet.destinationPort === undefined) return undefined;
  const { protocol, source, sourcePort, destination, destinationPort } = packet;
  return flowKey(protocol, { source, sourcePort, destination, port: destinationPort });
}

/** `ct state new meta nftrace set 1` where packets come in. */
function traceOperations(): readonly NftOperation[] {
  const chain = { ...TRACE_TABLE, chain: TRACE_CHAIN };
  const setTrace: Statement = [
    { kind: "immediate", dreg: nf.NFT_REG_1, data: Uint8Array.of(1) },
    { kind: "meta", key: "nftrace", sreg: nf.NFT_REG_1 },
  ];
  return [
    { do: "add table", table: TRACE_TABLE },
    {
      do: "add chain",
      chain: { ...chain, base: { type: "filter", hook: "prerouting", priority: PRIORITY_BEHIND_CONNTRACK } },
    },
    { do: "add rule", rule: { ...chain, expressions: rule(matchCtState("new"), setTrace) } },
  ];
}
