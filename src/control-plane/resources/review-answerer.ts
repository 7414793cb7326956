/** Answers the reviews of authorization.k8s.io and authentication.k8s.io. */
import { selfSubjectReview } from "#api/kinds/authentication/self-subject-review.ts";
import { tokenReview } from "#api/kinds/authentication/token-review.ts";
import { localSubjectAccessReview } from "#api/kinds/authorization/local-subject-access-review.ts";
import { selfSubjectAccessReview } from "#api/kinds/authorization/self-subject-access-review.ts";
import { selfSubjectRulesReview } from "#api/kinds/authorization/self-subject-rules-review.ts";
import { subjectAccessReview } from "#api/kinds/authorization/subject-access-review.ts";
import {
  answerSelfSubjectAccessReview,
  answerSelfSubjectReview,
  answerSelfSubjectRulesReview,
  answerSubjectAccessReview,
  answerTokenReview,
} from "../authorization/access-reviews.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { RuleResolver } from "../authorization/rbac-authorizer.ts";
import type { UserInfo } from "./resource-api.ts";
import type { ReviewAnswerer } from "./resource-deps.ts";
import { asKind } from "./stored-object.ts";

export interface ReviewDeps {
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  /** Whose token it is, and which of the audiences it is for; no audiences: the API server. undefined: not valid. */
  reviewToken(
    token: string,
    audiences: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] } | undefined>;
}

export function createReviewAnswerer({ authorizer, rules, reviewToken }: ReviewDeps): ReviewAnswerer {
  return {
    async answer(review, { user, signal }) {
      switch (review.kind) {
        case "SelfSubjectAccessReview":
          return answerSelfSubjectAccessReview(asKind(selfSubjectAccessReview, review), user, authorizer);
        case "SubjectAccessReview":
          return answerSubjectAccessReview(asKind(subjectAccessReview, review), authorizer);
        case "LocalSubjectAccessReview":
          return answerSubjectAccessReview(asKind(localSubjectAccessReview, review), authorizer);
        case "SelfSubjectRulesReview":
          return answerSelfSubjectRulesReview(asKind(selfSubjectRulesReview, review), user, rules);
        case "SelfSubjectReview":
          return answerSelfSubjectReview(asKind(selfSubjectReview, review), user);
        case "TokenReview": {
          const asked = asKind(tokenReview, review);
          const { token = "", audiences = [] } = asked.spec ?? {};
          const found = await reviewToken(token, audiences, signal);
          return answerTokenReview(asked, found?.user, found?.audiences ?? []);
        }
        default:
          return undefined;
      }
    },
  };
}
