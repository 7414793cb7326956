import assert from "node:assert/strict";
import { test } from "node:test";
import { commentText, logPrefix, podChain, policyChain } from "./object-names.ts";

test("names are those of the objects where nft can read them, and a hash where it cannot", () => {
  assert.equal(podChain("default/web-1.x", "egress"), "egress/default/web-1.x");
  assert.equal(policyChain("networkpolicy/shop/allow", "ingress"), "networkpolicy/shop/allow/ingress");
  assert.match(podChain("default/a:b", "egress"), /^egress\/default\/a_b-[0-9a-f]{16}$/);
});

test("names of two things differ, however long they are and however alike they look", () => {
  const long = "x".repeat(253);
  const names = [`${long}a`, `${long}b`, "a:b", "a_b"].map((name) => podChain(`default/${name}`, "ingress"));
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.ok(name.length <= 200, name);
});

test("comments and prefixes have room in the kernel", () => {
  const long = `networkpolicy/${"n".repeat(63)}/${"é".repeat(253)} ingress 0`;
  assert.ok(Buffer.byteLength(commentText(long)) <= 250);
  assert.notEqual(commentText(`${long}1`), commentText(`${long}2`));
  assert.ok(logPrefix("ingress", long).length <= 63);
});
