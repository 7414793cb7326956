/**
 * Whether nodes may still send connections to a pod that is being deleted: what its EndpointSlices say of it, and which
 * version of them all nodes have, in the kernel and, where a name leads to the pod itself, in their name servers. Pure.
 */
import type { Endpoint, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodCondition } from "#api/kinds/pod/pod-status.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { DRAINED, findDrained } from "#api/programmed/drain.ts";
import type { NameAnswer } from "#api/programmed/name-answer.ts";
import type { ServiceAnswer } from "#api/programmed/service-answer.ts";
import { addressesOfType, addressTypesOf } from "../endpoint-slice/describe-endpoint.ts";
import { SERVICE_NAME_LABEL } from "../endpoint-slice/plan-slices.ts";
import { selects, selectsPods } from "../endpoint-slice/select-services.ts";
import { isServing } from "../endpoint-slice/serving-pod.ts";
import { isReady, listed, missingText } from "../programmed-policies/plan-programmed.ts";

export interface PodServices {
  /** Of the pod's namespace. */
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
}

/**
 * The version of EndpointSlices with which nodes send no new connection to the pod, 0 when there is no need of any.
 * Undefined: they are not written yet.
 */
export function findDrainedRevision(pod: Pod, { services, slices }: PodServices): number | undefined {
  const selecting = new Set<string>();
  const others = new Set<string>();
  for (const service of services) {
    const { name = "" } = service.metadata;
    if (!selectsPods(service)) others.add(name);
    else if (selects(service, pod.metadata.labels)) selecting.add(name);
  }
  let revision = 0;
  const found = new Set<string>();
  for (const { metadata, endpoints } of slices) {
    const name = metadata.labels?.[SERVICE_NAME_LABEL] ?? "";
    if (!selecting.has(name) && !others.has(name)) continue;
    const own = (endpoints ?? []).filter(({ targetRef }) => targetRef?.uid === pod.metadata.uid);
    if (own.some(mayServe)) return undefined;
    if (own.length > 0) found.add(name);
    // It may have been in another slice before.
    if (own.length > 0 || selecting.has(name)) revision = Math.max(revision, Number(metadata.resourceVersion));
  }
  const isMissing = services.some(
    (service) =>
      selecting.has(service.metadata.name ?? "") && isEndpoint(service, pod) && !found.has(service.metadata.name ?? ""),
  );
  return isMissing ? undefined : revision;
}

/** Names of headless Services are addresses of pods. */
export function isNamed({ metadata }: Pod, services: readonly Service[]): boolean {
  return services.some((service) => service.spec.clusterIP === "None" && selects(service, metadata.labels));
}

/** Of endpoints that end, those alone that are to be published whatever they are still get connections. */
function mayServe({ conditions }: Endpoint): boolean {
  return conditions?.terminating !== true && conditions?.ready !== false;
}

/** Its Service's controller has it in a slice, or will have. */
function isEndpoint(service: Service, pod: Pod): boolean {
  if (!isServing(pod, { includesTerminating: true })) return false;
  return addressTypesOf(service).some((type) => addressesOfType(pod, type).length > 0);
}

export interface ServiceNodes {
  /** Of those that are ready; others neither count nor are waited for. */
  readonly names: readonly string[];
  readonly answers: NodeAnswers;
  /** What all of them have in the kernel, and in their name servers. */
  readonly least: { readonly kernel: number; readonly names: number };
}

/** By node. */
export interface NodeAnswers {
  readonly kernels: ReadonlyMap<string, ServiceAnswer>;
  /** Of nodes whose name server has ever said that it is there. */
  readonly names: ReadonlyMap<string, NameAnswer>;
}

export function serviceNodes(nodes: readonly Node[], answers: NodeAnswers): ServiceNodes {
  const names = nodes.filter(isReady).map(({ metadata }) => metadata.name ?? "");
  const least = { kernel: Number.POSITIVE_INFINITY, names: Number.POSITIVE_INFINITY };
  for (const name of names) {
    least.kernel = Math.min(least.kernel, answers.kernels.get(name)?.programmed.endpointSlices ?? 0);
    least.names = Math.min(least.names, namedRevision(answers.names.get(name)));
  }
  return { names, answers, least };
}

/** Where somebody else serves names nobody can be asked. */
function namedRevision(answer: NameAnswer | undefined): number {
  return answer?.isServing === true ? answer.programmed.endpointSlices : Number.POSITIVE_INFINITY;
}

export interface Drained {
  readonly status: PodCondition["status"];
  readonly reason: "NoEndpoint" | "Programmed" | "NodesMissing" | "SlicesMissing";
  readonly message: string;
}

export interface DrainRequired {
  /** As findDrainedRevision gives it. */
  readonly revision: number | undefined;
  readonly isNamed: boolean;
  /** Version of the question that nodes answer. */
  readonly question: number;
}

export function planDrained(
  { names, answers, least }: ServiceNodes,
  { revision, isNamed, question }: DrainRequired,
): Drained {
  if (revision === undefined) {
    return { status: "False", reason: "SlicesMissing", message: "It still serves in an EndpointSlice" };
  }
  if (revision === 0) return { status: "True", reason: "NoEndpoint", message: "No Service leads to it" };
  if (least.kernel < revision) {
    const message = missingText(names, answers.kernels, { kind: "endpointSlices", revision, question });
    return { status: "False", reason: "NodesMissing", message };
  }
  if (isNamed && least.names < revision) {
    const late = names.filter((name) => namedRevision(answers.names.get(name)) < revision);
    return {
      status: "False",
      reason: "NodesMissing",
      message: `In names that are served on ${listed(late.toSorted())}`,
    };
  }
  const message = "Every ready node has the EndpointSlices in which it serves no more";
  return { status: "True", reason: "Programmed", message };
}

/** The condition as it is to be written; undefined: it is there already. */
export function planDrainedCondition(pod: Pod, drained: Drained, now: Date): PodCondition | undefined {
  const present = findDrained(pod);
  const { status, reason, message } = drained;
  const isSame = present?.status === status;
  if (isSame && present.reason === reason && present.message === message) return undefined;
  const since = isSame ? present.lastTransitionTime : undefined;
  return { type: DRAINED, ...drained, lastTransitionTime: since ?? `${now.toISOString().slice(0, 19)}Z` };
}
