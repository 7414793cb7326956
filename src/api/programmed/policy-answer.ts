/**
 * Up to which resource version a node has policies in the kernel, told in a Lease while somebody asks: the question is
 * that of Services (./question.ts), the answers are Leases of their own. Pure.
 */
import type { JsonObject } from "#base/json.ts";
import type { Lease } from "../kinds/lease.ts";
import { PROGRAMMED_NAMESPACE } from "./question.ts";

/** Of the Leases with answers. */
export const POLICY_ANSWER_LABEL = "policy.podwire.io/programmed-answer";
const QUESTION_ANNOTATION = "policy.podwire.io/question";
const POLICIES_ANNOTATION = "policy.podwire.io/network-policies";
const CLUSTER_POLICIES_ANNOTATION = "policy.podwire.io/cluster-network-policies";

export interface PolicyRevisions {
  readonly networkPolicies: number;
  readonly clusterNetworkPolicies: number;
}

export interface PolicyAnswer {
  readonly node: string;
  /** The answer goes with the node. */
  readonly nodeUid?: string | undefined;
  /** Resource version of the question that it is for. */
  readonly question: number;
  readonly programmed: PolicyRevisions;
}

export function policyAnswerName(node: string): string {
  return `podwire-policies.${node}`;
}

/** An object to be merged with the Lease, or created. */
export function formatPolicyAnswer({ node, nodeUid, question, programmed }: PolicyAnswer) {
  const owner = { apiVersion: "v1", kind: "Node", name: node };
  return {
    metadata: {
      namespace: PROGRAMMED_NAMESPACE,
      name: policyAnswerName(node),
      labels: { [POLICY_ANSWER_LABEL]: "" },
      ...(nodeUid !== undefined && { ownerReferences: [{ ...owner, uid: nodeUid }] }),
      annotations: {
        [QUESTION_ANNOTATION]: String(question),
        [POLICIES_ANNOTATION]: String(programmed.networkPolicies),
        [CLUSTER_POLICIES_ANNOTATION]: String(programmed.clusterNetworkPolicies),
      },
    },
    spec: { holderIdentity: node },
  } satisfies JsonObject;
}

export function parsePolicyAnswer({ metadata, spec }: Lease): PolicyAnswer | undefined {
  const number = (key: string): number => Number(metadata.annotations?.[key] || Number.NaN);
  const answer = {
    node: spec?.holderIdentity ?? "",
    question: number(QUESTION_ANNOTATION),
    programmed: {
      networkPolicies: number(POLICIES_ANNOTATION),
      clusterNetworkPolicies: number(CLUSTER_POLICIES_ANNOTATION),
    },
  };
  const numbers = [answer.question, ...Object.values(answer.programmed)];
  return answer.node !== "" && numbers.every(Number.isSafeInteger) ? answer : undefined;
}
