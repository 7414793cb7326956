/** Waits until every ready node has policies, as they are now, in the kernel. */
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import {
  POLICY_ANSWER_LABEL,
  type PolicyAnswer,
  type PolicyRevisions,
  parsePolicyAnswer,
} from "#api/programmed/policy-answer.ts";
import { PROGRAMMED_NAMESPACE } from "#api/programmed/question.ts";
import type { ApiClient, ObjectName } from "#api-client/api-client.ts";
import { askProgrammed } from "#api-client/ask-programmed.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { type MissingNode, NotProgrammedError, readyNodes, until } from "../services/wait-until-programmed.ts";

export interface ProgrammedPolicy {
  readonly resourceVersion: number;
  readonly nodes: readonly string[];
}

/** Rejects with NotProgrammedError when the signal ends the wait, and with ApiError when there is no such policy. */
export async function waitForPolicy(
  client: ApiClient,
  name: Required<ObjectName>,
  signal: AbortSignal,
): Promise<ProgrammedPolicy> {
  const { metadata } = await client.get(networkPolicy, name, signal);
  const resourceVersion = Number(metadata.resourceVersion);
  const required = { networkPolicies: resourceVersion, clusterNetworkPolicies: 0 };
  return { resourceVersion, nodes: await waitForPolicies(client, required, signal) };
}

/** All up to these versions. Answers the nodes that have them. Rejects with NotProgrammedError when the signal ends it. */
export async function waitForPolicies(
  client: ApiClient,
  required: PolicyRevisions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await using stack = new AsyncDisposableStack();
  let trouble = "";
  const onError = (error: unknown): void => {
    trouble = `: ${error instanceof Error ? error.message : String(error)}`;
  };
  let missing: readonly MissingNode[] = [];
  try {
    const nodes = stack.use(createInformer<Node>({ client, kind: nodeKind, onError }));
    const query = { namespace: PROGRAMMED_NAMESPACE, labelSelector: POLICY_ANSWER_LABEL };
    const answers = stack.use(createInformer<Lease>({ client, kind: leaseKind, query, onError }));
    const question = await askProgrammed(client, { asker: "podwire-wait" }, signal);
    const look = (): boolean => {
      const given = answers.list().flatMap((lease) => parsePolicyAnswer(lease) ?? []);
      missing = nodesWithout(readyNodes(nodes.list()), given, { question, required });
      return missing.length === 0;
    };
    await until([nodes, answers], look, signal);
    return readyNodes(nodes.list());
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new NotProgrammedError(`not every node has answered${trouble}`, missing, { cause });
  }
}

/** Nodes that have not said that they have it, each with what is known. Pure. */
export function nodesWithout(
  nodes: readonly string[],
  answers: readonly PolicyAnswer[],
  { question, required }: { readonly question: number; readonly required: PolicyRevisions },
): readonly MissingNode[] {
  const byNode = new Map(answers.map((answer) => [answer.node, answer]));
  return nodes.flatMap((node): readonly MissingNode[] => {
    const answer = byNode.get(node);
    if (answer === undefined || answer.question < question) return [{ node, reason: "its agent does not answer" }];
    const late = (["networkPolicies", "clusterNetworkPolicies"] as const).find(
      (kind) => answer.programmed[kind] < required[kind],
    );
    if (late === undefined) return [];
    const reason = `it has policies up to version ${answer.programmed[late]}; needed is ${required[late]}`;
    return [{ node, reason }];
  });
}
