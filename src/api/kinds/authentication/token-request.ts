/**
 * Written to serviceaccounts/NAME/token; there is no resource of its own.
 * Source: Kubernetes API reference, authentication.k8s.io/v1 TokenRequest.
 */
import { type FieldError, invalid } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { field, int64, list, object, string, time } from "../../schema/schema.ts";
import { AUTHENTICATION_GROUP } from "./user-info.ts";

export type TokenRequest = ObjectOf<typeof tokenRequest>;

const DEFAULT_SECONDS = 60 * 60;
const MIN_SECONDS = 10 * 60;
const MAX_SECONDS = 2 ** 32;

const name = (kind: string) => `io.k8s.api.authentication.v1.${kind}`;

const boundObjectReference = object(name("BoundObjectReference"), "The object that a token lives and dies with.", {
  kind: field(1, string, "Pod, Secret or Node."),
  apiVersion: field(2, string, "API version of the object."),
  name: field(3, string, "Name of the object."),
  uid: field(4, string, "UID of the object."),
});

const spec = object(name("TokenRequestSpec"), "What token is wanted.", {
  audiences: field(1, list(string), "For whom the token is; empty for the API server."),
  boundObjectRef: field(3, boundObjectReference, "The object that the token lives and dies with."),
  expirationSeconds: field(4, int64, "How long the token should be valid; the server may shorten it.", {
    pointer: true,
    default: DEFAULT_SECONDS,
  }),
});

const status = object(name("TokenRequestStatus"), "The token.", {
  token: field(1, string, "The bearer token."),
  expirationTimestamp: field(2, time, "When it ceases to be valid."),
});

export const tokenRequest = defineKind({
  group: AUTHENTICATION_GROUP,
  version: "v1",
  kind: "TokenRequest",
  plural: "tokenrequests",
  verbs: [],
  hasStatus: false,
  doc: "Asks for a token of a service account.",
  fields: {
    spec: field(2, spec, "What is wanted.", { default: {} }),
    status: field(3, status, "The token; set by the server."),
  },
  validate({ spec }): readonly FieldError[] {
    const seconds = spec?.expirationSeconds ?? DEFAULT_SECONDS;
    const wrong = (why: string) => [invalid("spec.expirationSeconds", seconds, why)];
    if (seconds < MIN_SECONDS) return wrong("may not specify a duration less than 10 minutes");
    return seconds > MAX_SECONDS ? wrong("may not specify a duration larger than 2^32 seconds") : [];
  },
});
