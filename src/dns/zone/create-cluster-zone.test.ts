import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { serviceObject, sliceObject, testZone } from "../testing/dns-objects.ts";
import type { ClusterZone, ZoneType } from "./create-cluster-zone.ts";

const http = { name: "http", protocol: "TCP", port: 80 } as const;
const dns = { name: "dns", protocol: "UDP", port: 53 } as const;

function exampleZone(): ClusterZone {
  const zone = testZone("kube-system");
  const web = { clusterIP: "10.3.0.1", clusterIPs: ["10.3.0.1", "fd00:3::1"] };
  zone.setService(serviceObject("default/web", { ...web, ports: [{ ...http, port: 8080 }, dns, { port: 9 }] }));
  zone.setSlice(sliceObject({ service: "default/web", endpoints: [{ address: "10.1.9.9" }], ports: [http] }));
  zone.setService(serviceObject("default/headless", { clusterIP: "None", ports: [http] }));
  const endpoints = [
    { address: "10.1.0.1", hostname: "my-pet" },
    { address: "10.1.0.2" },
    { address: "10.1.0.3", ready: false },
  ];
  zone.setSlice(sliceObject({ service: "default/headless", endpoints, ports: [{ ...http, port: 8081 }] }));
  const v6 = [{ address: "fd00:1::1", hostname: "my-pet" }];
  const sixth = sliceObject({ service: "default/headless", name: "headless-6", endpoints: v6, ports: [http] });
  zone.setSlice(sixth);
  zone.setService(serviceObject("default/early", { clusterIP: "None", publishNotReadyAddresses: true }));
  zone.setSlice(sliceObject({ service: "default/early", endpoints: [{ address: "10.1.0.4", ready: false }] }));
  zone.setService(serviceObject("default/outside", { type: "ExternalName", externalName: "My.Example.com." }));
  zone.setService(
    serviceObject("default/alias", { type: "ExternalName", externalName: "web.default.svc.cluster.local" }),
  );
  zone.setService(
    serviceObject("default/nowhere", { type: "ExternalName", externalName: "no.default.svc.cluster.local" }),
  );
  zone.setService(
    serviceObject("default/loop", { type: "ExternalName", externalName: "loop.default.svc.cluster.local" }),
  );
  zone.setService(serviceObject("default/empty", { clusterIP: "None", ports: [http] }));
  zone.setServerAddresses([parseAddress("10.96.0.10")]);
  return zone;
}

function ask(zone: ClusterZone, name: string, type: ZoneType | undefined): string {
  const answer = zone.lookUp(name.split("."), type);
  if (answer === undefined) return "not ours";
  if (!answer.exists) return answer.soa === undefined ? "no name, no SOA" : "NXDOMAIN";
  if (answer.answers.length === 0) return answer.soa === undefined ? "no data, no SOA" : "NODATA";
  return answer.answers
    .map(({ data }) => (typeof data === "string" ? data : "target" in data ? `${data.port} ${data.target}` : "SOA"))
    .join(" ");
}

