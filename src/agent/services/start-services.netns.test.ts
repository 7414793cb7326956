/** The agent's Services in a namespace of their own, with an API in memory: connections are real. */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { lease } from "#api/kinds/lease.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { PROGRAMMED_NAMESPACE, QUESTION_NAME } from "#api/programmed/question.ts";
import { parseServiceAnswer } from "#api/programmed/service-answer.ts";
import { createMemoryClient, type MemoryClient } from "#api-client/testing/memory-client.ts";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { SERVICE_TABLE } from "#dataplane/services/nftables/service-table.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { createConntrack, createConntrackSocket, findConntrack } from "#kernel/nfnetlink/conntrack.ts";
import { findChain, findTable } from "#kernel/nfnetlink/nft-query.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { type NftTransaction, watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { sampleService, sampleSlice } from "#service/testing/sample-service.ts";
import { shareCluster } from "../open-cluster.ts";
import { type AgentServices, type ServicesOptions, startServices } from "./start-services.ts";
import { waitUntilProgrammed } from "./wait-until-programmed.ts";

const NODE = "n1";
const CLUSTER_IP = parseAddress("10.96.0.1");
const POD = parseAddress("10.244.0.2");
const PORT = 8080;
const SILENT = { info: () => undefined, error: () => undefined };
const OPTIONS: ServicesOptions = {
  nodeName: NODE,
  proxy: "nftables",
  serviceNetworks: [parsePrefix("10.96.0.0/16")],
  nodePortAddresses: [],
  besideKubeProxy: false,
};
const NAME = { namespace: "default", name: "web" };
const deadline = (ms = 10_000): AbortSignal => AbortSignal.timeout(ms);

interface World extends Disposable {
  readonly netns: Netns;
  readonly client: MemoryClient;
  start(options?: Partial<ServicesOptions>): Promise<AgentServices>;
  put(spec?: JsonObject, port?: JsonObject, endpoints?: readonly string[]): void;
  /** Resolves to the answer of whoever serves the clusterIP. */
  connect(): Promise<string>;
}

