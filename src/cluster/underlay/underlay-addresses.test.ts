import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import {
  gatewayAddresses,
  hostAddresses,
  hostLinkName,
  MAX_NODES,
  macOfAddress,
  nodeAddresses,
} from "./underlay-addresses.ts";

const subnets = { 4: parsePrefix("10.213.3.0/24"), 6: parsePrefix("fd00:213:3::/64") };

test("addresses read the same in both families", () => {
  assert.deepEqual(hostAddresses(subnets), { 4: "10.213.3.1", 6: "fd00:213:3::1" });
  assert.deepEqual(nodeAddresses(subnets, 0), { 4: "10.213.3.10", 6: "fd00:213:3::10" });
  assert.deepEqual(nodeAddresses(subnets, MAX_NODES - 1), { 4: "10.213.3.253", 6: "fd00:213:3::253" });
  assert.deepEqual(gatewayAddresses(subnets), { 4: "10.213.3.254", 6: "fd00:213:3::254" });
  assert.deepEqual(hostAddresses({ 4: subnets[4], 6: undefined }), { 4: "10.213.3.1", 6: undefined });
});

test("nodeAddresses refuses a node that there is no address for", () => {
  for (const index of [-1, MAX_NODES, 1.5]) assert.throws(() => nodeAddresses(subnets, index), RangeError);
});

test("macOfAddress is one unicast address of our own for each IPv4 address", () => {
  assert.equal(macOfAddress(parseAddress("10.213.3.10")), "02:50:0a:d5:03:0a");
});

test("hostLinkName fits a link's name and stays unique", () => {
  assert.equal(hostLinkName("podwire"), "pw-podwire");
  assert.equal(hostLinkName("exactly-12ch"), "pw-exactly-12ch");
  const long = ["my-long-cluster-name-a", "my-long-cluster-name-b"].map(hostLinkName);
  assert.equal(new Set(long).size, 2);
  for (const name of long) assert.match(name, /^pw-my-long-[0-9a-f]{5}$|^pw-my-long[-c][0-9a-f]{4}$/);
  for (const name of long) assert.ok(name.length <= 15);
});
