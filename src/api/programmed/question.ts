/**
 * How somebody learns which nodes have a change in the kernel, without any cost while nobody asks: who wants to know writes
 * one Lease; every agent watches it and answers in Leases of its own, and again as it gets further, until the question is
 * over. The version of the question's Lease tells which question an answer is for. See docs/decisions/0024. Pure.
 */
import type { JsonObject } from "#base/json.ts";

/** Where nodes have their Leases: who may write there could as well say that a node is alive. */
export const PROGRAMMED_NAMESPACE = "kube-node-lease";
export const QUESTION_NAME = "podwire-programmed-question";

export interface Question {
  readonly asker: string;
  /** How long nodes tell more as they get further. */
  readonly seconds: number;
  readonly now: Date;
}

/** An object to be merged with the Lease, or created. */
export function formatQuestion({ asker, seconds, now }: Question) {
  const renewTime = `${now.toISOString().slice(0, -1)}000Z`;
  return {
    metadata: { namespace: PROGRAMMED_NAMESPACE, name: QUESTION_NAME },
    spec: { holderIdentity: asker, leaseDurationSeconds: seconds, renewTime },
  } satisfies JsonObject;
}
