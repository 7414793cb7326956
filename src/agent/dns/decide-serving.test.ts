import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { serviceObject, sliceObject } from "#dns/testing/dns-objects.ts";
import { decideServing, MANAGED_BY, MANAGED_BY_LABEL } from "./decide-serving.ts";

const service = serviceObject("kube-system/kube-dns", { clusterIP: "10.96.0.10" });
const slice = sliceObject({ service: "kube-system/kube-dns", endpoints: [{ address: "10.244.0.5" }] });
const { metadata } = slice;
const ours = { ...slice, metadata: { ...metadata, labels: { ...metadata.labels, [MANAGED_BY_LABEL]: MANAGED_BY } } };
const own = parseAddress("10.96.0.10");
const told = parseAddress("10.3.0.10");

test("decideServing serves at the Service's address, or where it was told to", () => {
  assert.deepEqual(decideServing({ addresses: [], service, slices: [ours] }), { state: "on", addresses: [own] });
  assert.deepEqual(decideServing({ addresses: [told], service, slices: [] }), { state: "on", addresses: [told] });
  assert.deepEqual(decideServing({ addresses: [told], service: undefined, slices: [] }).state, "on");
});

test("decideServing stays off where others serve, and where nobody is expected to", () => {
  const others = decideServing({ addresses: [told], service, slices: [ours, slice] });
  assert.ok(others.state === "off" && /served by others, such as 10\.244\.0\.5/.test(others.reason));
  assert.equal(decideServing({ addresses: [], service: undefined, slices: [] }).state, "off");
  const headless = serviceObject("kube-system/kube-dns", { clusterIP: "None" });
  assert.equal(decideServing({ addresses: [], service: headless, slices: [] }).state, "off");
  assert.equal(decideServing({ addresses: [], service, slices: [{ ...slice, endpoints: [] }] }).state, "on");
});
