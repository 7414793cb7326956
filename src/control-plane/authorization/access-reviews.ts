/**
 * The answers to reviews: may somebody do this, what may I do, who am I. `kubectl auth can-i`, `--list` and `whoami`
 * print them. Source: Kubernetes API reference, authorization.k8s.io/v1 and authentication.k8s.io/v1.
 */
import { badRequestError } from "#api/api-error.ts";
import type { SelfSubjectReview } from "#api/kinds/authentication/self-subject-review.ts";
import type { TokenReview } from "#api/kinds/authentication/token-review.ts";
import type { SubjectAccessReviewSpec, SubjectAccessReviewStatus } from "#api/kinds/authorization/access-review.ts";
import type { LocalSubjectAccessReview } from "#api/kinds/authorization/local-subject-access-review.ts";
import type { SelfSubjectAccessReview } from "#api/kinds/authorization/self-subject-access-review.ts";
import type { SelfSubjectRulesReview } from "#api/kinds/authorization/self-subject-rules-review.ts";
import type { SubjectAccessReview } from "#api/kinds/authorization/subject-access-review.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import type { AuthorizationRequest, Authorizer } from "./authorizer.ts";
import { aggregateText, type RuleResolver } from "./rbac-authorizer.ts";

/** For the one who asks. */
export function answerSelfSubjectAccessReview(
  review: SelfSubjectAccessReview,
  user: UserInfo,
  authorizer: Authorizer,
): SelfSubjectAccessReview {
  return { ...review, status: answer(review.spec ?? {}, user, authorizer) };
}

/** For the one whom the review names. */
export function answerSubjectAccessReview<R extends SubjectAccessReview | LocalSubjectAccessReview>(
  review: R,
  authorizer: Authorizer,
): R {
  const spec = review.spec ?? {};
  return { ...review, status: answer(spec, userOf(spec), authorizer) };
}

/** Throws ApiError 400 without a namespace. */
export function answerSelfSubjectRulesReview(
  review: SelfSubjectRulesReview,
  user: UserInfo,
  resolver: RuleResolver,
): SelfSubjectRulesReview {
  const namespace = review.spec?.namespace ?? "";
  if (namespace === "") throw badRequestError("no namespace on request");
  const { rules, isIncomplete, errors } = resolver.rulesFor(user, namespace);
  const onResources = rules.filter(({ resources = [] }) => resources.length > 0);
  const onPaths = rules.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0);
  return {
    ...review,
    status: {
      resourceRules: onResources.map(({ nonResourceURLs: _, ...rule }) => rule),
      nonResourceRules: onPaths.map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: isIncomplete,
      ...(errors.length > 0 && { evaluationError: aggregateText(errors) }),
    },
  };
}

export function answerSelfSubjectReview(review: SelfSubjectReview, user: UserInfo): SelfSubjectReview {
  return { ...review, status: { userInfo: userInfoOf(user) } };
}

/** `user`: to whom the token belongs; undefined when it is not valid. */
export function answerTokenReview(
  review: TokenReview,
  user: UserInfo | undefined,
  audiences: readonly string[],
): TokenReview {
  if (user === undefined) return { ...review, status: { authenticated: false, user: {} } };
  return { ...review, status: { authenticated: true, user: userInfoOf(user), audiences } };
}

function answer(
  spec: Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">,
  user: UserInfo,
  authorizer: Authorizer,
): SubjectAccessReviewStatus {
  const { isAllowed, reason } = authorizer.authorize(requestOf(spec, user));
  return { allowed: isAllowed, ...(reason !== "" && { reason }) };
}

function requestOf(
  {
    resourceAttributes: asked,
    nonResourceAttributes,
  }: Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">,
  user: UserInfo,
): AuthorizationRequest {
  if (asked === undefined) {
    const { path = "", verb = "" } = nonResourceAttributes ?? {};
    return { type: "path", user, verb, path };
  }
  const { verb = "", group = "", resource = "", subresource = "", namespace, name } = asked;
  return {
    type: "resource",
    user,
    verb,
    group,
    resource,
    subresource,
    namespace: namespace || undefined,
    name: name || undefined,
  };
}

function userOf({ user = "", uid, groups = [], extra }: SubjectAccessReviewSpec): UserInfo {
  return { name: user, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) };
}

function userInfoOf({ name, uid, groups, extra }: UserInfo) {
  return {
    username: name,
    ...(uid !== undefined && { uid }),
    groups,
    ...(extra !== undefined && { extra }),
  };
}