const HEADLESS = "headless.default.svc.cluster.local";
/** In the order of the specification's sections, then what it leaves to RFC 1034, 2308 and 8020. */
const TABLE: readonly (readonly [name: string, type: ZoneType | undefined, answer: string])[] = [
  ["dns-version.cluster.local", "TXT", "1.1.0"],
  ["web.default.svc.cluster.local", "A", "10.3.0.1"],
  ["web.default.svc.cluster.local", "AAAA", "fd00:3::1"],
  ["_http._tcp.web.default.svc.cluster.local", "SRV", "8080 web.default.svc.cluster.local"],
  ["_dns._udp.web.default.svc.cluster.local", "SRV", "53 web.default.svc.cluster.local"],
  ["1.0.3.10.in-addr.arpa", "PTR", "web.default.svc.cluster.local"],
  [`1.${"0.".repeat(23)}3.0.0.0.0.0.d.f.ip6.arpa`, "PTR", "web.default.svc.cluster.local"],
  [HEADLESS, "A", "10.1.0.1 10.1.0.2"],
  [HEADLESS, "AAAA", "fd00:1::1"],
  [`my-pet.${HEADLESS}`, "A", "10.1.0.1"],
  [`my-pet.${HEADLESS}`, "AAAA", "fd00:1::1"],
  [`10-1-0-2.${HEADLESS}`, "A", "10.1.0.2"],
  [`_http._tcp.${HEADLESS}`, "SRV", `8081 my-pet.${HEADLESS} 8081 10-1-0-2.${HEADLESS} 80 my-pet.${HEADLESS}`],
  ["1.0.1.10.in-addr.arpa", "PTR", `my-pet.${HEADLESS}`],
  ["2.0.1.10.in-addr.arpa", "PTR", `10-1-0-2.${HEADLESS}`],
  [`1.${"0.".repeat(23)}1.0.0.0.0.0.d.f.ip6.arpa`, "PTR", `my-pet.${HEADLESS}`],
  ["early.default.svc.cluster.local", "A", "10.1.0.4"],
  ["outside.default.svc.cluster.local", "CNAME", "my.example.com"],
  ["outside.default.svc.cluster.local", "A", "my.example.com"],
  ["1-2-3-4.default.pod.cluster.local", "A", "1.2.3.4"],
  ["fd00--1.default.pod.cluster.local", "AAAA", "fd00::1"],
  // An ExternalName inside the cluster, and one that leads nowhere or to itself.
  ["alias.default.svc.cluster.local", "A", "web.default.svc.cluster.local 10.3.0.1"],
  ["alias.default.svc.cluster.local", "CNAME", "web.default.svc.cluster.local"],
  ["nowhere.default.svc.cluster.local", "A", "NXDOMAIN"],
  ["loop.default.svc.cluster.local", "A", "loop.default.svc.cluster.local"],
  // The zone itself.
  ["cluster.local", "SOA", "SOA"],
  ["cluster.local", "NS", "ns.dns.cluster.local"],
  ["cluster.local", "A", "NODATA"],
  ["ns.dns.cluster.local", "A", "10.96.0.10"],
  ["ns.dns.cluster.local", "AAAA", "NODATA"],
  // A name without such records; names that are there because others are below them.
  ["web.default.svc.cluster.local", "TXT", "NODATA"],
  ["web.default.svc.cluster.local", undefined, "NODATA"],
  ["empty.default.svc.cluster.local", "A", "NODATA"],
  ["early.default.svc.cluster.local", "AAAA", "NODATA"],
  ["_tcp.web.default.svc.cluster.local", "SRV", "NODATA"],
  ["svc.cluster.local", "A", "NODATA"],
  ["pod.cluster.local", "A", "NODATA"],
  ["dns.cluster.local", "A", "NODATA"],
  ["default.svc.cluster.local", "A", "NODATA"],
  ["default.pod.cluster.local", "A", "NODATA"],
  ["1.0.3.10.in-addr.arpa", "A", "NODATA"],
  ["1-2-3-4.default.pod.cluster.local", "AAAA", "NODATA"],
  // No such name.
  ["no.default.svc.cluster.local", "A", "NXDOMAIN"],
  ["web.no.svc.cluster.local", "A", "NXDOMAIN"],
  ["no.svc.cluster.local", "A", "NXDOMAIN"],
  ["no.cluster.local", "A", "NXDOMAIN"],
  ["*.default.svc.cluster.local", "A", "NXDOMAIN"],
  ["x.web.default.svc.cluster.local", "A", "NXDOMAIN"],
  [`10-1-0-3.${HEADLESS}`, "A", "NXDOMAIN"],
  [`x.my-pet.${HEADLESS}`, "A", "NXDOMAIN"],
  [`_no._tcp.${HEADLESS}`, "SRV", "NXDOMAIN"],
  [`_http._udp.${HEADLESS}`, "SRV", "NXDOMAIN"],
  ["_udp.headless.default.svc.cluster.local", "SRV", "NXDOMAIN"],
  ["_http._tcp.empty.default.svc.cluster.local", "SRV", "NXDOMAIN"],
  ["1-2-3.default.pod.cluster.local", "A", "NXDOMAIN"],
  ["1-2-3-4.no.pod.cluster.local", "A", "NXDOMAIN"],
  ["x.dns-version.cluster.local", "TXT", "NXDOMAIN"],
  // Of others.
  ["example.com", "A", "not ours"],
  ["local", "A", "not ours"],
  ["xcluster.local", "A", "not ours"],
  ["9.9.1.10.in-addr.arpa", "PTR", "not ours"],
  ["3.0.1.10.in-addr.arpa", "PTR", "not ours"],
  ["1.10.in-addr.arpa", "PTR", "not ours"],
];

