/**
 * What a node's name server answers to the question of ./question.ts: the resource versions of Services and EndpointSlices
 * that it has, in a Lease of its own. It says when it begins that it is there, so that who asks knows whom to wait for. Pure.
 */
import type { JsonObject } from "#base/json.ts";
import type { Lease } from "../kinds/lease.ts";
import { PROGRAMMED_NAMESPACE } from "./question.ts";
import type { ServiceRevisions } from "./service-answer.ts";

/** Of the Leases with answers. */
export const NAME_ANSWER_LABEL = "dns.podwire.io/programmed-answer";

const QUESTION_ANNOTATION = "dns.podwire.io/question";
const SERVING_ANNOTATION = "dns.podwire.io/serving";
const SERVICES_ANNOTATION = "dns.podwire.io/services";
const SLICES_ANNOTATION = "dns.podwire.io/endpoint-slices";

export interface NameAnswer {
  readonly node: string;
  /** The answer goes with the node. */
  readonly nodeUid?: string | undefined;
  /** Resource version of the question that it is for; 0 before any. */
  readonly question: number;
  /** False: somebody else serves the node's names, or nobody does. */
  readonly isServing: boolean;
  readonly programmed: ServiceRevisions;
}

export function nameAnswerName(node: string): string {
  return `podwire-names.${node}`;
}

/** An object to be merged with the Lease, or created. */
export function formatNameAnswer({ node, nodeUid, question, isServing, programmed }: NameAnswer) {
  const owner = { apiVersion: "v1", kind: "Node", name: node };
  return {
    metadata: {
      namespace: PROGRAMMED_NAMESPACE,
      name: nameAnswerName(node),
      labels: { [NAME_ANSWER_LABEL]: "" },
      ...(nodeUid !== undefined && { ownerReferences: [{ ...owner, uid: nodeUid }] }),
      annotations: {
        [QUESTION_ANNOTATION]: String(question),
        [SERVING_ANNOTATION]: String(isServing),
        [SERVICES_ANNOTATION]: String(programmed.services),
        [SLICES_ANNOTATION]: String(programmed.endpointSlices),
      },
    },
    spec: { holderIdentity: node },
  } satisfies JsonObject;
}

export function parseNameAnswer({ metadata, spec }: Lease): NameAnswer | undefined {
  const { annotations = {} } = metadata;
  const number = (key: string): number => Number(annotations[key] || Number.NaN);
  const answer = {
    node: spec?.holderIdentity ?? "",
    question: number(QUESTION_ANNOTATION),
    isServing: annotations[SERVING_ANNOTATION] === "true",
    programmed: { services: number(SERVICES_ANNOTATION), endpointSlices: number(SLICES_ANNOTATION) },
  };
  const numbers = [answer.question, answer.programmed.services, answer.programmed.endpointSlices];
  return answer.node !== "" && numbers.every(Number.isSafeInteger) ? answer : undefined;
}
