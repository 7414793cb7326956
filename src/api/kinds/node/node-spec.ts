/** What a node should be. Source: Kubernetes API reference, core/v1 NodeSpec. */
import type { JsonValue } from "#base/json.ts";
import { boolean, field, list, object, setOf, string, stringOf, type ValueOf } from "../../schema/schema.ts";
import { checkCidr } from "../network/address.ts";
import { taint } from "../pod/toleration.ts";
import { nodeConfigSource } from "./node-config-source.ts";

const cidr = stringOf(checkCidr);

export const nodeSpec = object("io.k8s.api.core.v1.NodeSpec", "What a node should be.", {
  podCIDR: field(1, cidr, "Range of its pods' addresses; the first of podCIDRs.", {
    default: ({ podCIDRs }) => first(podCIDRs),
  }),
  podCIDRs: field(7, setOf(cidr, { patchMerge: true }), "Ranges of its pods' addresses, at most one per family.", {
    default: ({ podCIDR }) => (podCIDR === undefined || podCIDR === "" ? undefined : [podCIDR]),
  }),
  providerID: field(3, string, "Its id at the cloud provider: provider://id."),
  unschedulable: field(4, boolean, "True: no new pods, as after kubectl cordon."),
  taints: field(5, list(taint), "Keep pods away that do not bear them."),
  configSource: field(6, nodeConfigSource, "Not used any more."),
  externalID: field(2, string, "Not used any more."),
});
export type NodeSpec = ValueOf<typeof nodeSpec>;

function first(list: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(list) ? list[0] : undefined;
}
