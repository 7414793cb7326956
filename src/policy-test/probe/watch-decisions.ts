/**
 * Sees on the nodes which rules decided about a probe's first packet: each node marks new connections for tracing as they
 * come in, and the kernel tells of every rule that matched them. So a deny is known when the packet is dropped, not when
 * somebody has waited long enough, and its cause is the rule itself. Equal to `nft monitor trace`.
 * Only connections between the test's own ends are traced: a cluster may have others.
 */
import { addressBytes } from "#base/ip-address.ts";
import { FAMILIES, FIELDS } from "#dataplane/policy/nftables/frame.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import type { NetlinkSubscription } from "#kernel/netlink/socket.ts";
import * as nf from "#kernel/nfnetlink/nf-tables.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { inSet, matchCtState, matchFamily, rule, type Statement } from "#kernel/nfnetlink/statements.ts";
import type { NftTable, TableName } from "#kernel/nfnetlink/table.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { type TraceStep, watchTrace } from "#kernel/nfnetlink/watch-trace.ts";
import type { Places } from "../probe-world.ts";
import type { NetnsWorld } from "./ask-in-netns.ts";
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

export function watchDecisions({ nodes, places }: Pick<NetnsWorld, "nodes" | "places">): DecisionWatch {
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
    startTrace(nft, places, name);
    stack.defer(() => nft.commit([{ do: "delete table", table: TRACE_TABLE }], `end the trace on ${name}`));
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

/** Ends with its socket, and so with a process that is killed, where the kernel has that (Linux 5.12). */
function startTrace(nft: NftSocket, places: Places, node: string): void {
  const purpose = `trace new connections on ${node}`;
  try {
    nft.commit(traceOperations(places, { ...TRACE_TABLE, flags: ["owner"] }), purpose);
  } catch (error) {
    if (!isErrno(error, "EOPNOTSUPP", "EINVAL")) throw error;
    nft.commit(traceOperations(places, TRACE_TABLE), purpose);
  }
}

/** `ct state new ip saddr @pods4 meta nftrace set 1` and `ip daddr` where packets come in, and the same for IPv6. */
function traceOperations({ pods }: Places, table: NftTable): readonly NftOperation[] {
  const chain = { ...TRACE_TABLE, chain: TRACE_CHAIN };
  const setTrace: Statement = [
    { kind: "immediate", dreg: nf.NFT_REG_1, data: Uint8Array.of(1) },
    { kind: "meta", key: "nftrace", sreg: nf.NFT_REG_1 },
  ];
  const base = { type: "filter", hook: "prerouting", priority: PRIORITY_BEHIND_CONNTRACK } as const;
  const traced = FAMILIES.flatMap((family): readonly NftOperation[] => {
    const { name, type, saddr, daddr } = FIELDS[family];
    const set = { ...TRACE_TABLE, set: `pods${family}` };
    const elements = pods
      .flatMap(({ addresses }) => addresses[family] ?? [])
      .map((one) => ({ key: addressBytes(one) }));
    return [
      { do: "add set", set: { ...set, key: [type] } },
      ...(elements.length === 0 ? [] : [{ do: "add elements", set, elements } as const]),
      ...[saddr, daddr].map((address): NftOperation => {
        const expressions = rule(matchCtState("new"), matchFamily(name), inSet([address], set.set), setTrace);
        return { do: "add rule", rule: { ...chain, expressions } };
      }),
    ];
  });
  return [{ do: "add table", table }, { do: "add chain", chain: { ...chain, base } }, ...traced];
}
