/** Several authorizers as one: the first that allows decides; nobody forbids. */
import type { Authorizer } from "./authorizer.ts";
import type { ResolvedRules, RuleResolver } from "./rbac-authorizer.ts";

/** Whoever is in it may do everything, also before there are any roles. */
export const MASTERS_GROUP = "system:masters";

export function unionAuthorizer(
  authorizers: readonly (Authorizer & Partial<RuleResolver>)[],
): Authorizer & RuleResolver {
  return {
    authorize(request) {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(request);
        if (decision.isAllowed) return decision;
        if (decision.reason !== "") reasons.push(decision.reason);
      }
      return { isAllowed: false, reason: reasons.join("\n") };
    },
    rulesFor(user, namespace): ResolvedRules {
      const parts = authorizers.flatMap((authorizer) => authorizer.rulesFor?.(user, namespace) ?? []);
      return {
        rules: parts.flatMap(({ rules }) => rules),
        isIncomplete: parts.some(({ isIncomplete }) => isIncomplete),
        errors: parts.flatMap(({ errors }) => errors),
      };
    },
  };
}

export const mastersAuthorizer: Authorizer = {
  authorize: ({ user }) => ({ isAllowed: user.groups.includes(MASTERS_GROUP), reason: "" }),
};
