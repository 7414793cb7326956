/** What a client asks for when it deletes. Source: Kubernetes API reference, meta/v1 DeleteOptions. */
import { boolean, field, int64, list, object, oneOf, string, type ValueOf } from "../schema/schema.ts";

const preconditions = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions",
  "What must hold for the object, or it is not deleted.",
  {
    uid: field(1, string, "UID that the object must have.", { pointer: true }),
    resourceVersion: field(2, string, "Version that the object must have.", { pointer: true }),
  },
);

export const deleteOptions = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
  "How an object is deleted, and what becomes of its dependents.",
  {
    apiVersion: field(0, string, "Group and version of the options."),
    kind: field(0, string, "DeleteOptions."),
    gracePeriodSeconds: field(1, { ...int64, min: 0 }, "Seconds to end gracefully; 0: at once.", { pointer: true }),
    preconditions: field(2, preconditions, "What must hold for the object."),
    orphanDependents: field(3, boolean, "Old form of propagationPolicy: true is Orphan.", { pointer: true }),
    propagationPolicy: field(
      4,
      oneOf("Orphan", "Background", "Foreground"),
      "Whether dependents stay, go afterwards, or go first.",
      { pointer: true },
    ),
    dryRun: field(5, list(string), "All: everything is done but the deletion itself."),
    ignoreStoreReadErrorWithClusterBreakingPotential: field(
      6,
      boolean,
      "True: an object that cannot be read from the store is removed, too.",
      { pointer: true },
    ),
  },
);
export type DeleteOptions = ValueOf<typeof deleteOptions>;
