/** Source: Kubernetes API reference, authentication.k8s.io/v1 TokenReview. */
import { defineKind, type ObjectOf } from "../../kind.ts";
import { boolean, field, list, object, string } from "../../schema/schema.ts";
import { AUTHENTICATION_GROUP, userInfo } from "./user-info.ts";

export type TokenReview = ObjectOf<typeof tokenReview>;

const name = (kind: string) => `io.k8s.api.authentication.v1.${kind}`;

const spec = object(name("TokenReviewSpec"), "The token.", {
  token: field(1, string, "The bearer token."),
  audiences: field(2, list(string), "For whom the token should be; empty for the API server."),
});

const status = object(name("TokenReviewStatus"), "The answer.", {
  authenticated: field(1, boolean, "True when the token belongs to a known user."),
  user: field(2, userInfo, "The user."),
  error: field(3, string, "Why the token could not be checked."),
  audiences: field(4, list(string), "Those of the audiences that the token is for."),
});

export const tokenReview = defineKind({
  group: AUTHENTICATION_GROUP,
  version: "v1",
  kind: "TokenReview",
  plural: "tokenreviews",
  isNamespaced: false,
  verbs: ["create"],
  hasStatus: false,
  doc: "Asks to whom a token belongs.",
  fields: {
    spec: field(2, spec, "The question."),
    status: field(3, status, "The answer; set by the server."),
  },
});
