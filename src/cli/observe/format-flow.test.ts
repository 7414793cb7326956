import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flow } from "#agent/observe/flow.ts";
import { parseAddress } from "#base/ip-address.ts";
import { isWanted } from "./filter-flow.ts";
import { formatFlow } from "./format-flow.ts";
import { type FlowSource, readFlows } from "./read-flows.ts";

const FLOW: Flow = {
  kind: "flow",
  timeMicros: Date.UTC(2026, 0, 1, 10, 11, 12, 345) * 1000,
  node: "node-1",
  hop: "cni0 → flannel.1",
  verdict: "dropped",
  protocol: "TCP",
  source: { address: parseAddress("10.244.1.2"), port: 40_000, pod: "default/client" },
  destination: { address: parseAddress("10.244.2.2"), port: 80, pod: "default/web" },
  direction: "egress",
  policies: ["networkpolicy/default/deny-all"],
  rule: "isolation",
};

test("formatFlow says time, node, verdict, ends, protocol, policy and rule", () => {
  assert.equal(
    formatFlow(FLOW),
    "10:11:12.345  node-1  DROPPED  default/client:40000 → default/web:80  TCP  egress networkpolicy/default/deny-all: isolation  [cni0 → flannel.1]",
  );
  const rule = "clusternetworkpolicy/strict ingress 0";
  const byRule = { ...FLOW, direction: "ingress", policies: ["clusternetworkpolicy/strict"], rule } as const;
  assert.match(formatFlow(byRule), / {2}ingress clusternetworkpolicy\/strict ingress 0 {2}\[/);
});

test("formatFlow shows the Service, bare addresses, and gaps with their count", () => {
  const { policies: _policies, rule: _rule, direction: _direction, ...rest } = FLOW;
  const outside = { address: parseAddress("2001:db8::1"), port: 5 };
  const allowed: Flow = { ...rest, verdict: "allowed", hop: "arrives", source: outside, service: "default/web:http" };
  assert.match(
    formatFlow(allowed),
    /ALLOWED {2}\[2001:db8::1\]:5 → default\/web:80 \(default\/web:http\) {2}TCP {2}\[arrives\]$/,
  );
  const gap = { kind: "gap", timeMicros: FLOW.timeMicros, node: "node-1", reason: "rate limit", missed: 12 } as const;
  assert.equal(formatFlow(gap), "10:11:12.345  node-1  GAP      12 flows not recorded: rate limit");
});

test("isWanted filters by pod, namespace, verdict and port of either end, and never a gap", () => {
  for (const [filter, expected] of [
    [{}, true],
    [{ pod: "default/web" }, true],
    [{ pod: "web" }, true],
    [{ pod: "shop/web" }, false],
    [{ pod: "default/" }, true],
    [{ pod: "shop/" }, false],
    [{ verdict: "dropped" }, true],
    [{ verdict: "allowed" }, false],
    [{ port: 80 }, true],
    [{ port: 40_000 }, true],
    [{ port: 81 }, false],
  ] as const) {
    assert.equal(isWanted(FLOW, filter), expected, JSON.stringify(filter));
  }
  assert.equal(isWanted({ kind: "gap", timeMicros: 0, node: "n", reason: "rate limit" }, { port: 1 }), true);
});

test("readFlows puts the pages of all nodes in the order of time", async () => {
  const source = (node: string, pages: readonly (readonly number[])[]): FlowSource => ({
    node,
    async ask({ after }) {
      const at = after?.sequence ?? 0;
      const entries = (pages[at] ?? []).map((timeMicros): Flow => ({ ...FLOW, node, timeMicros }));
      return { entries, next: { ring: node, sequence: at + 1 } };
    },
  });
  const sources = [source("a", [[1, 4], [6]]), source("b", [[2, 3, 5]])];
  const { entries, cursors } = await readFlows(sources, undefined, AbortSignal.timeout(5000));
  assert.deepEqual(
    entries.map(({ node, timeMicros }) => `${node}${timeMicros}`),
    ["a1", "b2", "b3", "a4", "b5", "a6"],
  );
  assert.deepEqual([...cursors.keys()].toSorted(), ["a", "b"]);
});
