/** Agents that find each other in a real etcd, as flanneld does without the Kubernetes API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SubnetSource } from "#agent/network/cluster-network.ts";
import { createEtcdGateway, type EtcdGateway } from "#agent/network/etcd/etcd-gateway.ts";
import { createEtcdLeases } from "#agent/network/etcd/etcd-leases.ts";
import { createEtcdSource } from "#agent/network/etcd/etcd-source.ts";
import { encodeBase64, objects } from "#agent/network/etcd/follow-etcd.ts";
import { isConnected } from "#agent/network/testing/connected.ts";
import { brokenPairs, createNetworkWorld, type NetworkWorld } from "#agent/network/testing/network-world.ts";
import type { TestAgent } from "#agent/testing/test-host.ts";
import { type Prefix, parseAddress } from "#base/ip-address.ts";
import { createEtcdServer, etcdMissing } from "#control-plane/store/conformance/etcd-server.ts";
import { FAMILIES, type PerFamily } from "#dataplane/contract.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";

const PREFIX = "/coreos.com/network";
const options = { skip: requireRoot.skip || (etcdMissing ?? false) };
const signal = AbortSignal.timeout(120_000);

interface Scene {
  readonly world: NetworkWorld;
  readonly gateway: EtcdGateway;
  readonly stack: AsyncDisposableStack;
  start(index: number): Promise<TestAgent>;
  put(key: string, value: object): Promise<void>;
  /** Keys below the prefix with their values. */
  keys(): Promise<Readonly<Record<string, unknown>>>;
}

async function withEtcd(nodes: number, body: (scene: Scene) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const etcd = stack.use(await createEtcdServer());
  await etcd.start();
  const endpoints = [new URL("http://127.0.0.1:1"), new URL(`http://${etcd.endpoint}`)]; // nobody is at the first
  const gateway = createEtcdGateway({ endpoints });
  const world = stack.use(await createNetworkWorld({ nodes, isDualStack: true }));
  await body({
    world,
    gateway,
    stack,
    async start(index) {
      const { host, options: own } = world.nodes[index] ?? assert.fail();
      return stack.use(await host.startAgent({ ...own, source: { type: "etcd", endpoints, prefix: PREFIX } }));
    },
    put: (key, value) => createEtcdLeases(gateway).write(`${PREFIX}/${key}`, JSON.stringify(value), "0", signal),
    async keys() {
      const range = { key: encodeBase64(`${PREFIX}/`), range_end: encodeBase64(`${PREFIX}0`) };
      const { kvs } = await gateway.call("kv/range", range, signal);
      const text = (value: unknown): string => Buffer.from(String(value), "base64").toString();
      return Object.fromEntries(
        objects(kvs).map(({ key, value }) => [text(key).slice(PREFIX.length + 1), JSON.parse(text(value))]),
      );
    },
  });
}

const CONF = { Network: "10.5.0.0/16", EnableIPv6: true, IPv6Network: "fd00:5::/48", Backend: { Type: "vxlan" } };

