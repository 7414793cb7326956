/** Tables of what a filter rejects, as tests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { Filter } from "../filters/filter.ts";
import { demandOf } from "../pod/pod-demand.ts";
import { clusterOf, type PodOptions, testNamespace, testNode, testPod } from "./builders.ts";

export interface FilterCase {
  readonly says: string;
  readonly nodes: readonly Node[];
  readonly placed?: readonly Pod[];
  readonly pod: Pod;
  /** The reasons by node; nodes that fit are left out. */
  readonly rejects: Readonly<Record<string, readonly string[]>>;
}

export const ZONE = "topology.kubernetes.io/zone";
export const HOST = "kubernetes.io/hostname";

export function inZone(name: string, zone: string): Node {
  return testNode(name, { labels: { [ZONE]: zone } });
}

export function on(nodeName: string, name: string, options: PodOptions = {}): Pod {
  return testPod(name, { ...options, spec: { ...options.spec, nodeName } });
}

export function withSpec(spec: Partial<PodSpec>, labels: Readonly<Record<string, string>> = {}): Pod {
  return testPod("new", { spec, labels });
}

/** The namespace prod has the label env=prod; default and other have none. */
export function testFilter(filter: Filter, cases: readonly FilterCase[]): void {
  for (const { says, nodes, placed = [], pod, rejects } of cases) {
    test(`${filter.name} rejects ${says}`, () => {
      const namespaces = [testNamespace("default"), testNamespace("prod", { env: "prod" }), testNamespace("other")];
      const snapshot = clusterOf({ nodes, pods: placed, namespaces });
      const reject = filter.prepare(demandOf(pod), snapshot);
      const found = snapshot.nodes.flatMap((node) => {
        const reasons = reject?.(node);
        return reasons === undefined ? [] : [[node.name, reasons] as const];
      });
      assert.deepEqual(Object.fromEntries(found), rejects);
    });
  }
}
