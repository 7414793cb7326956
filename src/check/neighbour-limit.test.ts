import assert from "node:assert/strict";
import { test } from "node:test";
import { readNeighbourLimit, sameNodePeers } from "./neighbour-limit.ts";

test("sameNodePeers: all where they fit, fewer where the kernel's table would overflow", () => {
  assert.equal(sameNodePeers(1024, [2, 2]), undefined);
  assert.equal(sameNodePeers(1024, [19, 19]), undefined); // 760 entries
  assert.equal(sameNodePeers(1024, [20, 20]), 9); // 840 entries would not fit below 819
  for (const [nodes, pods] of [
    [20, 10],
    [10, 20],
    [2, 100],
  ] as const) {
    const peers =
      sameNodePeers(
        1024,
        Array.from({ length: nodes }, () => pods),
      ) ?? assert.fail();
    assert.equal(peers, 1);
    assert.ok(nodes * pods * (2 * peers + 2) <= 1024);
  }
});

test("readNeighbourLimit gives a number, also where the kernel does not show it", () => {
  assert.ok(readNeighbourLimit() > 0);
});
