import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatMacAddress, parseMacAddress } from "#base/mac-address.ts";
import { BACKENDS } from "#dataplane/contract.ts";
import { FlannelFormatError } from "#dataplane/flannel-formats.ts";
import type { Announcement } from "./cluster-network.ts";
import { addReceives, formatReceives } from "./receives.ts";

const mac = parseMacAddress("ee:91:d3:3c:25:e7");
const publicAddresses = {};

test("a node that is reached as it announces has no annotation of ours", () => {
  assert.equal(formatReceives({ backend: "vxlan", publicAddresses, receives: ["vxlan"] }), undefined);
  const plain = { backend: "vxlan", publicAddresses } as const;
  for (const text of [undefined, ""]) assert.deepEqual(addReceives(plain, text), { ...plain, receives: ["vxlan"] });
});

test("formatReceives tells the VTEPs that Flannel's annotations have no place for", () => {
  const announcement: Announcement = {
    backend: "host-gw",
    publicAddresses,
    receives: ["host-gw", "vxlan"],
    vteps: { 4: { vni: 1, mac } },
  };
  assert.equal(formatReceives(announcement), '{"backends":["vxlan"],"vtep":{"VNI":1,"VtepMAC":"ee:91:d3:3c:25:e7"}}');
});

test("addReceives gives back what formatReceives was given", () => {
  const vtep = fc
    .record({ vni: fc.integer({ min: 1, max: 0xffffff }), mac: fc.uint8Array({ minLength: 6, maxLength: 6 }) })
    .map((one) => ({ vni: one.vni, mac: formatMacAddress(one.mac) }));
  const arbitrary = fc.record({
    backend: fc.constantFrom(...BACKENDS),
    others: fc.subarray([...BACKENDS]),
    vteps: fc.record(
      { 4: fc.option(vtep, { nil: undefined }), 6: fc.option(vtep, { nil: undefined }) },
      { noNullPrototype: true },
    ),
  });
  fc.assert(
    fc.property(arbitrary, ({ backend, others, vteps }) => {
      const receives = [backend, ...others.filter((one) => one !== backend)];
      const hasVteps = receives.includes("vxlan");
      const announcement = { backend, publicAddresses, receives, ...(hasVteps && { vteps }) };
      const flannel = { backend, publicAddresses, ...(backend === "vxlan" && { vteps }) };
      assert.deepEqual(addReceives(flannel, formatReceives(announcement)), announcement);
    }),
  );
});

test("addReceives refuses what it cannot read with FlannelFormatError and nothing else", () => {
  const plain = { backend: "host-gw", publicAddresses } as const;
  for (const text of [
    "{",
    "[]",
    "{}",
    '{"backends":["vxlan"],"vtep":{"VtepMAC":"x"}}',
    '{"backends":["vxlan"],"vtep":7}',
  ]) {
    assert.throws(() => addReceives(plain, text), FlannelFormatError, text);
  }
  fc.assert(
    fc.property(fc.oneof(fc.string({ minLength: 1 }), fc.json()), (text) => {
      try {
        addReceives(plain, text);
      } catch (error) {
        assert.ok(error instanceof FlannelFormatError);
      }
    }),
  );
});
