/** Source: Kubernetes API reference, authorization.k8s.io/v1 SelfSubjectAccessReview. */
import type { FieldError } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { field, object } from "../../schema/schema.ts";
import {
  AUTHORIZATION_GROUP,
  nonResourceAttributes,
  resourceAttributes,
  subjectAccessReviewStatus,
  validateNoMetadata,
  validateQuestion,
} from "./access-review.ts";

export type SelfSubjectAccessReview = ObjectOf<typeof selfSubjectAccessReview>;

const spec = object(
  "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec",
  "May I do this? Either resourceAttributes or nonResourceAttributes is set.",
  {
    resourceAttributes: field(1, resourceAttributes, "An access to objects."),
    nonResourceAttributes: field(2, nonResourceAttributes, "An access to a path without objects."),
  },
);

export const selfSubjectAccessReview = defineKind({
  group: AUTHORIZATION_GROUP,
  version: "v1",
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  isNamespaced: false,
  verbs: ["create"],
  hasStatus: false,
  doc: "Asks whether the one who asks may do something.",
  fields: {
    spec: field(2, spec, "The question."),
    status: field(3, subjectAccessReviewStatus, "The answer; set by the server."),
  },
  validate: (object): readonly FieldError[] => [
    ...validateQuestion(object.spec ?? {}),
    ...validateNoMetadata(object.metadata),
  ],
});
