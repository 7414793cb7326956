/**
 * What the condition Programmed of a policy should say, from what nodes have answered: True when every ready node had the
 * policy, as it is now, in its kernel at one time or another since it is so. Nodes that come later do not matter: they have
 * all policies before their first pod. Pure.
 */
import type { Node } from "#api/kinds/node.ts";
import type { Condition } from "#api/meta/condition.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import type { PolicyAnswer, PolicyRevisions } from "#api/programmed/policy-answer.ts";

export const PROGRAMMED = "Programmed";

/** Of both kinds of policies. */
export interface PolicyObject {
  readonly metadata: ObjectMeta;
  readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
}

export interface Programmed {
  readonly status: Condition["status"];
  readonly reason: "Programmed" | "NodesMissing" | "NoReadyNodes";
  readonly message: string;
}

export interface ReadyNodes {
  readonly names: readonly string[];
  /** What all of them have in the kernel. */
  readonly least: PolicyRevisions;
  readonly answers: ReadonlyMap<string, PolicyAnswer>;
}

const MAX_NAMES = 8;

export function findProgrammed({ status }: PolicyObject): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === PROGRAMMED);
}

/** Nobody has to ask for it. */
export function isProgrammed(policy: PolicyObject): boolean {
  const condition = findProgrammed(policy);
  return condition?.status === "True" && condition.observedGeneration === policy.metadata.generation;
}

export function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
}

export function readyNodes(nodes: readonly Node[], answers: ReadonlyMap<string, PolicyAnswer>): ReadyNodes {
  const names = nodes.filter(isReady).map(({ metadata }) => metadata.name ?? "");
  const least = { networkPolicies: Number.POSITIVE_INFINITY, clusterNetworkPolicies: Number.POSITIVE_INFINITY };
  for (const name of names) {
    const { networkPolicies = 0, clusterNetworkPolicies = 0 } = answers.get(name)?.programmed ?? {};
    least.networkPolicies = Math.min(least.networkPolicies, networkPolicies);
    least.clusterNetworkPolicies = Math.min(least.clusterNetworkPolicies, clusterNetworkPolicies);
  }
  return { names, least, answers };
}

/** A policy's version that nodes need at least, and which of their numbers tells of it. */
export interface Required {
  readonly kind: keyof PolicyRevisions;
  readonly revision: number;
  /** Version of the question; older answers only say what a node has, not that it is there. */
  readonly question: number;
}

export function planProgrammed(
  { names, least, answers }: ReadyNodes,
  { kind, revision, question }: Required,
): Programmed {
  if (names.length === 0) return { status: "Unknown", reason: "NoReadyNodes", message: "No node is ready" };
  if (least[kind] >= revision) {
    const message = names.length === 1 ? "The ready node has it" : `All ${names.length} ready nodes have it`;
    return { status: "True", reason: "Programmed", message: `${message} in the kernel` };
  }
  const message = missingText(names, answers, { kind, revision, question });
  return { status: "False", reason: "NodesMissing", message };
}

/** Which of the nodes do not have that version, as a sentence. */
export function missingText<K extends string>(
  names: readonly string[],
  answers: ReadonlyMap<string, { readonly question: number; readonly programmed: Readonly<Record<K, number>> }>,
  { kind, revision, question }: { readonly kind: K; readonly revision: number; readonly question: number },
): string {
  const late: string[] = [];
  const silent: string[] = [];
  for (const name of names.toSorted()) {
    const answer = answers.get(name);
    if (answer !== undefined && answer.programmed[kind] >= revision) continue;
    (answer === undefined || answer.question < question ? silent : late).push(name);
  }
  const parts = [
    ...(late.length > 0 ? [`not in the kernel of ${listed(late)}`] : []),
    ...(silent.length > 0 ? [`no answer from the agent of ${listed(silent)}`] : []),
  ];
  const message = parts.join("; ");
  return message.slice(0, 1).toUpperCase() + message.slice(1);
}

/** The condition as it is to be written; undefined: it is there already. */
export function planCondition(policy: PolicyObject, programmed: Programmed, now: Date): Condition | undefined {
  const { generation } = policy.metadata;
  const present = findProgrammed(policy);
  const { status, reason, message } = programmed;
  const isSame = present?.status === status;
  const isThere = isSame && present.reason === reason && present.message === message;
  if (isThere && present.observedGeneration === generation) return undefined;
  return {
    type: PROGRAMMED,
    status,
    observedGeneration: generation,
    lastTransitionTime: isSame ? present.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`,
    reason,
    message,
  };
}

/** Some of many. */
export function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
