/** Source: Kubernetes API reference, authorization.k8s.io/v1 LocalSubjectAccessReview. */
import { type FieldError, invalid } from "../../field-error.ts";
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

export type LocalSubjectAccessReview = ObjectOf<typeof localSubjectAccessReview>;

export const localSubjectAccessReview = defineKind({
  group: AUTHORIZATION_GROUP,
  version: "v1",
  kind: "LocalSubjectAccessReview",
  plural: "localsubjectaccessreviews",
  verbs: ["create"],
  hasStatus: false,
  doc: "Asks whether somebody may do something in one namespace.",
  fields: {
    spec: field(2, subjectAccessReviewSpec, "The question."),
    status: field(3, subjectAccessReviewStatus, "The answer; set by the server."),
  },
  validate({ metadata, spec = {} }): readonly FieldError[] {
    const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
    const namespace = resource?.namespace ?? "";
    return [
      ...validateQuestion(spec),
      ...validateSubject(spec),
      ...validateNoMetadata(metadata, "namespace"),
      ...(resource !== undefined && namespace !== (metadata.namespace ?? "")
        ? [invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")]
        : []),
      ...(path === undefined
        ? []
        : [invalid("spec.nonResourceAttributes", path, "disallowed on this kind of request")]),
    ];
  },
});
