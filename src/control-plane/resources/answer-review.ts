/** Reviews: kinds that are created to be answered, and never stored. */
import { invalidError, notFoundError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { validateObject } from "#api/schema/validate.ts";
import type { JsonValue } from "#base/json.ts";
import { inNamespace, readObject } from "./read-body.ts";
import type { RequestContext, Target } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";

export function isReview({ kind }: Target): boolean {
  return kind.verbs.length === 1 && kind.verbs[0] === "create";
}

export async function answerReview(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<KubeObject> {
  const { kind } = target;
  const review = applyDefaults(kind, inNamespace(readObject(kind, body, context), target));
  const errors = validateObject(kind, review);
  if (errors.length > 0) throw invalidError(kind, review.metadata.name ?? "", errors);
  const answer = await deps.reviews.answer(review, context);
  if (answer === undefined) throw notFoundError(kind, review.metadata.name ?? "");
  return answer;
}
