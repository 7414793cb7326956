/** Which VLANs a pod's port is in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readBridgeConfig } from "./bridge-config.ts";
import { planPortVlans } from "./vlan.ts";

const VLAN_1 = { vid: 1 };

for (const { config, removed, added } of [
  { config: {}, removed: [], added: [] },
  { config: { preserveDefaultVlan: true }, removed: [], added: [] },
  { config: { vlan: 100 }, removed: [VLAN_1], added: [{ vid: 100, pvid: true, untagged: true }] },
  { config: { vlan: 1 }, removed: [], added: [{ vid: 1, pvid: true, untagged: true }] },
  {
    config: { vlan: 100, preserveDefaultVlan: true },
    removed: [],
    added: [{ vid: 100, pvid: true, untagged: true }],
  },
  { config: { vlanTrunk: [{ id: 30 }] }, removed: [VLAN_1], added: [{ vid: 30 }] },
  { config: { vlanTrunk: [{ minID: 7, maxID: 7 }] }, removed: [VLAN_1], added: [{ vid: 7 }] },
  {
    config: { vlan: 5, vlanTrunk: [{ minID: 10, maxID: 20 }, { id: 30 }] },
    removed: [VLAN_1],
    added: [{ vid: 10, vidEnd: 20 }, { vid: 30 }, { vid: 5, pvid: true, untagged: true }],
  },
] as const) {
  test(`planPortVlans of ${JSON.stringify(config)}`, () => {
    const json = { name: "net", type: "bridge", ...config };
    const read = readBridgeConfig({ config: { cniVersion: "1.1.0", name: "net", type: "bridge", json }, args: "" });
    assert.deepEqual(planPortVlans(read), { removed, added });
  });
}
