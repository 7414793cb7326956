import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { podObject } from "../testing/pod-object.ts";
import { type DnsConfig, limitDns, parseResolvConf, podDns } from "./pod-dns.ts";

const NODE: DnsConfig = { servers: ["192.0.2.53"], searches: ["corp.example"], options: ["timeout:2"] };
const SETTINGS = { clusterServers: ["10.96.0.10"], clusterDomain: "cluster.local", node: NODE };
const CLUSTER: DnsConfig = {
  servers: ["10.96.0.10"],
  searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"],
  options: ["ndots:5"],
};
const NONE: DnsConfig = { servers: [], searches: [], options: [] };
const dnsConfig = {
  nameservers: ["192.0.2.1", "10.96.0.10"],
  searches: ["a.example", "cluster.local"],
  options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
};

const CASES: readonly (readonly [what: string, spec: Partial<PodSpec>, expected: DnsConfig])[] = [
  ["nothing", {}, CLUSTER],
  ["ClusterFirst", { dnsPolicy: "ClusterFirst" }, CLUSTER],
  ["ClusterFirst in the node's network", { dnsPolicy: "ClusterFirst", hostNetwork: true }, NODE],
  ["ClusterFirstWithHostNet", { dnsPolicy: "ClusterFirstWithHostNet", hostNetwork: true }, CLUSTER],
  ["Default", { dnsPolicy: "Default" }, NODE],
  ["None", { dnsPolicy: "None" }, NONE],
  [
    "None with a configuration",
    { dnsPolicy: "None", dnsConfig },
    { servers: dnsConfig.nameservers, searches: dnsConfig.searches, options: ["ndots:2", "edns0"] },
  ],
  [
    "ClusterFirst with a configuration",
    { dnsPolicy: "ClusterFirst", dnsConfig },
    {
      servers: ["10.96.0.10", "192.0.2.1"],
      searches: [...CLUSTER.searches, "a.example"],
      options: ["ndots:2", "edns0"],
    },
  ],
];

for (const [what, spec, expected] of CASES) {
  test(`podDns merges for ${what}`, () => assert.deepEqual(podDns(podObject(spec), SETTINGS), expected));
}

test("podDns gives the node's resolver where the cluster has none", () => {
  assert.deepEqual(podDns(podObject(), { ...SETTINGS, clusterServers: [] }), NODE);
});

test("limitDns leaves out what resolvers do not read, and tells", () => {
  assert.deepEqual(limitDns(CLUSTER), { config: CLUSTER, omissions: [] });
  const names = Array.from({ length: 40 }, (_, index) => `d${index}.example`);
  const { config, omissions } = limitDns({
    servers: ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"],
    searches: names,
    options: [],
  });
  assert.deepEqual([config.servers.length, config.searches.length], [3, 32]);
  assert.deepEqual(omissions, [
    "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.1.1.1 1.1.1.2 1.1.1.3",
    `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${names.slice(0, 32).join(" ")}`,
  ]);
  const long = Array.from({ length: 20 }, () => "x".repeat(204));
  // Nine of them and their spaces are 1844 characters, ten 2049.
  assert.equal(limitDns({ ...NONE, searches: long }).config.searches.length, 9);
});

test("parseResolvConf reads what resolvers read", () => {
  const text =
    "# made\nnameserver 10.0.0.1\nsearch old\n nameserver 10.0.0.2 \nsearch a b\noptions ndots:2\noptions edns0\n";
  const expected = { servers: ["10.0.0.1", "10.0.0.2"], searches: ["a", "b"], options: ["ndots:2", "edns0"] };
  assert.deepEqual(parseResolvConf(text), expected);
});
