/** What nodes have answered, as Leases tell it. */
import type { Lease } from "#api/kinds/lease.ts";
import { NAME_ANSWER_LABEL, type NameAnswer, parseNameAnswer } from "#api/programmed/name-answer.ts";
import { PROGRAMMED_NAMESPACE } from "#api/programmed/question.ts";
import { parseServiceAnswer, SERVICE_ANSWER_LABEL, type ServiceAnswer } from "#api/programmed/service-answer.ts";
import type { NodeAnswers } from "./plan-drained.ts";

export interface FollowedAnswers extends NodeAnswers {
  /** Whether it was an answer. */
  take(lease: Lease): boolean;
  /** Its node has gone. */
  drop(lease: Lease): void;
}

export function createNodeAnswers(): FollowedAnswers {
  const kernels = new Map<string, ServiceAnswer>();
  const names = new Map<string, NameAnswer>();
  return {
    kernels,
    names,
    take(lease) {
      const kernel = isLabelled(lease, SERVICE_ANSWER_LABEL) ? parseServiceAnswer(lease) : undefined;
      if (kernel !== undefined) kernels.set(kernel.node, kernel);
      const name = isLabelled(lease, NAME_ANSWER_LABEL) ? parseNameAnswer(lease) : undefined;
      if (name !== undefined) names.set(name.node, name);
      return kernel !== undefined || name !== undefined;
    },
    drop(lease) {
      const node = lease.spec?.holderIdentity ?? "";
      if (isLabelled(lease, SERVICE_ANSWER_LABEL)) kernels.delete(node);
      if (isLabelled(lease, NAME_ANSWER_LABEL)) names.delete(node);
    },
  };
}

function isLabelled({ metadata }: Lease, label: string): boolean {
  return metadata.namespace === PROGRAMMED_NAMESPACE && metadata.labels?.[label] !== undefined;
}
