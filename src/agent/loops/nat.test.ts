import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListedElement } from "#dataplane/nat/apply.ts";
import type { HostPort, NatState } from "#dataplane/nat/nat-state.ts";
import { ownerComment, planElements } from "#dataplane/nat/plan.ts";
import type { LedgerRecord, Phase } from "../ledger.ts";
import { planNatRepair } from "./nat.ts";

const subnet = "10.1.0.0/16";
const port: HostPort = {
  protocol: "tcp",
  hostPort: 8080,
  address: "10.1.0.2",
  containerPort: 80,
  snat: "hairpin",
  subnet,
};
const state: NatState = { masquerades: [{ address: "10.1.0.2", subnet }], hostPorts: [port] };

function record(containerId: string, nat: NatState | undefined, phase: Phase = "added"): LedgerRecord {
  const attachment = { network: "net", containerId, ifname: "eth0" };
  const input = { plugin: "bridge", epoch: "e", netns: "/n", args: "", path: "", config: {} };
  return { ...attachment, ...input, phase, facts: nat && { nat } };
}

const elementsOf = (one: LedgerRecord, nat: NatState): readonly ListedElement[] => planElements(ownerComment(one), nat);

test("planNatRepair has nothing to do when ledger and kernel agree", () => {
  const a = record("a", state);
  assert.deepEqual(planNatRepair([a, record("b", undefined)], elementsOf(a, state)), { restore: [], remove: [] });
});

test("planNatRepair restores an attachment when any of its elements is missing or differs", () => {
  const a = record("a", state);
  const present = elementsOf(a, state);
  assert.equal(present.length, 3);
  for (const index of present.keys()) {
    assert.deepEqual(planNatRepair([a], present.toSpliced(index, 1)), { restore: [a], remove: [] });
    const changed = present.map((element, at) => (at === index ? { ...element, data: Uint8Array.of(1) } : element));
    assert.deepEqual(planNatRepair([a], changed), { restore: [a], remove: [] });
    const renamed = present.map((element, at) => (at === index ? { ...element, comment: "net/gone/eth0" } : element));
    assert.deepEqual(planNatRepair([a], renamed), { restore: [a], remove: [] });
  }
});

test("planNatRepair removes what nobody owns", () => {
  const a = record("a", state);
  const b = record("b", { masquerades: [{ address: "10.1.0.9", subnet }], hostPorts: [] });
  const stray = elementsOf(b, b.facts?.nat ?? state);
  assert.deepEqual(planNatRepair([a], [...elementsOf(a, state), ...stray]), { restore: [], remove: stray });
});

for (const phase of ["adding", "deleting"] as const) {
  test(`planNatRepair leaves alone what an attachment that is ${phase} has`, () => {
    const a = record("a", state, phase);
    assert.deepEqual(planNatRepair([a], elementsOf(a, state)), { restore: [], remove: [] });
    assert.deepEqual(planNatRepair([a], []), { restore: [], remove: [] });
  });
}

test("planNatRepair takes an address that two attachments want for the later one's, and comes to an end", () => {
  const masquerade: NatState = { masquerades: [{ address: "10.1.0.2", subnet }], hostPorts: [] };
  const [first, second] = [record("first", masquerade), record("second", masquerade)];
  assert.deepEqual(planNatRepair([first, second], elementsOf(first, masquerade)).restore, [second]);
  assert.deepEqual(planNatRepair([first, second], elementsOf(second, masquerade)), { restore: [], remove: [] });
});
