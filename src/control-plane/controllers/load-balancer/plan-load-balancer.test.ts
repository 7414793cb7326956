import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { sampleService } from "#service/testing/sample-service.ts";
import { createAddressPool } from "./address-pool.ts";
import { planLoadBalancer } from "./plan-load-balancer.ts";

function balanced(uid: string, spec: JsonObject = {}, ips: readonly string[] = []) {
  const metadata = { namespace: "default", name: uid, uid };
  const status = { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } };
  return sampleService({ type: "LoadBalancer", ...spec }, { metadata, status });
}

const poolOf = (...texts: readonly string[]) => createAddressPool(texts.map(parsePrefix));
const addresses = (plan: ReturnType<typeof planLoadBalancer>): readonly (string | undefined)[] | string =>
  plan.type === "assign" ? plan.ingress.map(({ ip }) => ip) : plan.type;

test("planLoadBalancer gives each Service an address of its own, never the network's or the broadcast address", () => {
  const pool = poolOf("192.0.2.0/30");
  assert.deepEqual(addresses(planLoadBalancer(balanced("a"), pool)), ["192.0.2.1"]);
  assert.deepEqual(addresses(planLoadBalancer(balanced("b"), pool)), ["192.0.2.2"]);
  assert.equal(addresses(planLoadBalancer(balanced("c"), pool)), "unavailable");
  pool.release("a");
  assert.deepEqual(addresses(planLoadBalancer(balanced("c"), pool)), ["192.0.2.1"]);
});

test("planLoadBalancer keeps what a Service has, and takes what it asks for", () => {
  const pool = poolOf("192.0.2.0/24");
  assert.equal(addresses(planLoadBalancer(balanced("a", {}, ["192.0.2.77"]), pool)), "none");
  assert.deepEqual(addresses(planLoadBalancer(balanced("b", { loadBalancerIP: "192.0.2.9" }), pool)), ["192.0.2.9"]);
  assert.equal(addresses(planLoadBalancer(balanced("c", { loadBalancerIP: "192.0.2.9" }), pool)), "unavailable");
  assert.equal(addresses(planLoadBalancer(balanced("c", { loadBalancerIP: "198.51.100.1" }), pool)), "unavailable");
  const moved = balanced("a", { loadBalancerIP: "192.0.2.8" }, ["192.0.2.77"]);
  assert.deepEqual(addresses(planLoadBalancer(moved, pool)), ["192.0.2.8"]);
  assert.equal(pool.ownerOf(parseAddress("192.0.2.77")), undefined);
});

test("planLoadBalancer gives one address of each family that the pool has", () => {
  const dual = { ipFamilies: ["IPv6", "IPv4"], ipFamilyPolicy: "PreferDualStack" };
  assert.deepEqual(addresses(planLoadBalancer(balanced("a", dual), poolOf("192.0.2.0/24", "2001:db8::/64"))), [
    "2001:db8::1",
    "192.0.2.1",
  ]);
  assert.deepEqual(addresses(planLoadBalancer(balanced("a", dual), poolOf("192.0.2.0/24"))), ["192.0.2.1"]);
});

test("planLoadBalancer leaves other classes alone, and takes its addresses back from other types", () => {
  const pool = poolOf("192.0.2.0/24");
  assert.equal(addresses(planLoadBalancer(balanced("a", { loadBalancerClass: "example.com/lb" }), pool)), "none");
  assert.deepEqual(addresses(planLoadBalancer(balanced("a", { loadBalancerClass: "podwire.io/local" }), pool)), [
    "192.0.2.1",
  ]);
  const former = balanced("a", { type: "ClusterIP" }, ["192.0.2.1"]);
  assert.deepEqual(addresses(planLoadBalancer(former, pool)), []);
  assert.equal(pool.ownerOf(parseAddress("192.0.2.1")), undefined);
  assert.equal(addresses(planLoadBalancer(balanced("a", { type: "ClusterIP" }), pool)), "none");
});

test("an address pool never gives one address to two", () => {
  const step = fc.record({ owner: fc.constantFrom("a", "b", "c", "d"), release: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const pool = poolOf("192.0.2.0/29");
      const held = new Map<string, Set<string>>();
      for (const { owner, release } of steps) {
        const own = held.get(owner) ?? new Set();
        held.set(owner, own);
        if (release) {
          pool.release(owner);
          own.clear();
          continue;
        }
        const address = pool.takeAny(owner, 4);
        const all = [...held.values()].flatMap((set) => [...set]);
        if (address === undefined) assert.equal(all.length, 6);
        else assert.ok(!all.includes(address));
        if (address !== undefined) own.add(address);
      }
    }),
  );
});
