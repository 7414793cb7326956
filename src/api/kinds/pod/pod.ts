/**
 * Pods. What they should be never changes but for a few fields; how they are is written by their node.
 * Source: Kubernetes API reference, core/v1 Pod.
 */
import { invalidError } from "../../api-error.ts";
import { type FieldError, forbidden } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { field } from "../../schema/schema.ts";
import { podColumns } from "./pod-columns.ts";
import { podSpec } from "./pod-spec.ts";
import { podStatus } from "./pod-status.ts";
import { completePodSpec, initialPodStatus } from "./prepare-pod.ts";
import { validatePodSpec } from "./validate-pod-spec.ts";
import { validateEphemeralContainersUpdate, validatePodSpecUpdate } from "./validate-pod-update.ts";

export type Pod = ObjectOf<typeof pod>;

const itself = { group: "", version: "v1", kind: "Pod" } as const;
const optionsOf = (name: string) => ({ group: "", version: "v1", kind: name });

/** Specs that are known to be valid. Objects never change, and most writes of a pod leave its spec alone. */
const validSpecs = new WeakSet<object>();

export const pod = defineKind({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  doc: "Containers that run together on one node and share its network namespace and volumes.",
  fields: {
    spec: field(2, podSpec, "What the pod should be.", { required: true, default: {} }),
    status: field(3, podStatus, "How the pod is; written by its node."),
  },
  columns: podColumns,
  fieldSelectors: {
    "spec.nodeName": ({ spec }) => spec.nodeName ?? "",
    "spec.restartPolicy": ({ spec }) => spec.restartPolicy ?? "",
    "spec.schedulerName": ({ spec }) => spec.schedulerName ?? "",
    "spec.serviceAccountName": ({ spec }) => spec.serviceAccountName ?? "",
    "spec.hostNetwork": ({ spec }) => String(spec.hostNetwork ?? false),
    "status.phase": ({ status }) => status?.phase ?? "",
    "status.podIP": ({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP ?? "",
    "status.nominatedNodeName": ({ status }) => status?.nominatedNodeName ?? "",
  },
  subresources: [
    { name: "attach", kind: optionsOf("PodAttachOptions"), verbs: ["create", "get"] },
    { name: "binding", kind: optionsOf("Binding"), verbs: ["create"] },
    { name: "ephemeralcontainers", kind: itself, verbs: ["get", "patch", "update"] },
    { name: "eviction", kind: { group: "policy", version: "v1", kind: "Eviction" }, verbs: ["create"] },
    { name: "exec", kind: optionsOf("PodExecOptions"), verbs: ["create", "get"] },
    { name: "log", kind: itself, verbs: ["get"] },
    { name: "portforward", kind: optionsOf("PodPortForwardOptions"), verbs: ["create", "get"] },
    {
      name: "proxy",
      kind: optionsOf("PodProxyOptions"),
      verbs: ["create", "delete", "get", "patch", "update"],
    },
  ],
  prepareForCreate(object) {
    const { metadata } = object;
    if ((object.spec.ephemeralContainers ?? []).length > 0) {
      throw invalidError(itself, metadata.name ?? "", [
        forbidden("spec.ephemeralContainers", "cannot be set on create"),
      ]);
    }
    const spec = completePodSpec(object.spec);
    return { ...object, spec, status: initialPodStatus(spec, metadata.creationTimestamp) };
  },
  prepareForUpdate(object, old) {
    if (object.spec === old.spec) return object;
    const spec = completePodSpec(object.spec);
    return spec === object.spec ? object : { ...object, spec };
  },
  validate({ spec }): readonly FieldError[] {
    if (spec === undefined || validSpecs.has(spec)) return [];
    const errors = validatePodSpec(spec, "spec", { isTemplate: false });
    if (errors.length === 0) validSpecs.add(spec);
    return errors;
  },
  validateUpdate(next, old, subresource): readonly FieldError[] {
    switch (subresource) {
      case "":
        return validatePodSpecUpdate(next.spec, old.spec);
      case "ephemeralcontainers":
        return validateEphemeralContainersUpdate(next.spec, old.spec);
      default:
        return [];
    }
  },
});
