/**
 * Tells who asks which changes the node's name server has, beside what the node's agent tells of its kernel. See
 * docs/decisions/0024.
 */
import { node as nodeKind } from "#api/kinds/node.ts";
import { formatNameAnswer, nameAnswerName } from "#api/programmed/name-answer.ts";
import type { ServiceRevisions } from "#api/programmed/service-answer.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { Log } from "#base/log.ts";
import { type Answers, startAnswers } from "../answer-question.ts";

const ANSWER_INTERVAL_MS = 50;

export interface NameAnswersDeps {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly isServing: () => boolean;
  readonly programmed: () => ServiceRevisions;
  readonly log: Log;
}

export function startNameAnswers({ client, nodeName, isServing, programmed, log }: NameAnswersDeps): Answers {
  const nodes = createInformer({
    client,
    kind: nodeKind,
    query: { fieldSelector: `metadata.name=${nodeName}` },
    onError: (error) => log.error("own node not followed", { error: String(error) }),
  });
  const answers = startAnswers({
    client,
    name: nameAnswerName(nodeName),
    format: (question) =>
      formatNameAnswer({
        node: nodeName,
        nodeUid: nodes.get(undefined, nodeName)?.metadata.uid,
        question,
        isServing: isServing(),
        programmed: programmed(),
      }),
    minIntervalMs: ANSWER_INTERVAL_MS,
    log,
  });
  return {
    ...answers,
    async [Symbol.asyncDispose]() {
      await answers[Symbol.asyncDispose]();
      await nodes[Symbol.asyncDispose]();
    },
  };
}
