/** Machines that pods run on. Source: Kubernetes API reference, core/v1 Node; texts of the API server's validation. */
import { duplicate, type FieldError, forbidden, indexPath, invalid } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { field } from "../schema/schema.ts";
import { findPrefix } from "./network/address.ts";
import { nodeColumns } from "./node/node-columns.ts";
import { type NodeSpec, nodeSpec } from "./node/node-spec.ts";
import { type NodeStatus, nodeStatus } from "./node/node-status.ts";

export type Node = ObjectOf<typeof node>;

export const node = defineKind({
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  isNamespaced: false,
  doc: "A machine that pods run on.",
  fields: {
    spec: field(2, nodeSpec, "What the node should be.", { default: {} }),
    status: field(3, nodeStatus, "How the node is; written by its kubelet.", { default: {} }),
  },
  columns: nodeColumns,
  fieldSelectors: { "spec.unschedulable": ({ spec }) => String(spec?.unschedulable ?? false) },
  subresources: [
    {
      name: "proxy",
      kind: { group: "", version: "v1", kind: "NodeProxyOptions" },
      verbs: ["create", "delete", "get", "patch", "update"],
    },
  ],
  validate({ spec = {}, status = {} }): readonly FieldError[] {
    return [...validateTaints(spec), ...validatePodCidrs(spec), ...validateAddresses(status)];
  },
  validateUpdate(next, old): readonly FieldError[] {
    const [spec, before] = [next.spec ?? {}, old.spec ?? {}];
    const { podCIDRs: ranges = [], providerID: provider = "" } = before;
    const hasOtherRanges = ranges.length > 0 && ranges.join() !== (spec.podCIDRs ?? []).join();
    const hasOtherProvider = provider !== "" && provider !== spec.providerID;
    return [
      ...(hasOtherRanges
        ? [forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')]
        : []),
      ...(hasOtherProvider
        ? [forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid')]
        : []),
    ];
  },
});

function validateTaints({ taints = [] }: NodeSpec): readonly FieldError[] {
  const keys = taints.map(({ key, effect }) => `${key}:${effect}`);
  return taints.flatMap((taint, index) =>
    keys.indexOf(`${taint.key}:${taint.effect}`) < index ? [duplicate(indexPath("spec.taints", index), taint)] : [],
  );
}

function validatePodCidrs({ podCIDR = "", podCIDRs = [] }: NodeSpec): readonly FieldError[] {
  const families = podCIDRs.map((range) => findPrefix(range)?.family).filter((family) => family !== undefined);
  const isTwice = new Set(families).size < families.length;
  return [
    ...(podCIDR !== "" && podCIDRs[0] !== podCIDR
      ? [invalid(indexPath("spec.podCIDRs", 0), podCIDRs[0] ?? "", "must be the same as spec.podCIDR")]
      : []),
    ...(isTwice ? [invalid("spec.podCIDRs", podCIDRs, "may specify no more than one CIDR for each IP family")] : []),
  ];
}

function validateAddresses({ addresses = [] }: NodeStatus): readonly FieldError[] {
  const keys = addresses.map(({ type, address }) => `${type} ${address}`);
  return addresses.flatMap((address, index) =>
    keys.indexOf(keys[index] ?? "") < index ? [duplicate(indexPath("status.addresses", index), address)] : [],
  );
}
