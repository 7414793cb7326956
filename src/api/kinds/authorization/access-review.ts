/**
 * What the three reviews of a single access have in common: the question, the answer, what is wrong with a question.
 * Source: Kubernetes API reference, authorization.k8s.io/v1.
 */
import { type FieldError, invalid } from "../../field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { boolean, field, list, mapOf, object, oneOf, string, type ValueOf } from "../../schema/schema.ts";

export const AUTHORIZATION_GROUP = "authorization.k8s.io";

const name = (kind: string) => `io.k8s.api.authorization.v1.${kind}`;

function selectorRequirement(kind: "Field" | "Label") {
  return object(`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}SelectorRequirement`, "One condition of a selector.", {
    key: field(1, string, "Field or label that is compared.", { required: true }),
    operator: field(2, oneOf("In", "NotIn", "Exists", "DoesNotExist"), "How it is compared.", { required: true }),
    values: field(3, list(string), "Values for In and NotIn; empty for the others."),
  });
}

function selectorAttributes(kind: "Field" | "Label") {
  return object(name(`${kind}SelectorAttributes`), "The selector of a list or watch, as text or as conditions.", {
    rawSelector: field(1, string, "The selector as text."),
    requirements: field(2, list(selectorRequirement(kind)), "The selector as conditions; all must hold."),
  });
}

export const resourceAttributes = object(name("ResourceAttributes"), "An access to objects.", {
  namespace: field(1, string, "Namespace of the objects; empty for all, and for kinds of the whole cluster."),
  verb: field(2, string, "get, list, watch, create, update, patch, delete, …; * for all."),
  group: field(3, string, "API group of the resource; * for all."),
  version: field(4, string, "API version of the resource; * for all."),
  resource: field(5, string, "The resource, such as pods; * for all."),
  subresource: field(6, string, "The subresource, such as log."),
  name: field(7, string, "Name of the object; empty for all."),
  fieldSelector: field(8, selectorAttributes("Field"), "Limits the access to objects with certain fields."),
  labelSelector: field(9, selectorAttributes("Label"), "Limits the access to objects with certain labels."),
});
export type ResourceAttributes = ValueOf<typeof resourceAttributes>;

export const nonResourceAttributes = object(name("NonResourceAttributes"), "An access to a path without objects.", {
  path: field(1, string, "The path, such as /healthz."),
  verb: field(2, string, "The HTTP method in lower case."),
});
export type NonResourceAttributes = ValueOf<typeof nonResourceAttributes>;

export const subjectAccessReviewSpec = object(
  name("SubjectAccessReviewSpec"),
  "May this user do this? Either resourceAttributes or nonResourceAttributes is set.",
  {
    resourceAttributes: field(1, resourceAttributes, "An access to objects."),
    nonResourceAttributes: field(2, nonResourceAttributes, "An access to a path without objects."),
    user: field(3, string, "Name of the user."),
    groups: field(4, list(string), "Groups of the user."),
    extra: field(5, mapOf(list(string)), "More about the user, for authorizers that know it."),
    uid: field(6, string, "UID of the user."),
  },
);
export type SubjectAccessReviewSpec = ValueOf<typeof subjectAccessReviewSpec>;

export const subjectAccessReviewStatus = object(name("SubjectAccessReviewStatus"), "The answer.", {
  allowed: field(1, boolean, "True when the access is allowed."),
  reason: field(2, string, "Why, for people."),
  evaluationError: field(3, string, "What went wrong while the answer was found."),
  denied: field(4, boolean, "True when the access is denied whatever others say."),
});
export type SubjectAccessReviewStatus = ValueOf<typeof subjectAccessReviewStatus>;

type Question = Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">;

export function validateQuestion(spec: Question): readonly FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource !== undefined && path !== undefined) {
    return [invalid("spec.nonResourceAttributes", path, "cannot be specified in combination with resourceAttributes")];
  }
  if (resource !== undefined || path !== undefined) return [];
  const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [invalid("spec.resourceAttributes", undefined, why)];
}

export function validateSubject({ user = "", groups = [] }: SubjectAccessReviewSpec): readonly FieldError[] {
  if (user !== "" || groups.length > 0) return [];
  return [invalid("spec.user", user, "at least one of user or group must be specified")];
}

/** Reviews are not stored, so they have no name and no labels. */
export function validateNoMetadata(metadata: ObjectMeta, except?: "namespace"): readonly FieldError[] {
  const set = Object.entries(metadata).some(
    ([member, value]) => value !== undefined && value !== "" && member !== "managedFields" && member !== except,
  );
  if (!set) return [];
  return [invalid("metadata", metadata, except === undefined ? "must be empty" : `must be empty except for ${except}`)];
}
