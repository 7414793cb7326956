/**
 * What a node answers to the question of #api/programmed/question.ts about Services: the resource versions that it has
 * programmed, in a Lease of its own. Pure.
 */
import type { Lease } from "#api/kinds/lease.ts";
import { PROGRAMMED_NAMESPACE } from "#api/programmed/question.ts";
import type { JsonObject } from "#base/json.ts";
import type { Revisions } from "./programmed-revisions.ts";

/** Of the Leases with answers. */
export const ANSWER_LABEL = "service.podwire.io/programmed-answer";

const QUESTION_ANNOTATION = "service.podwire.io/question";
const PROXY_ANNOTATION = "service.podwire.io/proxy";
const SERVICES_ANNOTATION = "service.podwire.io/services";
const SLICES_ANNOTATION = "service.podwire.io/endpoint-slices";

export interface ProgrammedAnswer {
  readonly node: string;
  /** The answer goes with the node. */
  readonly nodeUid?: string | undefined;
  /** Resource version of the question that it is for. */
  readonly question: number;
  /** Undefined: no proxy of ours works on the node. */
  readonly proxy: string | undefined;
  readonly programmed: Revisions;
}

export function answerName(node: string): string {
  return `podwire-programmed.${node}`;
}

/** An object to be merged with the Lease, or created. */
export function formatAnswer({ node, nodeUid, question, proxy, programmed }: ProgrammedAnswer) {
  const owner = { apiVersion: "v1", kind: "Node", name: node };
  return {
    metadata: {
      namespace: PROGRAMMED_NAMESPACE,
      name: answerName(node),
      labels: { [ANSWER_LABEL]: "" },
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

export function parseAnswer({ metadata, spec }: Lease): ProgrammedAnswer | undefined {
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
