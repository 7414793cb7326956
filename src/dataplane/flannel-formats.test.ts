import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { formatMacAddress, parseMacAddress } from "#base/mac-address.ts";
import { BACKENDS } from "./contract.ts";
import {
  annotationKeyPrefix,
  formatAnnotations,
  formatBackendData,
  formatSubnetFile,
  parseAnnotations,
  parseBackendData,
} from "./flannel-formats.ts";

const node = {
  backend: "vxlan",
  publicAddresses: { 4: parseAddress("192.168.50.2"), 6: parseAddress("fd00:50::2") },
  vteps: {
    4: { vni: 1, mac: parseMacAddress("ee:91:d3:3c:25:e7") },
    6: { vni: 1, mac: parseMacAddress("9a:c7:e2:82:54:af") },
  },
} as const;

/** Keys, order and JSON as in the source of flanneld 0.28. */
const GOLDEN = {
  "flannel.alpha.coreos.com/kube-subnet-manager": "true",
  "flannel.alpha.coreos.com/backend-type": "vxlan",
  "flannel.alpha.coreos.com/public-ip": "192.168.50.2",
  "flannel.alpha.coreos.com/backend-data": '{"VNI":1,"VtepMAC":"ee:91:d3:3c:25:e7"}',
  "flannel.alpha.coreos.com/public-ipv6": "fd00:50::2",
  "flannel.alpha.coreos.com/backend-v6-data": '{"VNI":1,"VtepMAC":"9a:c7:e2:82:54:af"}',
} as const;

test("annotations are Flannel's, both ways", () => {
  assert.deepEqual(formatAnnotations(node), GOLDEN);
  assert.deepEqual(parseAnnotations(GOLDEN), node);
});

for (const backend of BACKENDS) {
  test(`annotations of ${backend} come back as they were`, () => {
    const announcement = { ...node, backend };
    const { vteps: _, ...withoutVteps } = announcement;
    const given = backend === "vxlan" ? announcement : withoutVteps;
    assert.deepEqual(parseAnnotations(formatAnnotations(given, "example.com/net"), "example.com/net"), given);
  });
}

test("annotations without VTEPs have null as data, and udp an empty type", () => {
  const written = formatAnnotations({ backend: "udp", publicAddresses: { 4: parseAddress("10.0.0.1") } });
  assert.equal(written["flannel.alpha.coreos.com/backend-type"], "");
  assert.equal(written["flannel.alpha.coreos.com/backend-data"], "null");
});

test("parseAnnotations takes the overwritten address, and nothing from a node without Flannel", () => {
  const natted = { ...GOLDEN, "flannel.alpha.coreos.com/public-ip-overwrite": "203.0.113.7" };
  assert.equal(parseAnnotations(natted)?.publicAddresses[4], "203.0.113.7");
  assert.equal(parseAnnotations({}), undefined);
});

const WRONG = [
  ["backend-type", "wireguard", /none of vxlan, host-gw, udp/],
  ["public-ip", "192.168.50", /neither IPv4 nor IPv6/],
  ["backend-data", '{"VNI":1,"VtepMAC":"zz"}', /aa:bb:cc:dd:ee:ff/],
  ["backend-data", "{", /JSON/],
] as const;
for (const [name, value, reason] of WRONG) {
  test(`parseAnnotations names ${name} when it is ${JSON.stringify(value)}`, () => {
    const annotations = { ...GOLDEN, [`flannel.alpha.coreos.com/${name}`]: value };
    assert.throws(
      () => parseAnnotations(annotations),
      (error) =>
        error instanceof Error &&
        error.message.includes(`flannel.alpha.coreos.com/${name}`) &&
        reason.test(error.message),
    );
  });
}

const PREFIXES = [
  [undefined, "flannel.alpha.coreos.com/"],
  ["example.com", "example.com/"],
  ["example.com/", "example.com/"],
  ["example.com/net", "example.com/net-"],
  ["example.com/net-", "example.com/net-"],
] as const;
for (const [prefix, key] of PREFIXES) {
  test(`annotationKeyPrefix of ${prefix}`, () => assert.equal(annotationKeyPrefix(prefix), key));
}
for (const prefix of ["", "a/b/c", "Example.com", "example.com/Net", "example"]) {
  test(`annotationKeyPrefix refuses ${JSON.stringify(prefix)}`, () => {
    assert.throws(() => annotationKeyPrefix(prefix), /annotation prefix/);
  });
}

test("back end data comes back as it was", () => {
  const macs = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => formatMacAddress(bytes));
  const vteps = fc.record({ vni: fc.integer({ min: 1, max: 0xffffff }), mac: macs });
  fc.assert(fc.property(vteps, (vtep) => assert.deepEqual(parseBackendData(formatBackendData(vtep)), { ...vtep })));
  for (const nothing of ["", "null", "{}"]) assert.equal(parseBackendData(nothing), undefined);
});

test("formatSubnetFile writes subnet.env as flanneld does", () => {
  const [network4, network6] = [parsePrefix("10.244.0.0/16"), parsePrefix("fd00:10:244::/48")];
  const text = formatSubnetFile({
    networks: { 4: network4, 6: network6 },
    podPrefixes: { 4: parsePrefix("10.244.1.0/24"), 6: parsePrefix("fd00:10:244:1::/64") },
    mtuBytes: 1450,
    ipMasq: true,
  });
  assert.equal(
    text,
    `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_IPV6_NETWORK=fd00:10:244::/48
FLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`,
  );
});
