/** Source: Kubernetes API reference, authentication.k8s.io/v1 SelfSubjectReview. */
import { defineKind, type ObjectOf } from "../../kind.ts";
import { field, object } from "../../schema/schema.ts";
import { AUTHENTICATION_GROUP, userInfo } from "./user-info.ts";

export type SelfSubjectReview = ObjectOf<typeof selfSubjectReview>;

const status = object("io.k8s.api.authentication.v1.SelfSubjectReviewStatus", "The answer.", {
  userInfo: field(1, userInfo, "Who asks."),
});

export const selfSubjectReview = defineKind({
  group: AUTHENTICATION_GROUP,
  version: "v1",
  kind: "SelfSubjectReview",
  plural: "selfsubjectreviews",
  isNamespaced: false,
  verbs: ["create"],
  hasStatus: false,
  doc: "Asks who the one who asks is.",
  fields: { status: field(2, status, "The answer; set by the server.") },
});
