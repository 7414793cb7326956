/** Whatever changes come in whatever order, the table is what a first `sync` of the last state would have written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { createNftablesServiceProxy } from "./create-nftables-service-proxy.ts";

const NODE: ServiceProxyNode = {
  podNetworks: [parsePrefix("10.0.0.0/16")],
  nodePods: [parsePrefix("10.0.1.0/24")],
  nodePortAddresses: [],
  serviceNetworks: [parsePrefix("10.96.0.0/16")],
};
const IDS = ["a/x:/TCP/4", "a/y:/TCP/4", "b/x:/UDP/4", "b/z:/TCP/4"];

const addresses = (base: string): fc.Arbitrary<IpAddress> =>
  fc.integer({ min: 1, max: 3 }).map((number) => parseAddress(`${base}.${number}`));
const backends: fc.Arbitrary<readonly Backend[]> = fc.uniqueArray(
  fc.record({
    address: fc
      .tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 9 }))
      .map(([net, host]) => parseAddress(`10.0.${net}.${host}`)),
    port: fc.constantFrom(80, 81),
  }),
  { maxLength: 8, selector: ({ address, port }) => `${address} ${port}` },
);
const frontends: fc.Arbitrary<readonly Frontend[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("clusterIP", "externalIP", "loadBalancer", "nodePort"),
    address: addresses("10.96.0"),
    port: fc.constantFrom(80, 30080),
    traffic: fc.constantFrom("cluster", "local"),
    sourceRanges: fc.constantFrom(undefined, [parsePrefix("192.0.2.0/24")], [parsePrefix("192.0.2.0/25")]),
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
const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 8 });

test("update comes to the table that sync would have made", requireRoot, () =>
  withNetns(async (netns) => {
    using nft = createNftSocket(netns);
    await fc.assert(
      fc.asyncProperty(batches, async (steps) => {
        const proxy = createNftablesServiceProxy({ nft });
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
        const successor = createNftablesServiceProxy({ nft });
        const left = successor.sync(NODE, state).changes;
        // Chains that Services share stay for the next that needs them, until a sync.
        assert.deepEqual(
          left.filter((text) => !/^(flush|delete) chain inet podwire-services (service|node_port)4-/.test(text)),
          [],
        );
        assert.deepEqual(successor.drift(), []);
        successor.remove();
      }),
      { numRuns: 60 },
    );
    assert.equal(await outputIn(netns, ["nft", "list", "ruleset"]), "");
  }),
);
