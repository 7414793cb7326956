/**
 * What a node answers to the question of ./question.ts about Services: the resource versions that it has programmed, in a
 * Lease of its own. Pure.
 */
import type { JsonObject } from "#base/json.ts";
import type { Lease } from "../kinds/lease.ts";
import { PROGRAMMED_NAMESPACE } from "./question.ts";

/** Of the Leases with answers. */
export const SERVICE_ANSWER_LABEL = "service.podwire.io/programmed-answer";

const QUESTION_ANNOTATION = "service.podwire.io/question";
const PROXY_ANNOTATION = "service.podwire.io/proxy";
const SERVICES_ANNOTATION = "service.podwire.io/services";
const SLICES_ANNOTATION = "service.podwire.io/endpoint-slices";

/** Up to which version of each kind everything is in the node's kernel. */
export interface ServiceRevisions {
  readonly services: number;
  readonly endpointSlices: number;
}

export interface ServiceAnswer {
  readonly node: string;
  /** The answer goes with the node. */
  readonly nodeUid?: string | undefined;
  /** Resource version of the question that it is for. */
  readonly question: number;
  /** Undefined: no proxy of ours works on the node. */
  readonly proxy: string | undefined;
  readonly programmed: ServiceRevisions;
}

export function serviceAnswerName(node: string): string {
  return `podwire-programmed.${node}`;
}

/** An object to be merged with the Lease, or created. */
export function formatServiceAnswer({ node, nodeUid, question, proxy, programmed }: ServiceAnswer) {
  const owner = { apiVersion: "v1", kind: "Node", name: node };
  return {
    metadata: {
      namespace: PROGRAMMED_NAMESPACE,
      name: serviceAnswerName(node),
      labels: { [SERVICE_ANSWER_LABEL]: "" },
      ...(nodeUid !== undefined && { ownerReferences: [{ ...owner, uid: nodeUid }] }),
      annotations: {
        [QUESTION_ANNOTATION]: String(question),
        [PROXY_ANNOTATION]: proxy ?? "",
        [SERVICES_ANNOTATION]: String(programmed.services),
        [SLICES_ANNOTATION]: String(programmed.endpointSlices),
      },
    },
    spec: { holderIdentity: node },
  } satisfies JsonObject;
}

export function parseServiceAnswer({ metadata, spec }: Lease): ServiceAnswer | undefined {
  const { annotations = {} } = metadata;
  const number = (key: string): number => Number(annotations[key] || Number.NaN);
  const answer = {
    node: spec?.holderIdentity ?? "",
    question: number(QUESTION_ANNOTATION),
    proxy: annotations[PROXY_ANNOTATION] || undefined,
    programmed: { services: number(SERVICES_ANNOTATION), endpointSlices: number(SLICES_ANNOTATION) },
  };
  const numbers = [answer.question, answer.programmed.services, answer.programmed.endpointSlices];
  return answer.node !== "" && numbers.every(Number.isSafeInteger) ? answer : undefined;
}
