/**
 * Whether a change of rules can forbid what was allowed before. Most cannot, such as a policy for pods that are isolated
 * already, and then no connection has to be looked at. In doubt it can. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import type { DirectionRules, PodDirection, PodRules } from "#policy/rule-model.ts";

/** All rules accept, and there are at least those that were. */
export function directionMayForbid(before: DirectionRules | undefined, after: DirectionRules | undefined): boolean {
  const [old, now] = [before?.rules ?? [], after?.rules ?? []];
  if ([...old, ...now].some(({ action }) => action !== "accept")) return true;
  return !old.every((rule) =>
    now.some(({ peers, ports }) => isDeepStrictEqual([peers, ports], [rule.peers, rule.ports])),
  );
}

/** It keeps its addresses and policies, and was isolated where it is. */
export function podMayForbid(before: PodRules, after: PodRules | undefined): boolean {
  if (after === undefined || !includesAll(after.addresses, before.addresses)) return true;
  return podDirectionMayForbid(before.ingress, after.ingress) || podDirectionMayForbid(before.egress, after.egress);
}

/** Some policy selects it. */
export function isRestricted({ ingress, egress }: PodRules): boolean {
  return [ingress, egress].some(({ admin, network, baseline }) => admin.length + network.length + baseline.length > 0);
}

function podDirectionMayForbid(before: PodDirection, after: PodDirection): boolean {
  if (!isDeepStrictEqual([before.admin, before.baseline], [after.admin, after.baseline])) return true;
  const isNewlyIsolated = before.network.length === 0 && after.network.length > 0;
  return isNewlyIsolated || !includesAll(after.network, before.network);
}

function includesAll<T>(all: readonly T[], some: readonly T[]): boolean {
  return some.every((one) => all.includes(one));
}
