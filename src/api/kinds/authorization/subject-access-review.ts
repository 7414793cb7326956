/** Source: Kubernetes API reference, authorization.k8s.io/v1 SubjectAccessReview. */
import type { FieldError } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { field } from "../../schema/schema.ts";
import {
  AUTHORIZATION_GROUP,
  subjectAccessReviewSpec,
  subjectAccessReviewStatus,
  validateNoMetadata,
  validateQuestion,
  validateSubject,
} from "./access-review.ts";

export type SubjectAccessReview = ObjectOf<typeof subjectAccessReview>;

export const subjectAccessReview = defineKind({
  group: AUTHORIZATION_GROUP,
  version: "v1",
  kind: "SubjectAccessReview",
  plural: "subjectaccessreviews",
  isNamespaced: false,
  verbs: ["create"],
  hasStatus: false,
  doc: "Asks whether somebody may do something.",
  fields: {
    spec: field(2, subjectAccessReviewSpec, "The question."),
    status: field(3, subjectAccessReviewStatus, "The answer; set by the server."),
  },
  validate: ({ metadata, spec = {} }): readonly FieldError[] => [
    ...validateQuestion(spec),
    ...validateSubject(spec),
    ...validateNoMetadata(metadata),
  ],
});
