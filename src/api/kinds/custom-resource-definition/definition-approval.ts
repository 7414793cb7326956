/**
 * Groups of the Kubernetes community are protected: a kind in them says where it was approved.
 * Source: Kubernetes enhancement 1111, the annotation api-approved.kubernetes.io.
 */
import { type FieldError, invalid, keyPath, required } from "../../field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";

const ANNOTATION = "api-approved.kubernetes.io";
const DETAILS = "see https://github.com/kubernetes/enhancements/pull/1111";

export interface Approval {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  /** Why the definition is refused. */
  readonly problem: FieldError | undefined;
}

/** undefined: the group is not protected. */
export function approvalOf(definition: {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly group: string };
}): Approval | undefined {
  const { group } = definition.spec;
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(group)) return undefined;
  const text = definition.metadata.annotations?.[ANNOTATION] ?? "";
  const path = keyPath("metadata.annotations", ANNOTATION);
  if (text === "") {
    const message = `protected groups must have approval annotation ${JSON.stringify(ANNOTATION)}, ${DETAILS}`;
    return { status: "False", reason: "MissingAnnotation", message, problem: required(path, message) };
  }
  if (text.startsWith("unapproved")) {
    return {
      status: "False",
      reason: "UnapprovedAnnotation",
      message: `not approved: ${JSON.stringify(text)}`,
      problem: undefined,
    };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]+\/?/i.test(text)) {
    return { status: "True", reason: "ApprovedAnnotation", message: `approved in ${text}`, problem: undefined };
  }
  const message = `protected groups must have approval annotation ${JSON.stringify(ANNOTATION)} with either a URL or a reason starting with "unapproved", ${DETAILS}`;
  return { status: "False", reason: "InvalidAnnotation", message, problem: invalid(path, text, message) };
}
