/**
 * Asks that a pod goes, unless a disruption budget forbids it: the body of its eviction subresource. Source: Kubernetes
 * API reference, policy/v1 Eviction.
 */
import { defineKind, type ObjectOf } from "../kind.ts";
import { deleteOptions } from "../meta/delete-options.ts";
import { field } from "../schema/schema.ts";

export type Eviction = ObjectOf<typeof eviction>;

/** Not a resource of its own: it has no verbs. */
export const eviction = defineKind({
  group: "policy",
  version: "v1",
  kind: "Eviction",
  plural: "evictions",
  doc: "Asks that a pod goes, unless a disruption budget forbids it.",
  verbs: [],
  fields: {
    deleteOptions: field(2, deleteOptions, "How the pod is deleted.", { pointer: true }),
  },
});
