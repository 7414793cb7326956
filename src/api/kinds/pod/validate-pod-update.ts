/**
 * What may change in a pod that exists: very little, since it may run already. Its node is set by the binding
 * subresource, ephemeral containers are added by theirs. Source: Kubernetes documentation, "Pod update and
 * replacement"; the texts are those of the API server's validation.
 */
import type { JsonValue } from "#base/json.ts";
import { type FieldError, forbidden, indexPath, invalid } from "../../field-error.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import type { Container } from "./container.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { Toleration } from "./toleration.ts";
import { validateDeadline } from "./validate-pod-spec.ts";

const ALLOWED_TEXT =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** Of the object itself. */
export function validatePodSpecUpdate(next: PodSpec, old: PodSpec): readonly FieldError[] {
  if (next === old) return [];
  for (const name of ["containers", "initContainers"] as const) {
    if ((next[name] ?? []).length !== (old[name] ?? []).length) {
      return [forbidden(`spec.${name}`, "pod updates may not add or remove containers")];
    }
  }
  const isGated = (old.schedulingGates ?? []).length > 0;
  const errors = [
    ...validateDeadlineUpdate(next.activeDeadlineSeconds, old.activeDeadlineSeconds),
    ...validateAddedTolerations(next.tolerations, old.tolerations),
    ...validateRemovedGates(next, old),
    ...(isGated ? validateGatedPlacement(next, old) : []),
  ];
  if (errors.length > 0) return errors;
  return same(withoutChangeable(next, old, { isGated }), old) ? [] : [forbidden("spec", ALLOWED_TEXT)];
}

/** Of ephemeralcontainers: they are only added. */
export function validateEphemeralContainersUpdate(next: PodSpec, old: PodSpec): readonly FieldError[] {
  const { ephemeralContainers: containers = [], ...rest } = next;
  const { ephemeralContainers: oldContainers = [], ...oldRest } = old;
  const path = "spec.ephemeralContainers";
  return [
    ...(same(rest, oldRest) ? [] : [forbidden("spec", "only `spec.ephemeralContainers` may be changed")]),
    ...oldContainers.flatMap((before) => {
      const now = containers.find(({ name }) => name === before.name);
      const name = JSON.stringify(before.name);
      if (now === undefined) return [forbidden(path, `existing ephemeral containers ${name} may not be removed\n`)];
      return same(now, before) ? [] : [forbidden(path, `existing ephemeral containers ${name} may not be changed\n`)];
    }),
  ];
}

/** The new spec with everything that may change as it was before. */
function withoutChangeable(next: PodSpec, old: PodSpec, { isGated }: { readonly isGated: boolean }): PodSpec {
  const wasNegative = (old.terminationGracePeriodSeconds ?? 0) < 0;
  const becomesOne = wasNegative && next.terminationGracePeriodSeconds === 1;
  return {
    ...next,
    containers: withOldImages(next.containers, old.containers),
    initContainers: next.initContainers && withOldImages(next.initContainers, old.initContainers ?? []),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
    ...(becomesOne && { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds }),
    ...(isGated && { nodeSelector: old.nodeSelector, affinity: old.affinity }),
  };
}

function withOldImages(next: readonly Container[], old: readonly Container[]): readonly Container[] {
  return next.map((container, index) => ({ ...container, image: old[index]?.image ?? container.image }));
}

function validateDeadlineUpdate(next: number | undefined, old: number | undefined): readonly FieldError[] {
  const path = "spec.activeDeadlineSeconds";
  if (next === old || old === undefined) return [];
  if (next === undefined) return [invalid(path, next, "must not update from a positive integer to nil value")];
  if (next > old) return [invalid(path, next, "must be less than or equal to previous value")];
  return validateDeadline(next, path);
}

function validateAddedTolerations(
  next: readonly Toleration[] = [],
  old: readonly Toleration[] = [],
): readonly FieldError[] {
  const path = "spec.tolerations";
  const key = ({ tolerationSeconds: _seconds, ...rest }: Toleration) => rest;
  return old.every((before) => next.some((after) => same(key(before), key(after))))
    ? []
    : [forbidden(path, "existing toleration can not be modified except its tolerationSeconds")];
}

function validateRemovedGates(next: PodSpec, old: PodSpec): readonly FieldError[] {
  const names = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  return (next.schedulingGates ?? []).flatMap(({ name }, index) =>
    names.has(name)
      ? []
      : [
          forbidden(
            indexPath("spec.schedulingGates", index),
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

/** A pod that is not scheduled yet may still be narrowed down. */
function validateGatedPlacement(next: PodSpec, old: PodSpec): readonly FieldError[] {
  const { nodeSelector = {}, affinity } = next;
  const path = "spec.nodeSelector";
  const isNarrower = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => nodeSelector[key] === value);
  return [
    ...(isNarrower
      ? []
      : [invalid(path, nodeSelector, "only additions to spec.nodeSelector are allowed (no mutations or deletions)")]),
    ...(same(withoutRequiredNodes(affinity), withoutRequiredNodes(old.affinity))
      ? validateNarrowerTerms(affinity, old.affinity)
      : [forbidden("spec", ALLOWED_TEXT)]),
  ];
}

function validateNarrowerTerms(next: PodSpec["affinity"], old: PodSpec["affinity"]): readonly FieldError[] {
  const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  const terms = requiredTerms(next);
  const before = requiredTerms(old);
  if (before.length === 0) return [];
  if (terms.length !== before.length) {
    return [invalid(path, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")];
  }
  return terms.flatMap((term, index) => {
    const had = before[index];
    const isNarrower =
      startsWith(term.matchExpressions, had?.matchExpressions) && startsWith(term.matchFields, had?.matchFields);
    return isNarrower
      ? []
      : [invalid(indexPath(path, index), term, "only additions are allowed (no mutations or deletions)")];
  });
}

function requiredTerms(affinity: PodSpec["affinity"]) {
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
}

/** An affinity without parts is none. */
function withoutRequiredNodes({ nodeAffinity, podAffinity, podAntiAffinity }: NonNullable<PodSpec["affinity"]> = {}) {
  const preferred = nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
  return { preferred, podAffinity, podAntiAffinity };
}

function startsWith(list: readonly unknown[] = [], start: readonly unknown[] = []): boolean {
  return start.every((item, index) => same(item, list[index]));
}

function same(a: unknown, b: unknown): boolean {
  // Parts of decoded objects, which are JSON.
  return jsonEqual(a as JsonValue, b as JsonValue);
}
