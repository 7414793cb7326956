import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BACKENDS, type Backend } from "#dataplane/contract.ts";
import { type BackendOffer, chooseBackend, neededBackends } from "./choose-backend.ts";

const only = (backend: Backend): BackendOffer => ({ backend, receives: [backend] });
const offer = (backend: Backend, ...more: readonly Backend[]): BackendOffer => ({
  backend,
  receives: [backend, ...more],
});

const CASES: readonly (readonly [BackendOffer, BackendOffer, boolean, Backend])[] = [
  [only("vxlan"), only("vxlan"), true, "vxlan"],
  [only("udp"), only("udp"), false, "udp"],
  [only("host-gw"), only("host-gw"), true, "host-gw"],
  // Routing is not possible: by the tunnel that both have, and that one alone.
  [offer("host-gw", "vxlan"), offer("host-gw", "vxlan"), false, "vxlan"],
  [offer("host-gw", "vxlan"), only("host-gw"), false, "host-gw"],
  // One of them has changed already.
  [offer("host-gw", "vxlan"), only("vxlan"), true, "host-gw"],
  [only("vxlan"), offer("host-gw", "vxlan"), true, "host-gw"],
  [offer("host-gw", "vxlan"), only("vxlan"), false, "vxlan"],
  [offer("udp", "vxlan"), only("vxlan"), true, "vxlan"],
  [only("vxlan"), offer("udp", "vxlan"), true, "vxlan"],
  [offer("udp", "vxlan"), offer("udp", "vxlan"), true, "udp"],
  // flanneld of another back end: what it can take.
  [offer("vxlan", "udp"), only("udp"), true, "udp"],
];

for (const [own, peer, isDirect, expected] of CASES) {
  const title = `${own.receives.join("+")} and ${peer.receives.join("+")}${isDirect ? "" : " behind a router"}`;
  test(`chooseBackend: ${title} talk by ${expected}`, () => {
    assert.equal(chooseBackend(own, peer, isDirect), expected);
  });
}

const backend = fc.constantFrom(...BACKENDS);

test("both ends come to the same, whatever they announce, as soon as each knows what the other needs", () => {
  fc.assert(
    fc.property(backend, backend, fc.boolean(), (one, other, isDirect) => {
      const a = { backend: one, receives: neededBackends(one, [{ backend: other, isDirect }]) };
      const b = { backend: other, receives: neededBackends(other, [{ backend: one, isDirect }]) };
      const chosen = chooseBackend(a, b, isDirect);
      assert.equal(chosen, chooseBackend(b, a, isDirect));
      assert.ok(chosen === "host-gw" ? isDirect : a.receives.includes(chosen) && b.receives.includes(chosen));
    }),
  );
});

test("a node runs every back end by which it may send", () => {
  const peer = fc.record({ backend, more: fc.subarray([...BACKENDS]), isDirect: fc.boolean() });
  fc.assert(
    fc.property(backend, fc.array(peer), (own, peers) => {
      const receives = neededBackends(own, peers);
      assert.equal(receives[0], own);
      for (const { backend: theirs, more, isDirect } of peers) {
        const chosen = chooseBackend({ backend: own, receives }, offer(theirs, ...more), isDirect);
        assert.ok(receives.includes(chosen), `${chosen} of ${receives.join()}`);
      }
    }),
  );
});
