/** The VXLAN link of one family: kept and corrected where that is possible, else made anew. Pure. */
import { type Family, hostPrefix, networkOf } from "#base/ip-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Vxlan } from "#kernel/rtnetlink/link-kinds.ts";
import type { LocalNode } from "../contract.ts";
import type { KernelOperation } from "../kernel-operation.ts";
import { planAddress } from "../link-address.ts";
import type { UnderlayLink } from "../underlay.ts";
import { vtepMac } from "../vtep-mac.ts";
import type { ObservedVtep, ObservedVxlan } from "./plan.ts";
import { VXLAN_OVERHEAD_BYTES, type VxlanSettings, vxlanLinkName } from "./vxlan-options.ts";

export interface VtepPlan {
  readonly operations: readonly KernelOperation[];
  /** What is still on the link afterwards; undefined when it is new. */
  readonly kept: ObservedVtep | undefined;
}

/** Undefined when the node has no pods of the family. */
export function planVtep(
  local: LocalNode,
  family: Family,
  settings: VxlanSettings,
  observed: ObservedVxlan,
): VtepPlan | undefined {
  const podPrefix = local.podPrefixes[family];
  const underlay = observed.underlay[family];
  if (podPrefix === undefined || underlay === undefined) return undefined;
  const name = vxlanLinkName(family, settings.vni);
  const kind = wantedKind(underlay, settings);
  const mtu = (settings.underlayMtuBytes ?? underlay.mtu) - VXLAN_OVERHEAD_BYTES[family];
  const mac = local.vtepMacs?.[family] ?? vtepMac(local.name, family);
  const present = observed.vteps[family];
  const kept = present && isSameKind(present.link, kind) ? present : undefined;
  const operations: KernelOperation[] = [];
  if (present && !kept) operations.push({ do: "delete link", link: name });
  if (!kept) operations.push({ do: "create link", link: { name, kind, mtu, mac } });
  if (settings.ownChecksums && kept?.txChecksum !== false) operations.push({ do: "disable tx checksum", link: name });
  const change = { ...(kept && kept.link.mtu !== mtu && { mtu }), ...(kept && kept.link.mac !== mac && { mac }) };
  if (Object.keys(change).length > 0) operations.push({ do: "set link", link: name, change });
  for (const [key, value] of wantedSysctls(family, name, observed.sysctls)) {
    const present = observed.sysctls.get(key);
    if (present !== undefined && present !== value) operations.push({ do: "write sysctl", link: name, key, value });
  }
  if (!kept?.link.up) operations.push({ do: "set link", link: name, change: { up: true } });
  operations.push(...planAddress(name, hostPrefix(networkOf(podPrefix).address), kept?.addresses ?? []));
  // The kernel forgets a link's neighbours, permanent ones too, when its own hardware address changes.
  return { operations, kept: kept && { ...kept, neighbours: kept.link.mac === mac ? kept.neighbours : [] } };
}

function wantedKind({ address, ifindex }: UnderlayLink, { vni, port, learning, gbp }: VxlanSettings): Vxlan {
  return { type: "vxlan", id: vni, port, local: address, link: ifindex, learning, gbp };
}

/** What cannot be changed without making the link anew. */
function isSameKind({ kind }: Link, wanted: Vxlan): boolean {
  if (kind?.type !== "vxlan" || kind.external === true || kind.group !== undefined) return false;
  const keys = ["id", "port", "local", "link", "learning", "gbp"] as const;
  return keys.every((key) => kind[key] === wanted[key]);
}

const STRICT = "1";
const LOOSE = "2";

/** Keys whose present values decide; with the link's name `default`, what a new link will have. */
export function vtepSysctlKeys(family: Family, link: string): readonly string[] {
  if (family === 6) return [`net/ipv6/conf/${link}/accept_ra`];
  return [`net/ipv4/conf/${link}/rp_filter`, "net/ipv4/conf/all/rp_filter"];
}

/**
 * No routes from router advertisements. A strict reverse path filter, which applies where either value is 1, would drop
 * what a peer still sends through the tunnel after this node's route to it has become a direct one.
 */
function wantedSysctls(
  family: Family,
  link: string,
  present: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const [own = "", all = ""] = vtepSysctlKeys(family, link);
  if (family === 6) return [[own, "0"]];
  const values = [present.get(own), present.get(all)];
  return values.includes(STRICT) && !values.includes(LOOSE) ? [[own, LOOSE]] : [];
}
