import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { AccessPod } from "#trace/cluster-access.ts";
import { choosePods, stayingPods } from "./choose-pods.ts";

function pod(name: string, change: Partial<AccessPod> = {}): AccessPod {
  const ips = [parseAddress("10.244.0.2")];
  const base = { namespace: "default", name, uid: name, node: "n", ips, netnsPath: "/x", isHostNetwork: false };
  return { ...base, phase: "Running", ...change };
}

test("choosePods takes pods that run and are not being deleted, and says why of the others that could be expected", () => {
  const { pods, skipped } = choosePods([
    pod("runs"),
    pod("old", { phase: undefined }),
    pod("new", { phase: "Pending" }),
    pod("leaving", { isBeingDeleted: true }),
    pod("ended", { phase: "Succeeded" }),
    pod("broken", { phase: "Failed", isBeingDeleted: true }),
  ]);
  assert.deepEqual(
    pods.map(({ name }) => name),
    ["runs", "old"],
  );
  assert.deepEqual(skipped, [
    { pod: "default/new", reason: "its phase is Pending" },
    { pod: "default/leaving", reason: "being deleted" },
  ]);
});

test("stayingPods leaves out those that are gone, leave, have ended, or have another sandbox", () => {
  const chosen = ["stays", "gone", "leaves", "ended", "moved", "again", "unseen"].map((name) => pod(name));
  const { pods, skipped } = stayingPods(chosen, [
    pod("stays"),
    pod("gone", { uid: "another" }),
    pod("leaves", { isBeingDeleted: true }),
    pod("ended", { phase: "Succeeded" }),
    pod("moved", { ips: [parseAddress("10.244.0.3")] }),
    pod("again", { netnsPath: "/y" }),
    pod("unseen", { netnsPath: undefined }), // containerd does not answer now
  ]);
  assert.deepEqual(
    pods.map(({ name }) => name),
    ["stays", "unseen"],
  );
  assert.deepEqual(
    skipped.map(({ pod: name, reason }) => `${name} ${reason}`),
    [
      "default/gone went away during the check",
      "default/leaves being deleted since the check began",
      "default/ended its phase is Succeeded since the check began",
      "default/moved got another sandbox during the check",
      "default/again got another sandbox during the check",
    ],
  );
});
