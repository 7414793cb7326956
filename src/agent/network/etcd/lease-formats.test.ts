import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigIntToAddress, networkOf, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { formatMacAddress, parseMacAddress } from "#base/mac-address.ts";
import { BACKENDS } from "#dataplane/contract.ts";
import type { Announcement } from "../cluster-network.ts";
import { formatLease, leaseKey, DEFAULT_ETCD_PREFIX as P, parseLease, parseLeaseKey } from "./lease-formats.ts";

/** Keys and values as in the source of flanneld 0.28. */
test("leases are Flannel's, both ways", () => {
  const subnets = { 4: parsePrefix("10.5.34.0/24"), 6: parsePrefix("fd00:12:13::/64") };
  assert.equal(leaseKey(P, subnets), "/coreos.com/network/subnets/10.5.34.0-24&fd00:12:13::-64");
  assert.deepEqual(parseLeaseKey(P, leaseKey(P, subnets)), subnets);
  const announcement: Announcement = {
    backend: "vxlan",
    publicAddresses: { 4: parseAddress("192.168.50.2"), 6: undefined },
    receives: ["vxlan"],
    vteps: { 4: { vni: 1, mac: parseMacAddress("ee:91:d3:3c:25:e7") }, 6: undefined },
  };
  const text =
    '{"PublicIP":"192.168.50.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"ee:91:d3:3c:25:e7"}}';
  assert.equal(formatLease(announcement), text);
  assert.deepEqual(parseLease(text), announcement);
});

test("a lease of udp names no back end", () => {
  const lease = formatLease({ backend: "udp", publicAddresses: { 4: parseAddress("10.0.0.1") }, receives: ["udp"] });
  assert.equal(lease, '{"PublicIP":"10.0.0.1","PublicIPv6":null}');
  assert.equal(parseLease(lease).backend, "udp");
});

test("parseLeaseKey finds no subnets in other keys", () => {
  for (const key of [
    `${P}/config`,
    `${P}/subnets/`,
    `${P}/subnets/10.5.34.0-99`,
    `${P}/subnets/10.5.34.0-24&10.5.35.0-24`,
    "x",
  ]) {
    assert.equal(parseLeaseKey(P, key), undefined, key);
  }
});

test("parseLease gives back what formatLease was given", () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(formatMacAddress);
  const vtep = fc.option(fc.record({ vni: fc.integer({ min: 1, max: 0xffffff }), mac }, { noNullPrototype: true }), {
    nil: undefined,
  });
  const both = <T>(arbitrary: fc.Arbitrary<T>) => fc.record({ 4: arbitrary, 6: arbitrary }, { noNullPrototype: true });
  const address = (family: 4 | 6) =>
    fc
      .option(fc.bigInt({ min: 1n, max: (1n << (family === 4 ? 32n : 64n)) - 1n }), { nil: undefined })
      .map((value) =>
        value === undefined ? undefined : bigIntToAddress(family, family === 4 ? value : (0xfd00n << 112n) + value),
      );
  const publicAddresses = fc.record({ 4: address(4), 6: address(6) }, { noNullPrototype: true });
  fc.assert(
    fc.property(
      fc.constantFrom(...BACKENDS),
      fc.subarray([...BACKENDS]),
      publicAddresses,
      both(vtep),
      (backend, more, addresses, vteps) => {
        const receives = [backend, ...more.filter((one) => one !== backend)];
        const announcement = {
          backend,
          publicAddresses: addresses,
          receives,
          ...(receives.includes("vxlan") && { vteps }),
        };
        assert.deepEqual(parseLease(formatLease(announcement)), announcement);
      },
    ),
  );
});

test("keys of any subnets come back as they were", () => {
  const prefix4 = fc
    .tuple(fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }), fc.integer({ min: 1, max: 30 }))
    .map(([value, length]) => networkOf({ family: 4, address: bigIntToAddress(4, value), length }));
  const prefix6 = fc
    .tuple(fc.bigInt({ min: 1n << 112n, max: (1n << 128n) - 1n }), fc.integer({ min: 16, max: 126 }))
    .map(([value, length]) => networkOf({ family: 6, address: bigIntToAddress(6, value), length }));
  fc.assert(
    fc.property(prefix4, prefix6, (ipv4, ipv6) => {
      for (const subnets of [{ 4: ipv4 }, { 6: ipv6 }, { 4: ipv4, 6: ipv6 }]) {
        assert.deepEqual(parseLeaseKey(P, leaseKey(P, subnets)), subnets);
      }
    }),
  );
});

test("parseLease throws an Error at whatever else comes, and ends", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        assert.ok(BACKENDS.includes(parseLease(text).backend));
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }),
  );
});
