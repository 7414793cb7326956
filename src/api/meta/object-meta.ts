/** What every object carries. Source: Kubernetes API reference, meta/v1 ObjectMeta. */
import {
  any,
  boolean,
  field,
  int64,
  list,
  listBy,
  mapOf,
  object,
  oneOf,
  setOf,
  string,
  time,
  type ValueOf,
} from "../schema/schema.ts";

const ownerReference = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
  "The object that this one belongs to; when it goes, this one goes, too.",
  {
    kind: field(1, string, "Kind of the owner.", { required: true }),
    name: field(3, string, "Name of the owner.", { required: true }),
    uid: field(4, string, "UID of the owner.", { required: true }),
    apiVersion: field(5, string, "API version of the owner.", { required: true }),
    controller: field(6, boolean, "True for the one owner that manages this object.", { pointer: true }),
    blockOwnerDeletion: field(
      7,
      boolean,
      "True when a foreground deletion of the owner waits until this object is gone.",
      { pointer: true },
    ),
  },
  { isAtomic: true },
);
export type OwnerReference = ValueOf<typeof ownerReference>;

const managedFieldsEntry = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
  "The fields that one writer manages.",
  {
    manager: field(1, string, "Name of the writer."),
    operation: field(2, oneOf("Apply", "Update"), "How the fields were written."),
    apiVersion: field(3, string, "Version of the object when it was written."),
    time: field(4, time, "When the set of fields last changed."),
    fieldsType: field(6, string, "Format of fieldsV1; always FieldsV1."),
    fieldsV1: field(7, any, "The set of fields, as nested keys."),
    subresource: field(8, string, "Subresource through which it was written; empty for the object itself."),
  },
);
export type ManagedFieldsEntry = ValueOf<typeof managedFieldsEntry>;

export const objectMeta = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
  "What every stored object has: its name, its labels, its owners, and what the server keeps about it.",
  {
    name: field(1, string, "Name, unique among the objects of this kind in the namespace. It cannot change."),
    generateName: field(2, string, "Prefix from which the server makes a unique name, when name is empty."),
    namespace: field(3, string, "Namespace of the object; empty for kinds of the whole cluster. It cannot change."),
    selfLink: field(4, string, "Not used any more."),
    uid: field(5, string, "Unique over all objects for all time; set by the server."),
    resourceVersion: field(6, string, "Version of this object for comparing and watching; opaque."),
    generation: field(7, int64, "Counts changes of the desired state; set by the server."),
    creationTimestamp: field(8, time, "When the object was created; set by the server."),
    deletionTimestamp: field(9, time, "When the object will be, or was asked to be, deleted; set by the server."),
    deletionGracePeriodSeconds: field(10, int64, "Seconds given to end gracefully; set with deletionTimestamp.", {
      pointer: true,
    }),
    labels: field(11, mapOf(string), "Keys and values to select objects by."),
    annotations: field(12, mapOf(string), "Keys and values for tools; not for selecting."),
    ownerReferences: field(13, listBy(ownerReference, ["uid"], { patchKey: "uid" }), "Objects this one belongs to."),
    finalizers: field(
      14,
      setOf(string, { patchMerge: true }),
      "Names of what must be done before the object is removed; it stays until the list is empty.",
    ),
    managedFields: field(17, list(managedFieldsEntry), "Who manages which fields; kept by the server."),
  },
);
export type ObjectMeta = ValueOf<typeof objectMeta>;