/** A node with one pod behind a pair of links; a server in the pod. */
function createWorld(): World {
  using stack = new DisposableStack();
  const netns = stack.use(testNetns({ loopbackUp: true }));
  const pod = stack.use(testNetns({ loopbackUp: true }));
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  using podSocket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: pod });
  const veth = createVeth(socket, { name: "pod0", peer: { name: "eth0", netnsFd: pod.fd } });
  for (const [side, ifindex, address] of [
    [socket, veth.ifindex, "10.244.0.1"],
    [podSocket, veth.peerIfindex, POD],
  ] as const) {
    addAddress(side, { ifindex, prefix: parsePrefix(`${address}/24`) });
    setLink(side, ifindex, { up: true });
  }
  addRoute(socket, { destination: parsePrefix("0.0.0.0/0"), gateway: POD });
  addRoute(podSocket, { destination: parsePrefix("0.0.0.0/0"), gateway: parseAddress("10.244.0.1") });
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    connections.add(connection);
    connection.on("error", () => undefined);
    connection.end("pod");
  });
  inNetns(pod, () => server.listen(PORT));
  stack.defer(() => {
    server.close();
    for (const connection of connections) connection.destroy();
  });
  const client = createMemoryClient();
  client.put(nodeKind, {
    metadata: { name: NODE, uid: "node-uid" },
    spec: { podCIDRs: ["10.244.0.0/24"] },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
  const owned = stack.move();
  return {
    netns,
    client,
    async start(options) {
      await using starting = new AsyncDisposableStack();
      const cluster = starting.use(shareCluster(client, SILENT));
      const services = starting.use(await startServices({ cluster, netns, log: SILENT }, { ...OPTIONS, ...options }));
      services.setPodNetworks({ networks: [parsePrefix("10.244.0.0/16")], nodePods: [parsePrefix("10.244.0.0/24")] });
      const running = starting.move();
      return { ...services, [Symbol.asyncDispose]: () => running.disposeAsync() };
    },
    put(spec = {}, port = {}, endpoints = [POD]) {
      const labels = { "kubernetes.io/service-name": "web" };
      client.put(serviceKind, sampleService(spec, { metadata: { ...NAME, uid: "web-uid" } }));
      const metadata = { namespace: "default", name: "web-1", uid: "slice-uid", labels };
      const ports = [{ name: "", port: PORT, protocol: "TCP", ...port }];
      client.put(endpointSlice, sampleSlice(endpoints, { metadata, ports }));
    },
    connect() {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const connection = createTcpSocket(netns, { address: parseAddress("0.0.0.0"), port: 0 });
      connection.setTimeout(5_000, () => connection.destroy(new Error("no answer")));
      connection.on("data", (data) => resolve(String(data)));
      connection.on("error", reject);
      connection.connect({ host: CLUSTER_IP, port: 80 });
      return promise.finally(() => connection.destroy());
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Resolves at the next transaction of others that passes. */
function nextTransaction(netns: Netns, passes: (transaction: NftTransaction) => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const watch = watchNft({ netns }, { changed: (one) => passes(one) && resolve(), lost: () => undefined });
  deadline().addEventListener("abort", () => reject(new Error("no such transaction")));
  return promise.finally(() => watch[Symbol.dispose]());
}

const isOurTable =
  (action: "add" | "delete") =>
  ({ changes }: NftTransaction): boolean =>
    changes.some((one) => one.kind === "table" && one.table === SERVICE_TABLE.table && one.action === action);

test("startServices programs what the API has, and waitUntilProgrammed hears of it", requireRoot, async () => {
  using world = createWorld();
  world.put();
  await using services = await world.start();
  const found = await waitUntilProgrammed(world.client, NAME, deadline());
  assert.deepEqual([found.nodes, found.endpoints], [[NODE], 1]);
  assert.equal(await world.connect(), "pod");
  const { services: status } = await services.report();
  assert.deepEqual(
    [status.state, status.services, status.ports, status.drift, status.problems],
    ["ready", 1, 1, [], []],
  );
  const answers = world.client.all(lease).flatMap((one) => parseServiceAnswer(one) ?? []);
  assert.deepEqual(
    answers.map(({ node, proxy }) => `${node} ${proxy}`),
    [`${NODE} nftables`],
  );
});

test(
  "startServices refuses connections to a Service without endpoints, and serves it as soon as it has one",
  requireRoot,
  async () => {
    using world = createWorld();
    world.put({}, {}, []);
    await using _services = await world.start();
    await waitUntilProgrammed(world.client, NAME, deadline());
    await assert.rejects(world.connect(), { code: "ECONNREFUSED" });
    world.put();
    await waitUntilProgrammed(world.client, NAME, deadline());
    assert.equal(await world.connect(), "pod");
  },
);

test(
  "startServices serves without the pod networks after a while, and says so until it has them",
  requireRoot,
  async () => {
    using world = createWorld();
    world.put();
    await using cluster = shareCluster(world.client, SILENT);
    const deps = { cluster, netns: world.netns, log: SILENT, podNetworksTimeoutMs: 0 };
    await using services = await startServices(deps, OPTIONS);
    await waitUntilProgrammed(world.client, NAME, deadline());
    assert.equal(await world.connect(), "pod");
    const problems = async () => (await services.report()).services.problems.join();
    assert.match(await problems(), /pod networks are not known/);
    services.setPodNetworks({ networks: [parsePrefix("10.244.0.0/16")], nodePods: [parsePrefix("10.244.0.0/24")] });
    assert.equal(await problems(), "");
  },
);

test("startServices restores rules that somebody flushed", requireRoot, async () => {
  using world = createWorld();
  world.put();
  await using services = await world.start();
  await waitUntilProgrammed(world.client, NAME, deadline());
  using nft = createNftSocket(world.netns);
  const restored = nextTransaction(world.netns, isOurTable("add"));
  nft.commit([{ do: "delete table", table: SERVICE_TABLE }], "flush what is not ours");
  await restored;
  assert.equal(await world.connect(), "pod");
  const { services: status } = await services.report();
  assert.ok(status.repairs > 0);
});

test(
  "startServices leaves its rules to the next agent, which takes them over without a change",
  requireRoot,
  async () => {
    using world = createWorld();
    world.put();
    {
      await using _services = await world.start();
      await waitUntilProgrammed(world.client, NAME, deadline());
    }
    assert.equal(await world.connect(), "pod", "while no agent runs");
    const changed: NftTransaction[] = [];
    using _watch = watchNft({ netns: world.netns }, { changed: (one) => changed.push(one), lost: () => undefined });
    await using services = await world.start();
    await waitUntilProgrammed(world.client, NAME, deadline());
    const { services: status } = await services.report();
    assert.equal(status.state, "ready");
    assert.deepEqual(changed, []);
  },
);

test("startServices stays off beside kube-proxy, unless told, and begins when that goes", requireRoot, async () => {
  using world = createWorld();
  world.put();
  using nft = createNftSocket(world.netns);
  const foreign = { family: "ip", table: "kube-proxy" } as const;
  nft.commit([{ do: "add table", table: foreign }], "be kube-proxy");
  {
    await using services = await world.start();
    const { services: status } = await services.report();
    assert.deepEqual([status.state, status.reason], ["off", "left to another proxy: table ip kube-proxy"]);
    await assert.rejects(waitUntilProgrammed(world.client, NAME, deadline(300)), (error: Error) => {
      assert.deepEqual("missing" in error && error.missing, [
        { node: NODE, reason: "its agent leaves Services to another proxy" },
      ]);
      return true;
    });
    const begun = nextTransaction(world.netns, isOurTable("add"));
    nft.commit([{ do: "delete table", table: foreign }], "be kube-proxy no more");
    await begun;
    await waitUntilProgrammed(world.client, NAME, deadline());
    assert.equal(await world.connect(), "pod");
  }
  nft.commit([{ do: "add table", table: foreign }], "be kube-proxy");
  await using services = await world.start({ besideKubeProxy: true });
  await waitUntilProgrammed(world.client, NAME, deadline());
  assert.equal((await services.report()).services.state, "ready");
});

test("startServices forgets UDP flows to an endpoint that is gone, also what it has missed", requireRoot, async () => {
  using world = createWorld();
  using conntrack = createConntrackSocket(world.netns);
  const udp = { ports: [{ port: 53, protocol: "UDP" }] };
  const flowTo = (backend: string, sourcePort: number) => ({
    original: { source: POD, destination: CLUSTER_IP, protocol: "udp", sourcePort, destinationPort: 53 } as const,
    reply: {
      source: parseAddress(backend),
      destination: POD,
      protocol: "udp",
      sourcePort: PORT,
      destinationPort: sourcePort,
    } as const,
    status: ["dst-nat", "dst-nat-done", "assured", "seen-reply"] as const,
    timeoutSeconds: 120,
  });
  const [missed, ends, stays] = [flowTo("10.244.0.9", 1001), flowTo("10.244.0.3", 1002), flowTo(POD, 1003)];
  world.put(udp, { protocol: "UDP" }, [POD, "10.244.0.3"]);
  for (const flow of [missed, ends, stays]) createConntrack(conntrack, flow);
  await using _services = await world.start();
  await waitUntilProgrammed(world.client, NAME, deadline());
  const left = () => [missed, ends, stays].map(({ original }) => findConntrack(conntrack, original) !== undefined);
  assert.deepEqual(left(), [false, true, true]);
  world.put(udp, { protocol: "UDP" }, [POD]);
  await waitUntilProgrammed(world.client, NAME, deadline());
  assert.deepEqual(left(), [false, false, true]);
});

test("startServices takes away what our proxy of another technology has left", {
  ...requireRoot,
  timeout: 60_000,
}, async () => {
  using world = createWorld();
  world.put();
  using nft = createNftSocket(world.netns);
  let isSwitched = false;
  for (const proxy of ["nftables", "iptables", "nftables"] as const) {
    const swept = nextTransaction(world.netns, ({ changes }) =>
      changes.some(({ action, kind, table, name }) => {
        const isTable = kind === "table" && table === SERVICE_TABLE.table;
        return action === "delete" && (isTable || (kind === "chain" && name === "PODWIRE-MARK-OUTSIDE"));
      }),
    );
    swept.catch(() => undefined); // nothing is left at first
    await using services = await world.start({ proxy });
    await waitUntilProgrammed(world.client, NAME, deadline());
    assert.equal(await world.connect(), "pod");
    if (isSwitched) await swept;
    isSwitched = true;
    const { services: status } = await services.report();
    assert.deepEqual([status.proxy, status.state, status.drift], [proxy, "ready", []]);
    assert.equal(findTable(nft, SERVICE_TABLE) !== undefined, proxy === "nftables");
  }
});

test("startServices by iptables leaves the chains of kube-proxy alone, which have its names", requireRoot, async () => {
  using world = createWorld();
  world.put();
  using nft = createNftSocket(world.netns);
  const table = { family: "ip", table: "nat" } as const;
  const chain = { ...table, chain: "KUBE-SERVICES" };
  nft.commit(
    [
      { do: "add table", table },
      { do: "add chain", chain },
    ],
    "be kube-proxy",
  );
  {
    await using services = await world.start({ proxy: "iptables" });
    const { services: status } = await services.report();
    assert.deepEqual([status.state, status.reason], ["off", "left to another proxy: chain ip nat KUBE-SERVICES"]);
    assert.ok(findChain(nft, chain));
  }
  await assert.rejects(world.start({ proxy: "iptables", besideKubeProxy: true }), { name: "ServiceProxyError" });
  assert.ok(findChain(nft, chain));
});

test("a question that nobody answers is told apart from one that is not answered yet", requireRoot, async () => {
  using world = createWorld();
  world.put();
  await assert.rejects(waitUntilProgrammed(world.client, NAME, deadline(200)), /not every node has answered/);
  const asked = world.client.all(lease).find(({ metadata }) => metadata.name === QUESTION_NAME);
  assert.equal(asked?.metadata.namespace, PROGRAMMED_NAMESPACE);
});
