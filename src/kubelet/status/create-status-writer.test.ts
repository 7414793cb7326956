import assert from "node:assert/strict";
import { test } from "node:test";
import { pod } from "#api/kinds/pod/pod.ts";
import { applyStrategicMergePatch } from "#api/patch/strategic-merge-patch.ts";
import type { JsonObject } from "#base/json.ts";
import { withoutOld } from "./create-status-writer.ts";

const addresses = (...ips: readonly string[]) => ips.map((ip) => ({ ip }));

test("withoutOld takes away the addresses and words of an earlier sandbox, and keeps others' conditions", () => {
  const gate = { type: "example.com/gate", status: "True" } as const;
  const old = {
    podIP: "10.0.0.2",
    podIPs: addresses("10.0.0.2", "fd00::2"),
    hostIPs: addresses("192.0.2.1"),
    reason: "Evicted",
    conditions: [gate],
  };
  const status = { podIP: "10.0.0.9", podIPs: addresses("10.0.0.9", "fd00::9"), hostIPs: addresses("192.0.2.7") };
  // Made of JSON only.
  const patch = { status: withoutOld(status, old) } as JsonObject;
  const changed = applyStrategicMergePatch(pod.schema, { status: old }, patch);
  assert.deepEqual(changed["status"], { ...status, conditions: [gate] });
});
