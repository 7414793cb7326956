/**
 * The claims that a StatefulSet makes for each of its pods: PersistentVolumeClaims as far as they are settings.
 * Source: Kubernetes API reference, core/v1 PersistentVolumeClaim; defaults as the API server sets them.
 */
import { labelSelector } from "../../meta/label-selector.ts";
import { objectMeta } from "../../meta/object-meta.ts";
import { typedLocalObjectReference } from "../../meta/object-reference.ts";
import { field, list, mapOf, object, oneOf, quantity, string } from "../../schema/schema.ts";

const resources = object("io.k8s.api.core.v1.VolumeResourceRequirements", "How large the volume must be.", {
  limits: field(1, mapOf(quantity), "The most it may have."),
  requests: field(2, mapOf(quantity), "The least it must have."),
});

const typedObjectReference = object(
  "io.k8s.api.core.v1.TypedObjectReference",
  "Names an object of some kind, perhaps in another namespace.",
  {
    apiGroup: field(1, string, "Group of the object's kind; absent for the core group.", { pointer: true }),
    kind: field(2, string, "Kind of the object.", { required: true }),
    name: field(3, string, "Name of the object.", { required: true }),
    namespace: field(4, string, "Namespace of the object.", { pointer: true }),
  },
);

const spec = object("io.k8s.api.core.v1.PersistentVolumeClaimSpec", "What kind of volume is wanted.", {
  accessModes: field(
    1,
    list(oneOf("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
    "How the volume can be mounted.",
  ),
  resources: field(2, resources, "How large the volume must be.", { default: {} }),
  volumeName: field(3, string, "Volume that is meant, if one is."),
  selector: field(4, labelSelector, "Labels that the volume must have."),
  storageClassName: field(5, string, "Storage class of the volume.", { pointer: true }),
  volumeMode: field(6, oneOf("Block", "Filesystem"), "Whether it is a device or a file system.", {
    default: "Filesystem",
    pointer: true,
  }),
  dataSource: field(7, typedLocalObjectReference, "What the volume is filled with."),
  dataSourceRef: field(8, typedObjectReference, "What the volume is filled with, of any kind."),
  volumeAttributesClassName: field(9, string, "Class of settings that can change.", { pointer: true }),
});

const status = object("io.k8s.api.core.v1.PersistentVolumeClaimStatus", "Of no use in a template.", {
  phase: field(1, oneOf("Pending", "Bound", "Lost"), "How far the claim is.", { default: "Pending" }),
  accessModes: field(2, list(string), "How the volume can be mounted."),
  capacity: field(3, mapOf(quantity), "How large the volume is."),
});

export const volumeClaimTemplate = object(
  "io.k8s.api.core.v1.PersistentVolumeClaim",
  "A claim for a volume; its name is that of the volume in the pod.",
  {
    apiVersion: field(0, string, "Group and version of the kind.", { default: "v1" }),
    kind: field(0, string, "Name of the kind.", { default: "PersistentVolumeClaim" }),
    metadata: field(1, objectMeta, "Name and labels of the claim."),
    spec: field(2, spec, "What kind of volume is wanted.", { default: {} }),
    status: field(3, status, "Of no use in a template.", { default: {} }),
  },
);
