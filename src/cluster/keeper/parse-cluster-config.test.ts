import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { overlaps, parsePrefix } from "#base/ip-address.ts";
import { parseNetConf } from "#dataplane/flannel-net-conf.ts";
import { isDualStack, NETWORK_TYPES, netConf, nodeNames } from "./cluster-spec.ts";
import { ConfigError } from "./config-reader.ts";
import { CONFIG_KEYS, fieldsGiven, parseClusterConfig } from "./parse-cluster-config.ts";

test("parseClusterConfig gives a whole cluster for nothing", () => {
  assert.deepEqual(parseClusterConfig({}), {
    name: "podwire",
    nodes: 3,
    network: { type: "vxlan", vni: 1, port: 8472, directRouting: false },
    store: "sqlite",
    podCidrs: ["10.244.0.0/16"],
    serviceCidrs: ["10.96.0.0/16"],
    serviceProxy: "nftables",
    policy: "nftables",
    established: "reevaluate",
    loadBalancerPools: [],
    dns: "podwire",
    dnsUpstream: [],
    mtuBytes: 1500,
    uplink: false,
  });
});

test("parseClusterConfig completes both families, and puts IPv4 first", () => {
  const all = parseClusterConfig({ dualStack: true });
  assert.deepEqual(all.podCidrs, ["10.244.0.0/16", "fd00:244::/56"]);
  assert.deepEqual(all.serviceCidrs, ["10.96.0.0/16", "fd00:96::/112"]);
  const told = parseClusterConfig({ podCidr: "fd00:1::/56, 10.1.2.3/16" });
  assert.deepEqual(told.podCidrs, ["10.1.0.0/16", "fd00:1::/56"]);
  assert.equal(isDualStack(told), true);
  assert.equal(told.serviceCidrs.length, 2);
});

const WRONG: readonly (readonly [what: string, config: object, key: string, message: RegExp])[] = [
  ["a wrong key", { node: 3 }, "node", /did you mean "nodes"/],
  ["a wrong service proxy", { serviceProxy: "iptable" }, "serviceProxy", /did you mean "iptables"/],
  ["a pool among pods", { loadBalancerPool: "10.244.9.0/24" }, "loadBalancerPool", /overlaps 10\.244\.0\.0\/16/],
  ["a wrong network", { network: "vxlam" }, "network", /is "vxlam": did you mean "vxlan"/],
  ["a key of another network", { network: { type: "host-gw", vni: 3 } }, "network.vni", /is no key/],
  ["a wrong key of the network", { network: { typ: "udp" } }, "network.typ", /did you mean "type"/],
  ["no network", { network: 7 }, "network", /is no object/],
  ["no nodes", { nodes: 0 }, "nodes", /a whole number from 1 to 244/],
  ["too many nodes", { nodes: 245 }, "nodes", /a whole number from 1 to 244/],
  [
    "more nodes than pod subnets",
    { nodes: 5, podCidr: "10.1.0.0/22" },
    "nodes",
    /has room for 4: each node takes a \/24/,
  ],
  ["a pod subnet below a node's", { podCidr: "10.1.0.0/25", nodes: 1 }, "podCidr", /too small/],
  ["no prefix", { podCidr: "10.1.0.0" }, "podCidr", /is "10.1.0.0"/],
  ["two of a family", { podCidr: "10.1.0.0/16,10.2.0.0/16" }, "podCidr", /two prefixes of one family/],
  ["IPv6 alone", { podCidr: "fd00:1::/56", dualStack: true }, "podCidr", /has no IPv4 prefix/],
  [
    "IPv6 without dual stack",
    { podCidr: "10.1.0.0/16,fd00:1::/56", dualStack: false },
    "podCidr",
    /dualStack is false/,
  ],
  ["pods over services", { podCidr: "10.96.0.0/12" }, "podCidr", /10.96.0.0\/12 overlaps "serviceCidr" 10.96.0.0\/16/],
  [
    "pods over the underlay",
    { podCidr: "10.0.0.0/8", serviceCidr: "172.16.0.0/16" },
    "podCidr",
    /which the underlay uses/,
  ],
  ["pods at loopback addresses", { podCidr: "127.0.0.0/8" }, "podCidr", /overlaps 127.0.0.0\/8, where no pod can be/],
  ["services at multicast addresses", { serviceCidr: "239.1.0.0/16" }, "serviceCidr", /overlaps 224.0.0.0\/3/],
  ["services over the outside", { serviceCidr: "203.0.113.0/24" }, "serviceCidr", /overlaps 203.0.113.0\/24/],
  ["udp with IPv6", { network: "udp", dualStack: true }, "network", /carries IPv4 only/],
  ["a short MTU", { mtu: 500 }, "mtu", /from 576 to 65535/],
  ["an MTU too short for IPv6", { mtu: 1000, dualStack: true }, "mtu", /from 1280 to 65535/],
  ["another store", { store: "mysql" }, "store", /must be sqlite, etcd, or etcd:/],
  ["a name with a path", { name: "../x" }, "name", /is "..\/x": it must be 1 to 40/],
  ["a long name", { name: "a".repeat(41) }, "name", /1 to 40/],
];

for (const [what, config, key, message] of WRONG) {
  test(`parseClusterConfig refuses ${what}`, () => {
    assert.throws(
      () => parseClusterConfig(config),
      (error) => error instanceof ConfigError && error.key === key && message.test(error.message),
    );
  });
}

test("parseClusterConfig accepts or refuses, and what it accepts holds together", () => {
  const value = fc.oneof(
    fc.constantFrom("vxlan", "udp", "etcd", "10.0.0.0/12", "fd00:1::/48", "10.1.0.0/16,fd00:2::/56", true, null),
    fc.integer({ min: -1, max: 300 }),
    fc.string(),
  );
  const config = fc.dictionary(fc.constantFrom(...CONFIG_KEYS), value);
  fc.assert(
    fc.property(config, (given) => {
      let spec: ReturnType<typeof parseClusterConfig>;
      try {
        spec = parseClusterConfig(given);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        return;
      }
      assert.equal(nodeNames(spec).length, spec.nodes);
      for (const pods of spec.podCidrs.map(parsePrefix)) {
        for (const services of spec.serviceCidrs.map(parsePrefix)) {
          assert.ok(pods.family !== services.family || !overlaps(pods, services));
        }
      }
    }),
  );
});

test("fieldsGiven tells what a configuration says, and nothing that is a default", () => {
  assert.deepEqual(fieldsGiven({}), []);
  assert.deepEqual(fieldsGiven({ name: "a", mtu: undefined, nodes: null }), ["name"]);
  assert.deepEqual(fieldsGiven({ podCidr: "10.1.0.0/16", dualStack: true }), ["podCidrs", "serviceCidrs"]);
});

test("netConf is what the agent reads, for each network", () => {
  for (const network of NETWORK_TYPES) {
    const spec = parseClusterConfig({ network, ...(network !== "udp" && { dualStack: true }) });
    const { backend, networks } = parseNetConf(netConf(spec));
    assert.equal(backend.type, network);
    assert.equal(networks[6] === undefined, network === "udp");
  }
  const { network, ...rest } = parseClusterConfig({
    network: { type: "vxlan", vni: 7, port: 4789, directRouting: true },
  });
  const { backend } = parseNetConf(netConf({ ...rest, network }));
  assert.partialDeepStrictEqual(backend, { vni: 7, port: 4789, directRouting: true });
});
