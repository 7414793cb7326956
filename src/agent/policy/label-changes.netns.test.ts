/** A cluster whose labels never rest, on one node's kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Namespace } from "#api/kinds/namespace.ts";
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { networkOf, parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { createNftablesEnforcer } from "#dataplane/policy/nftables/nftables-enforcer.ts";
import { createConntrack, createConntrackSocket, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import { createPolicyIndex } from "#policy/index/policy-index.ts";
import { worldNamespace, worldNetworkPolicy, worldPod } from "#policy/policy-world.ts";
import type { LedgerAttachment } from "./pod-attachments.ts";
import { startPolicyLoop } from "./policy-loop.ts";
import { createMemoryInformer } from "./testing/memory-informer.ts";

const CHANGES = 10_000;
/** What arrives in one turn of the event loop. */
const AT_ONCE = 10;
/** By then everything has been there once. */
const WARM_UP = 2_000;
const MAX_GROWTH_BYTES = 2 * 1024 * 1024;
const OWN_PODS = 20;
const PODS = 80;
const VALUES = 8;
const NODE = "node-1";
const POD_CIDR = "10.244.1.0/24";

function podOf(number: number, labels: Readonly<Record<string, string>>): Pod {
  const isOwn = number < OWN_PODS;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: `pod-${number}`, uid: `uid-${number}`, labels },
    spec: { nodeName: isOwn ? NODE : "node-2", containers: [] },
    status: { phase: "Running", podIPs: [{ ip: addressOf(number) }] },
  };
}

function addressOf(number: number): string {
  return number < OWN_PODS ? `10.244.1.${10 + number}` : `10.244.2.${number}`;
}

/** Each selects by one label and allows by another one. */
function policyOf(number: number): NetworkPolicy {
  const value = `v${number % VALUES}`;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace: "default", name: `policy-${number}` },
    spec: {
      podSelector: { matchLabels: { app: value } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [{ podSelector: { matchLabels: { tier: value } } }], ports: [{ protocol: "TCP", port: 80 }] }],
      egress: [{ to: [{ podSelector: { matchExpressions: [{ key: "tier", operator: "NotIn", values: [value] }] } }] }],
    },
  };
}

/** The same in each run. */
function labelsOf(change: number): Readonly<Record<string, string>> {
  const value = (step: number): string => `v${Math.floor((change * 2654435761) / 2 ** step) % VALUES}`;
  return { app: value(7), tier: value(13) };
}

function podOfChange(change: number): number {
  return Math.floor((change * 2654435761) / 2 ** 9) % PODS;
}

test("startPolicyLoop keeps up with 10,000 changes of labels, and nothing grows", requireRoot, () =>
  withNetns(async (netns) => {
    const pods = Array.from({ length: PODS }, (_, number) => podOf(number, labelsOf(number)));
    const policies = Array.from({ length: 2 * VALUES }, (_, number) => policyOf(number));
    const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
    const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: NODE }, spec: { podCIDRs: [POD_CIDR] } };
    const informers = {
      namespaces: createMemoryInformer([namespace]),
      pods: createMemoryInformer(pods),
      nodes: createMemoryInformer([node]),
      policies: createMemoryInformer(policies),
      clusterPolicies: undefined,
    };
    const attachments = pods.slice(0, OWN_PODS).map(
      ({ metadata }, number): LedgerAttachment => ({
        pod: `default/${metadata.name}`,
        uid: metadata.uid,
        link: `veth${number}`,
        mac: undefined,
        addresses: [parseAddress(addressOf(number))],
      }),
    );
    using conntrack = createConntrackSocket(netns);
    connectPods(conntrack);
    await using stack = new AsyncDisposableStack();
    const enforcer = stack.use(createNftablesEnforcer({ netns }));
    const options = { podLinks: [], bridges: ["cni0"], overlayPorts: [8472], established: "reevaluate" } as const;
    const errors: string[] = [];
    const log: Log = {
      info: () => {},
      error: (event, fields) => void errors.push(`${event} ${JSON.stringify(fields)}`),
    };
    let told = Promise.withResolvers<void>();
    const onProgrammed = () => told.resolve();
    const loop = stack.use(
      startPolicyLoop({ informers, enforcer, nodeName: NODE, node: options, log, onProgrammed }, attachments),
    );
    await loop.ready;
    let warmBytes = 0;
    for (let change = 0; change < CHANGES; change += AT_ONCE) {
      if (change === WARM_UP) warmBytes = usedBytes();
      for (let one = change; one < change + AT_ONCE; one++) {
        const number = podOfChange(one);
        informers.pods.set(podOf(number, labelsOf(one + PODS)));
      }
      const { updates } = loop.state().counters;
      await nextTurn();
      assert.ok(loop.state().counters.updates > updates, "what a turn brings is written before the next one begins");
    }
    while (enforcer.hasForbidden()) {
      told = Promise.withResolvers<void>();
      await told.promise;
    }
    const grownBytes = usedBytes() - warmBytes;
    assert.ok(grownBytes < MAX_GROWTH_BYTES, `${grownBytes} bytes more than after ${WARM_UP} changes`);
    const { counters, lastError } = loop.state();
    assert.deepEqual([errors, lastError, counters.repairs], [[], undefined, 0]);
    assert.deepEqual(enforcer.drift(), []);

    const index = createPolicyIndex({ node: NODE });
    index.setNamespace(worldNamespace(namespace));
    for (const pod of informers.pods.list()) index.setPod(worldPod(pod));
    for (const policy of policies) index.setPolicy(worldNetworkPolicy(policy));
    index.takeChanges();
    const anew = stack.use(createNftablesEnforcer({ netns, owned: false }));
    const wanted = { ...options, nodePods: [networkOf(parsePrefix(POD_CIDR))] };
    assert.deepEqual(anew.sync(wanted, index.model(), attachments).changes, [], "as an agent that starts now wants it");
    const left = listConntrack(conntrack).map(({ original }) => original.destination);
    assert.ok(left.includes(parseAddress("192.0.2.1")), "connections that are nobody's business stay");
  }),
);

/** From each pod of the node to each other one, and one that does not concern policies. */
function connectPods(socket: ReturnType<typeof createConntrackSocket>): void {
  const ends = Array.from({ length: OWN_PODS }, (_, number) => parseAddress(addressOf(number)));
  const others = [parseAddress("192.0.2.2"), parseAddress("192.0.2.1")] as const;
  const pairs = [...ends.flatMap((from) => ends.filter((to) => to !== from).map((to) => [from, to] as const)), others];
  for (const [source, destination] of pairs) {
    const [sourcePort, destinationPort] = [1000, 80];
    createConntrack(socket, {
      original: { source, destination, protocol: "tcp", sourcePort, destinationPort },
      reply: { source: destination, destination: source, protocol: "tcp", sourcePort: 80, destinationPort: 1000 },
      status: ["seen-reply", "assured"],
      timeoutSeconds: 3600,
      tcpState: "established",
    });
  }
}

/** What is in use behind a collection. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