test("nodes lease subnets of their own, reach each other's pods, and follow the configuration", options, () =>
  withEtcd(3, async ({ world, put, keys, start }) => {
    const agents = await Promise.all([0, 1, 2].map(start));
    await agents[0]?.statusWhen(({ network }) => network?.reason.includes("no key") === true);
    await put("config", CONF);
    for (const [index, agent] of agents.entries()) {
      await agent.statusWhen(isConnected(4, "vxlan"));
      await world.nodes[index]?.addPod(agent, `pod${index}`);
    }
    assert.deepEqual(await brokenPairs(world.pods), []);
    const { config: _, ...leases } = await keys();
    assert.equal(Object.keys(leases).length, 3);
    for (const [key, value] of Object.entries(leases)) {
      assert.match(key, /^subnets\/10\.5\.\d+\.0-24&fd00:5:0:[0-9a-f]+::-64$/);
      assert.match(
        JSON.stringify(value),
        /^{"PublicIP":"192\.168\.50\.\d","PublicIPv6":"fd00:50::\d","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"[0-9a-f:]{17}"},"BackendV6Data":{"VNI":1,"VtepMAC":"[0-9a-f:]{17}"}}$/,
      );
    }
    await put("config", { ...CONF, Backend: { Type: "host-gw" } });
    for (const agent of agents) {
      await agent.statusWhen((status) => status.network?.planes.join() === "host-gw" && isConnected(4)(status));
    }
    assert.deepEqual(await brokenPairs(world.pods), []);
  }),
);

test("a node keeps its subnets over restarts, and over the loss of its lease", options, () =>
  withEtcd(2, async ({ world, gateway, put, keys, start }) => {
    await put("config", CONF);
    const subnets = async (agent: TestAgent) => (await agent.statusWhen(isConnected(2))).network?.podPrefixes;
    const other = await start(1);
    const first = await start(0);
    const before = await subnets(first);
    await subnets(other);
    await first[Symbol.asyncDispose]();
    const leases = await keys();
    const again = await start(0);
    assert.deepEqual(await subnets(again), before);
    assert.deepEqual(await keys(), leases);
    const own = Object.keys(leases).find((key) => key.includes(`${before?.[0]?.replace("/", "-")}`)) ?? "";
    await createEtcdLeases(gateway).remove(`${PREFIX}/${own}`, signal);
    await again.logged("subnet leased", 1);
    assert.deepEqual(await subnets(again), before);
    await subnets(other);
    assert.deepEqual(await keys(), leases);
    assert.equal(world.nodes.length, 2);
  }),
);

/** With the chances of both nodes, the keys differ while the IPv4 subnets are the same. */
test("createEtcdSource gives nodes that start together subnets of their own in each family", options, async () => {
  await using etcd = await createEtcdServer();
  await etcd.start();
  const gateway = createEtcdGateway({ endpoints: [new URL(`http://${etcd.endpoint}`)] });
  await createEtcdLeases(gateway).write(`${PREFIX}/config`, JSON.stringify(CONF), "0", signal);
  await using stack = new AsyncDisposableStack();
  const subnets = await Promise.all(
    [1, 2].map((node) => {
      const chances = [0, (node - 1) / 2];
      const found = Promise.withResolvers<PerFamily<Prefix>>();
      const look = (): void => {
        const snapshot = source.snapshot();
        if (snapshot.state === "complete") found.resolve(snapshot.network.own.podPrefixes);
      };
      const source: SubnetSource = stack.use(
        createEtcdSource(
          {
            gateway,
            prefix: PREFIX,
            nodeName: `node${node}`,
            ownAddresses: () => ({ 4: parseAddress(`192.168.50.${node}`) }),
            previous: () => ({}),
            random: () => chances.shift() ?? 0,
            log: { info: look, error: () => undefined },
          },
          { changed: () => setImmediate(look) },
        ),
      );
      signal.addEventListener("abort", () => found.reject(new Error(JSON.stringify(source.snapshot()))), {
        once: true,
      });
      return found.promise;
    }),
  );
  for (const family of FAMILIES) {
    assert.equal(new Set(subnets.map((one) => one[family]?.address)).size, 2, JSON.stringify(subnets));
  }
});

test("a lease as flanneld writes it is a peer, and a broken one harms nobody", options, () =>
  withEtcd(1, async ({ put, start }) => {
    await put("config", CONF);
    await put("subnets/10.5.34.0-24", {
      PublicIP: "192.168.50.77",
      PublicIPv6: null,
      BackendType: "vxlan",
      BackendData: { VNI: 1, VtepMAC: "ee:91:d3:3c:25:e7" },
    });
    await put("subnets/10.5.35.0-24", { PublicIP: "192.168.50.78", BackendType: "carrier-pigeon" });
    const agent = await start(0);
    const { peers = [] } = await agent.statusWhen((status) => status.peers?.length === 2);
    const [good, broken] = peers.toSorted((a, b) => (a.peer < b.peer ? -1 : 1));
    assert.deepEqual(
      [good?.peer, good?.link, good?.vtepMac, good?.address, good?.problem],
      ["10.5.34.0-24", "flannel.1", "ee:91:d3:3c:25:e7", "192.168.50.77", ""],
    );
    assert.match(broken?.problem ?? "", /carrier-pigeon/);
  }),
);
