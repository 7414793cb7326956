/** How one object names another. Source: Kubernetes API reference, core/v1. */
import { field, object, string, type ValueOf } from "../schema/schema.ts";

export const objectReference = object(
  "io.k8s.api.core.v1.ObjectReference",
  "Names an object of any kind, or a part of one.",
  {
    kind: field(1, string, "Kind of the object."),
    namespace: field(2, string, "Namespace of the object."),
    name: field(3, string, "Name of the object."),
    uid: field(4, string, "UID of the object."),
    apiVersion: field(5, string, "API version of the object."),
    resourceVersion: field(6, string, "Version of the object that is meant, if one is."),
    fieldPath: field(7, string, "Part of the object that is meant, such as spec.containers{web}."),
  },
  { isAtomic: true },
);
export type ObjectReference = ValueOf<typeof objectReference>;

export const localObjectReference = object(
  "io.k8s.api.core.v1.LocalObjectReference",
  "Names an object in the same namespace; its kind is known from the place.",
  { name: field(1, string, "Name of the object.", { default: "" }) },
  { isAtomic: true },
);
export type LocalObjectReference = ValueOf<typeof localObjectReference>;

export const typedLocalObjectReference = object(
  "io.k8s.api.core.v1.TypedLocalObjectReference",
  "Names an object of some kind in the same namespace.",
  {
    apiGroup: field(1, string, "Group of the object's kind; absent for the core group.", { pointer: true }),
    kind: field(2, string, "Kind of the object.", { required: true }),
    name: field(3, string, "Name of the object.", { required: true }),
  },
  { isAtomic: true },
);
export type TypedLocalObjectReference = ValueOf<typeof typedLocalObjectReference>;
