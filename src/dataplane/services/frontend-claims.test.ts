import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/ip-address.ts";
import type { ServicePort } from "#service/service-port.ts";
import {
  conflictsOf,
  type FrontendClaims,
  keepClaims,
  ownerOf,
  planClaims,
  usableFrontends,
} from "./frontend-claims.ts";

test("usableFrontends names frontends as users know them, and takes each once", () => {
  const port: ServicePort = {
    id: "default/web:http/TCP/4",
    family: 4,
    protocol: "TCP",
    cluster: [],
    local: [],
    frontends: [
      { kind: "clusterIP", address: parseAddress("10.96.0.1"), port: 80, traffic: "cluster" },
      { kind: "externalIP", address: parseAddress("10.96.0.1"), port: 80, traffic: "local" },
      { kind: "nodePort", port: 30080, traffic: "cluster" },
      { kind: "loadBalancer", port: 80, traffic: "cluster" },
    ],
  };
  assert.deepEqual([...usableFrontends(port).keys()], ["10.96.0.1:80/TCP", "nodePort 30080/TCP"]);
  assert.equal(usableFrontends(port).get("10.96.0.1:80/TCP")?.kind, "clusterIP");
  const six: ServicePort = {
    ...port,
    family: 6,
    frontends: [
      { kind: "clusterIP", address: parseAddress("fd00::1"), port: 80, traffic: "cluster" },
      { kind: "nodePort", port: 30080, traffic: "cluster" },
    ],
  };
  assert.deepEqual([...usableFrontends(six).keys()], ["[fd00::1]:80/TCP", "nodePort 30080/TCP/6"]);
});

test("planClaims gives a frontend to the id that comes first, and to the next when that one goes", () => {
  const claims: FrontendClaims = new Map();
  const step = (id: string, before: readonly string[], after: readonly string[]) =>
    keepClaims(claims, planClaims(claims, [{ id, before, after }]));
  step("b", [], ["x", "y"]);
  step("c", [], ["x"]);
  step("a", [], ["x"]);
  assert.equal(ownerOf(claims.get("x")), "a");
  assert.deepEqual(
    conflictsOf("x", claims.get("x")).map(({ id, owner }) => `${id} ${owner}`),
    ["b a", "c a"],
  );
  step("a", ["x"], []);
  assert.equal(ownerOf(claims.get("x")), "b");
  step("b", ["x", "y"], ["y"]);
  assert.equal(ownerOf(claims.get("x")), "c");
  step("c", ["x"], []);
  assert.deepEqual([...claims], [["y", "b"]]);
});

test("planClaims comes to the same owners by any way", () => {
  const frontends = fc.uniqueArray(fc.constantFrom("x", "y", "z"));
  const steps = fc.array(fc.record({ id: fc.constantFrom("a", "b", "c", "d"), after: frontends }));
  fc.assert(
    fc.property(steps, (changes) => {
      const claims: FrontendClaims = new Map();
      const wants = new Map<string, readonly string[]>();
      for (const { id, after } of changes) {
        keepClaims(claims, planClaims(claims, [{ id, before: wants.get(id) ?? [], after }]));
        wants.set(id, after);
      }
      for (const frontend of ["x", "y", "z"]) {
        const claimants = [...wants].flatMap(([id, wanted]) => (wanted.includes(frontend) ? [id] : [])).toSorted();
        assert.equal(ownerOf(claims.get(frontend)), claimants[0]);
        assert.equal(conflictsOf(frontend, claims.get(frontend)).length, Math.max(0, claimants.length - 1));
      }
    }),
  );
});
