/**
 * IPVS itself is a fake at the level of its messages, because a kernel for tests may have none; the table, the link and its
 * addresses are real.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createLink } from "#kernel/rtnetlink/link.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { createIpvsServiceProxy } from "./create-ipvs-service-proxy.ts";
import { createFakeIpvs } from "./testing/fake-ipvs.ts";

const NODE: ServiceProxyNode = {
  podNetworks: [parsePrefix("10.0.0.0/16")],
  nodePods: [parsePrefix("10.0.1.0/24")],
  nodePortAddresses: [],
  serviceNetworks: [parsePrefix("10.96.0.0/16")],
};
const IDS = ["a/x:/TCP/4", "a/y:/TCP/4", "b/x:/UDP/4", "b/z:/TCP/4"];

const backends: fc.Arbitrary<readonly Backend[]> = fc.uniqueArray(
  fc.record({
    address: fc.integer({ min: 1, max: 9 }).map((host) => parseAddress(`10.0.${host % 3}.${host}`)),
    port: fc.constantFrom(80, 81),
  }),
  { maxLength: 5, selector: ({ address, port }) => `${address} ${port}` },
);
const frontends: fc.Arbitrary<readonly Frontend[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("clusterIP", "externalIP", "loadBalancer", "nodePort"),
    address: fc.integer({ min: 1, max: 3 }).map((host) => parseAddress(`10.96.0.${host}`)),
    port: fc.constantFrom(80, 30080),
    traffic: fc.constantFrom("cluster", "local"),
    sourceRanges: fc.constantFrom(undefined, [parsePrefix("192.0.2.0/24"), parsePrefix("192.0.2.0/25")]),
  }),
  { maxLength: 4 },
);
const port = (id: string): fc.Arbitrary<ServicePort> =>
  fc.record({
    id: fc.constant(id),
    family: fc.constant(4),
    protocol: fc.constant(id.includes("UDP") ? "UDP" : "TCP"),
    frontends,
    cluster: backends,
    local: backends,
    affinityTimeoutSeconds: fc.constantFrom(undefined, undefined, 60, 3600),
  });
const change = fc
  .constantFrom(...IDS)
  .chain((id) => fc.tuple(fc.constant(id), fc.option(port(id), { nil: undefined, freq: 4 })));
const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 6 });

test("update comes to what sync would have made: virtual services, table and addresses", requireRoot, () =>
  withNetns(async (netns) => {
    using nft = createNftSocket(netns);
    using rtnl = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex } = createLink(rtnl, { name: "eth0", up: true, kind: { type: "bridge" } });
    addAddress(rtnl, { ifindex, prefix: parsePrefix("198.51.100.7/24") });
    const fake = createFakeIpvs();
    const foreign = { family: 4, protocol: "TCP", address: parseAddress("203.0.113.1"), port: 80 } as const;
    fake.socket.apply({ do: "new service", service: { ...foreign, scheduler: "wlc" } });
    const deps = { ipvs: fake.socket, nft, rtnl, writeSettings: () => undefined };
    await fc.assert(
      fc.asyncProperty(batches, async (steps) => {
        const proxy = createIpvsServiceProxy(deps);
        proxy.sync(NODE, new Map());
        const state = new Map<string, ServicePort>();
        for (const step of steps) {
          const changes = new Map(step);
          proxy.update(changes);
          for (const [id, wanted] of changes) {
            if (wanted === undefined) state.delete(id);
            else state.set(id, wanted);
          }
        }
        assert.deepEqual(proxy.drift(), []);
        const successor = createIpvsServiceProxy(deps);
        assert.deepEqual(successor.sync(NODE, state).changes, []);
        successor.remove();
        assert.deepEqual([...fake.kept.keys()], ["203.0.113.1:80/TCP"]);
      }),
      { numRuns: 40 },
    );
    assert.equal(await outputIn(netns, ["nft", "list", "ruleset"]), "");
  }),
);

test("drift tells what was changed by hand, and sync restores it", requireRoot, () =>
  withNetns(async (netns) => {
    using nft = createNftSocket(netns);
    using rtnl = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const fake = createFakeIpvs();
    const proxy = createIpvsServiceProxy({ ipvs: fake.socket, nft, rtnl, writeSettings: () => undefined });
    const address = parseAddress("10.96.0.1");
    const backend = { address: parseAddress("10.0.1.5"), port: 8080 };
    const web: ServicePort = {
      id: "default/web:/TCP/4",
      family: 4,
      protocol: "TCP",
      frontends: [{ kind: "clusterIP", address, port: 80, traffic: "cluster" }],
      cluster: [backend],
      local: [backend],
    };
    const desired = new Map([[web.id, web]]);
    proxy.sync(NODE, desired);
    const virtual = { family: 4, protocol: "TCP", address, port: 80 } as const;
    const byHand: readonly (readonly [() => unknown, RegExp])[] = [
      [() => fake.socket.apply({ do: "delete service", service: virtual }), /^new service 10\.96\.0\.1:80\/TCP$/m],
      [
        () => outputIn(netns, ["ip", "address", "flush", "dev", "kube-ipvs0"]),
        /^address add 10\.96\.0\.1 dev kube-ipvs0$/m,
      ],
      [() => outputIn(netns, ["nft", "flush", "chain", "inet", "podwire-ipvs", "services"]), /^delete table/m],
      [() => outputIn(netns, ["nft", "flush", "set", "inet", "podwire-ipvs", "hairpin4"]), /^create element/m],
      [() => outputIn(netns, ["nft", "flush", "set", "inet", "podwire-ipvs", "node_pods4"]), /node_pods4$/m],
    ];
    for (const [damage, expected] of byHand) {
      assert.deepEqual(proxy.drift(), []);
      await damage();
      assert.match(proxy.drift().join("\n"), expected);
      proxy.sync(NODE, desired);
    }
    assert.deepEqual(proxy.drift(), []);
    proxy.remove();
    assert.equal(await outputIn(netns, ["ip", "-o", "link", "show", "type", "bridge"]), "");
  }),
);
