/** The agent's record of flows in a namespace of its own, with an API in memory: packets and log messages are real. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { RuleCounter } from "#dataplane/policy/contract.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";
import { shareCluster } from "../open-cluster.ts";
import type { FlowEntry } from "./flow.ts";
import type { FlowCursor } from "./flow-ring.ts";
import { parseObserveReply } from "./observe-protocol.ts";
import { type AgentObserve, startObserve } from "./start-observe.ts";

const NODE = "n1";
const GATEWAY = parseAddress("10.244.0.1");
const POD = parseAddress("10.244.0.2");
const SILENT = { info: () => undefined, error: () => undefined };
const RULE = "networkpolicy/default/web egress 0";
const COUNTERS: readonly RuleCounter[] = [{ direction: "egress", reason: RULE, verdict: "deny", packets: 0, bytes: 0 }];
/** The pod asks 10.96.0.1:53, which is translated to the node; port 99 is logged as our enforcer does it. */
const RULES = `table inet t {
  chain dstnat { type nat hook prerouting priority -100; ip daddr 10.96.0.1 udp dport 53 dnat ip to 10.244.0.1:5353; }
  chain input { type filter hook input priority 0;
    udp dport 99 limit rate 5/second burst 5 packets log prefix "podwire egress 1" group 7471
    udp dport 99 counter drop
    udp dport 98 log prefix "somebody else" group 7471
    ct state new counter
  }
}`;

test(
  "startObserve records drops with their rule, connections with their Service, and answers who waits",
  requireRoot,
  async () => {
    await using stack = new AsyncDisposableStack();
    const netns = stack.use(testNetns({ loopbackUp: true }));
    const pod = stack.use(testNetns({ loopbackUp: true }));
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    using podSocket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: pod });
    const veth = createVeth(socket, { name: "pod0", peer: { name: "eth0", netnsFd: pod.fd } });
    for (const [side, ifindex, address] of [
      [socket, veth.ifindex, GATEWAY],
      [podSocket, veth.peerIfindex, POD],
    ] as const) {
      addAddress(side, { ifindex, prefix: parsePrefix(`${address}/24`) });
      setLink(side, ifindex, { up: true });
    }
    addRoute(podSocket, { destination: parsePrefix("0.0.0.0/0"), gateway: GATEWAY });
    await outputIn(netns, ["nft", "-f", "-"], { input: RULES });

    const client = createMemoryClient();
    client.put(nodeKind, {
      metadata: { name: NODE },
      status: { addresses: [{ type: "InternalIP", address: GATEWAY }] },
    });
    client.put(podKind, {
      metadata: { namespace: "default", name: "client" },
      spec: { nodeName: NODE, containers: [{ name: "c", image: "i" }] },
      status: { phase: "Running", podIPs: [{ ip: POD }] },
    });
    client.put(serviceKind, {
      metadata: { namespace: "kube-system", name: "kube-dns" },
      spec: { clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1"], ports: [{ name: "dns", port: 53, protocol: "UDP" }] },
    });
    const cluster = stack.use(shareCluster(client, SILENT));
    const ending = new AbortController();
    const observe = stack.use(
      startObserve({
        cluster,
        netns,
        nodeName: NODE,
        namesServices: true,
        log: SILENT,
        signal: ending.signal,
        drops: {
          explainDrop: (prefix) => (prefix === "podwire egress 1" ? { direction: "egress", reason: RULE } : undefined),
          isolating: () => [],
          podOfLink: () => undefined,
          counters: () => COUNTERS,
        },
      }),
    );
    await Promise.all([podKind, nodeKind].map((kind) => cluster.informer(kind as unknown as typeof podKind).synced));
    await cluster.informer(serviceKind as unknown as typeof podKind).synced;

    const sender = stack.use(
      openUdpSocket(pod, { address: POD, port: 0 }, { datagram: () => undefined, error: () => undefined }),
    );
    for (const [address, port] of [
      ["10.244.0.1", 99],
      ["10.244.0.1", 98],
      ["10.96.0.1", 53],
    ] as const) {
      sender.send(Buffer.from("?"), { address: parseAddress(address), port });
    }
    // The connection to port 98 and the translated one; of the messages, ours alone.
    const { entries, next } = await readUntil(observe, 3);
    const flows = entries.flatMap((entry) => (entry.kind === "flow" ? entry : []));
    const drop = flows.find(({ verdict }) => verdict === "dropped");
    assert.equal(drop?.rule, RULE);
    assert.deepEqual(drop.policies, ["networkpolicy/default/web"]);
    assert.equal(drop.source.pod, "default/client");
    assert.equal(drop.destination.node, NODE);
    assert.equal(drop.destination.port, 99);
    assert.equal(drop.hop, "pod0");
    const translated = flows.find(({ service }) => service !== undefined);
    assert.equal(translated?.service, "kube-system/kube-dns:dns");
    assert.deepEqual([translated.destination.port, translated.verdict, translated.hop], [5353, "allowed", "leaves"]);
    assert.equal(flows.length, 3);

    const waiting = observe.answer(JSON.stringify({ after: next, waitMs: 20_000 }));
    sender.send(Buffer.from("?"), { address: GATEWAY, port: 99 });
    const [later] = parseObserveReply((await waiting).stdout).entries;
    assert.equal(later?.kind === "flow" && later.rule, RULE);

    const last = await observe.answer(JSON.stringify({ after: next }));
    const quiet = observe.answer(JSON.stringify({ after: parseObserveReply(last.stdout).next, waitMs: 20_000 }));
    ending.abort();
    assert.deepEqual(parseObserveReply((await quiet).stdout).entries, []);
  },
);

async function readUntil(
  observe: AgentObserve,
  number: number,
): Promise<{ readonly entries: readonly FlowEntry[]; readonly next: FlowCursor }> {
  let page = parseObserveReply((await observe.answer(JSON.stringify({ waitMs: 10_000 }))).stdout);
  const entries = [...page.entries];
  while (entries.length < number) {
    page = parseObserveReply((await observe.answer(JSON.stringify({ after: page.next, waitMs: 10_000 }))).stdout);
    assert.ok(page.entries.length > 0, `only ${entries.length} flows within 10 s: ${JSON.stringify(entries)}`);
    entries.push(...page.entries);
  }
  return { entries, next: page.next };
}
