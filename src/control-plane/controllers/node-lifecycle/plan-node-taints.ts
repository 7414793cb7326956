/**
 * The taints that tell a node's state: no new pods on nodes that are not well, and no old ones on nodes that are
 * silent or not ready. Source: Kubernetes documentation, "Taints and Tolerations" (taint based evictions, taint nodes
 * by condition) and "Nodes" (rate limits on eviction).
 */
import type { Node } from "#api/kinds/node.ts";
import type { Taint } from "#api/kinds/pod/toleration.ts";
import { sameJson } from "../same-json.ts";

export const NOT_READY_TAINT = "node.kubernetes.io/not-ready";
export const UNREACHABLE_TAINT = "node.kubernetes.io/unreachable";
export const UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable";

/** Condition, its status, and the key of the taint that it brings. */
const CONDITION_TAINTS: readonly (readonly [type: string, status: string, key: string])[] = [
  ["Ready", "False", NOT_READY_TAINT],
  ["Ready", "Unknown", UNREACHABLE_TAINT],
  ["MemoryPressure", "True", "node.kubernetes.io/memory-pressure"],
  ["DiskPressure", "True", "node.kubernetes.io/disk-pressure"],
  ["NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"],
  ["PIDPressure", "True", "node.kubernetes.io/pid-pressure"],
];

const NO_EXECUTE_KEYS: ReadonlySet<string> = new Set([NOT_READY_TAINT, UNREACHABLE_TAINT]);
const NO_SCHEDULE_KEYS: ReadonlySet<string> = new Set([
  ...CONDITION_TAINTS.map(([, , key]) => key),
  UNSCHEDULABLE_TAINT,
]);

export interface TaintWish {
  /** "2025-01-01T00:00:00Z" */
  readonly now: string;
  /**
   * False while no node at all is ready: then it is rather the control plane that cannot hear them, and pods stay
   * where they are.
   */
  readonly evicts: boolean;
}

/** All taints that the node should have; undefined when it has them. */
export function planNodeTaints(node: Node, { now, evicts }: TaintWish): readonly Taint[] | undefined {
  const { taints = [], unschedulable = false } = node.spec ?? {};
  const conditions = node.status?.conditions ?? [];
  const keys = CONDITION_TAINTS.filter(([type, status]) =>
    conditions.some((condition) => condition.type === type && condition.status === status),
  ).map(([, , key]) => key);
  const wanted: readonly Pick<Taint, "key" | "effect">[] = [
    ...[...keys, ...(unschedulable ? [UNSCHEDULABLE_TAINT] : [])].map(
      (key) => ({ key, effect: "NoSchedule" }) as const,
    ),
    ...keys.filter((key) => evicts && NO_EXECUTE_KEYS.has(key)).map((key) => ({ key, effect: "NoExecute" }) as const),
  ];
  const kept = taints.filter((taint) => !isOurs(taint) || wanted.some((one) => isSame(one, taint)));
  const added = wanted
    .filter((one) => !taints.some((taint) => isSame(one, taint)))
    .map((one): Taint => ({ ...one, timeAdded: now }));
  const next = [...kept, ...added];
  return sameJson(taints, next) ? undefined : next;
}

function isOurs({ key, effect }: Taint): boolean {
  if (effect === "NoExecute") return NO_EXECUTE_KEYS.has(key);
  return effect === "NoSchedule" && NO_SCHEDULE_KEYS.has(key);
}

function isSame(a: Pick<Taint, "key" | "effect">, b: Pick<Taint, "key" | "effect">): boolean {
  return a.key === b.key && a.effect === b.effect;
}
