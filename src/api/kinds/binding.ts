/** Puts a pod on a node: the body of its binding subresource. Source: Kubernetes API reference, core/v1 Binding. */
import { type FieldError, notSupported, required } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { objectReference } from "../meta/object-reference.ts";
import { field } from "../schema/schema.ts";

export type Binding = ObjectOf<typeof binding>;

/** Not a resource of its own: it has no verbs. */
export const binding = defineKind({
  group: "",
  version: "v1",
  kind: "Binding",
  plural: "bindings",
  doc: "Puts a pod on a node.",
  verbs: [],
  fields: {
    target: field(2, objectReference, "The node.", { required: true, default: {} }),
  },
  validate({ target }): readonly FieldError[] {
    const { kind = "", name = "" } = target;
    return [
      ...(kind === "" || kind === "Node" ? [] : [notSupported("target.kind", kind, ["Node", "<empty>"])]),
      ...(name === "" ? [required("target.name")] : []),
    ];
  },
});