for (const [name, type, expected] of TABLE) {
  test(`createClusterZone answers ${type ?? "an unknown type"} of ${name} with ${expected}`, () => {
    assert.equal(ask(exampleZone(), name, type), expected);
  });
}

test("createClusterZone puts the addresses of SRV's targets beside them", () => {
  const answer = exampleZone().lookUp("_http._tcp.web.default.svc.cluster.local".split("."), "SRV");
  assert.deepEqual(
    answer?.additional.map(({ name, data }) => [name, data]),
    [
      ["web.default.svc.cluster.local", "10.3.0.1"],
      ["web.default.svc.cluster.local", "fd00:3::1"],
    ],
  );
});

test("createClusterZone follows changes, whatever comes first", () => {
  const zone = testZone();
  const name = "db.default.svc.cluster.local";
  const pod = (address: string): void =>
    zone.setSlice(sliceObject({ service: "default/db", endpoints: [{ address, hostname: "a" }], ports: [http] }));
  pod("10.1.0.1");
  assert.equal(ask(zone, name, "A"), "NXDOMAIN");
  zone.setService(serviceObject("default/db", { clusterIP: "None" }));
  assert.equal(ask(zone, `a.${name}`, "A"), "10.1.0.1");
  assert.equal(ask(zone, "1.0.1.10.in-addr.arpa", "PTR"), `a.${name}`);
  pod("10.1.0.2");
  assert.equal(ask(zone, name, "A"), "10.1.0.2");
  assert.equal(ask(zone, "1.0.1.10.in-addr.arpa", "PTR"), "not ours");
  zone.setService(serviceObject("default/db", { clusterIP: "10.3.0.9", clusterIPs: ["10.3.0.9"] }));
  assert.equal(ask(zone, name, "A"), "10.3.0.9");
  assert.equal(ask(zone, "2.0.1.10.in-addr.arpa", "PTR"), "not ours");
  zone.deleteService(serviceObject("default/db", {}));
  assert.equal(ask(zone, name, "A"), "NXDOMAIN");
  assert.equal(ask(zone, "9.0.3.10.in-addr.arpa", "PTR"), "not ours");
  zone.deleteSlice(sliceObject({ service: "default/db", endpoints: [] }));
  assert.deepEqual({ ...zone.size }, { services: 0, slices: 0 });
});

test("createClusterZone takes back what was derived from an object, and from nothing else", () => {
  const zone = exampleZone();
  const validityOf = (name: string) => zone.lookUp(name.split("."), "A")?.validity;
  const web = validityOf("web.default.svc.cluster.local");
  const headless = validityOf(HEADLESS);
  const pet = validityOf(`no.${HEADLESS}`);
  const absent = validityOf("late.default.svc.cluster.local");
  zone.setSlice(sliceObject({ service: "default/headless", endpoints: [] }));
  assert.deepEqual([web?.valid, headless?.valid, pet?.valid, absent?.valid], [true, false, false, true]);
  zone.setService(serviceObject("default/late", { clusterIP: "10.3.0.7" }));
  assert.deepEqual([web?.valid, absent?.valid], [true, false]);
});
