/**
 * How many of its pods a budget lets go now. Source: Kubernetes documentation, "Disruptions" and "Specifying a
 * Disruption Budget"; API reference, policy/v1 PodDisruptionBudgetStatus.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodDisruptionBudget } from "#api/kinds/pod-disruption-budget.ts";
import type { IntOrPercent } from "#api/kinds/workload/int-or-percent.ts";
import type { Condition } from "#api/meta/condition.ts";
import { timeText } from "../../resources/stored-object.ts";
import { isReady } from "../../resources/subresources/pod-conditions.ts";
import { sameJson } from "../same-json.ts";

/** After that time an evicted pod that is still there was not evicted after all. */
export const EVICTION_MS = 120_000;

export interface BudgetInput {
  readonly budget: PodDisruptionBudget;
  /** Those that it selects. */
  readonly pods: readonly Pod[];
  /** Sum of what the pods' controllers want; an error's text when that cannot be told. Not asked for whole numbers. */
  readonly scale: number | { readonly error: string };
  readonly now: Date;
}

export interface BudgetPlan {
  /** undefined when the status says so already. */
  readonly next: PodDisruptionBudget | undefined;
  /** When an eviction of now counts as failed. */
  readonly recheckAt: Date | undefined;
}

/** Whether the number of pods that should be there matters. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === "string";
}

export function planDisruptionBudget({ budget, pods, scale, now }: BudgetInput): BudgetPlan {
  const { generation } = budget.metadata;
  if (needsScale(budget) && typeof scale === "object") {
    const condition = {
      type: "DisruptionAllowed",
      status: "False",
      reason: "SyncFailed",
      message: scale.error,
    } as const;
    return { next: withStatus(budget, { disruptionsAllowed: 0 }, condition, now), recheckAt: undefined };
  }
  const expectedPods = needsScale(budget) && typeof scale === "number" ? scale : expectedWithoutScale(budget, pods);
  const desiredHealthy = desiredOf(budget, expectedPods);
  const { disruptedPods, recheckAt } = planDisrupted(budget, pods, now);
  const currentHealthy = pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && disruptedPods[metadata.name ?? ""] === undefined && isReady(status),
  ).length;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const status = {
    observedGeneration: generation,
    disruptedPods: Object.keys(disruptedPods).length === 0 ? undefined : disruptedPods,
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
  };
  const condition = {
    type: "DisruptionAllowed",
    status: disruptionsAllowed > 0 ? "True" : "False",
    reason: disruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods",
    message: "",
  } as const;
  return { next: withStatus(budget, status, condition, now), recheckAt };
}

function expectedWithoutScale({ spec }: PodDisruptionBudget, pods: readonly Pod[]): number {
  return spec.minAvailable === undefined ? 0 : pods.length;
}

function desiredOf({ spec }: PodDisruptionBudget, expected: number): number {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) return Math.max(0, expected - amountOf(maxUnavailable, expected));
  return minAvailable === undefined ? 0 : amountOf(minAvailable, expected);
}

/** Shares are rounded up. */
function amountOf(value: IntOrPercent, total: number): number {
  return typeof value === "number" ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100);
}

/** Evictions that are under way: their pods are there, and not being deleted yet. */
function planDisrupted({ status }: PodDisruptionBudget, pods: readonly Pod[], now: Date) {
  const disruptedPods: Record<string, string> = {};
  let recheckAt: Date | undefined;
  for (const { metadata } of pods) {
    const { name = "", deletionTimestamp } = metadata;
    const evictedAt = status?.disruptedPods?.[name];
    if (evictedAt === undefined || deletionTimestamp !== undefined) continue;
    const until = new Date(Date.parse(evictedAt) + EVICTION_MS);
    if (until <= now) continue;
    disruptedPods[name] = evictedAt;
    if (recheckAt === undefined || until < recheckAt) recheckAt = until;
  }
  return { disruptedPods: disruptedPods as Readonly<Record<string, string>>, recheckAt };
}

type BudgetStatus = NonNullable<PodDisruptionBudget["status"]>;

function withStatus(
  budget: PodDisruptionBudget,
  changes: Partial<BudgetStatus>,
  condition: Pick<Condition, "type" | "status" | "reason" | "message">,
  now: Date,
): PodDisruptionBudget | undefined {
  const old = budget.status;
  const { conditions = [] } = old ?? {};
  const before = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : timeText(now);
  const next: Condition = { ...condition, observedGeneration: budget.metadata.generation, lastTransitionTime };
  const status: BudgetStatus = {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    disruptionsAllowed: 0,
    ...old,
    ...changes,
    conditions: before === undefined ? [...conditions, next] : conditions.map((one) => (one === before ? next : one)),
  };
  return sameJson(old, status) ? undefined : { ...budget, status };
}
