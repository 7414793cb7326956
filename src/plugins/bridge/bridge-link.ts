/** The bridge itself: created once, shared by all pods of the node, never removed by DEL. */
import { CniError } from "#cni/cni-error.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { createLink, findLink, setLink } from "#kernel/rtnetlink/link.ts";
import { findLinkBasics, type LinkBasics } from "#kernel/rtnetlink/link-ioctl.ts";
import type { Host } from "../host.ts";
import { failed } from "../pod/check-pod.ts";
import { refuseRouterAdvertisements } from "../pod/forwarding.ts";
import { randomMac } from "../pod/pod-identity.ts";
import type { BridgeConfig } from "./bridge-config.ts";

type BridgeHost = Pick<Host, "rtnetlink" | "netns">;

/**
 * Idempotent, also against others who create it at the same moment: `existing` is what findBridge saw before.
 * The hardware address is set at creation, so that it does not follow that of the lowest port.
 */
export function ensureBridge(
  host: BridgeHost,
  config: BridgeConfig,
  existing: LinkBasics | undefined,
): Pick<LinkBasics, "ifindex"> {
  const { bridge: name, promiscMode, mtu, vlan, trunk } = config;
  if (existing) refuseRouterAdvertisements(host, name);
  if (existing?.up === true && (!promiscMode || existing.promisc)) return existing;
  const link = existing ?? createBridge(host, { name, mtu, vlanFiltering: vlan !== 0 || trunk.length > 0 });
  setLink(host.rtnetlink, link.ifindex, { up: true, ...(promiscMode && { promisc: true }) });
  return link;
}

/** What is known to be a bridge, by ifindex: a link never changes its kind, and no number is used twice. */
const known = new WeakMap<Host["rtnetlink"], Set<number>>();

/** Undefined when no link has the name. Throws CniError 104 when it is of another kind. */
export function findBridge({ rtnetlink }: Pick<Host, "rtnetlink">, name: string): LinkBasics | undefined {
  const link = findLinkBasics(rtnetlink, name);
  if (link === undefined) return undefined;
  const bridges = known.get(rtnetlink) ?? new Set();
  known.set(rtnetlink, bridges);
  if (bridges.has(link.ifindex)) return link;
  if (findLink(rtnetlink, { ifindex: link.ifindex })?.kind?.type === "bridge") {
    bridges.add(link.ifindex);
    return link;
  }
  throw new CniError("linkConflict", `"${name}" already exists but is not a bridge`, `bridge=${name}`);
}

/** Throws CniError 103 when there is none. */
export function requireBridge(host: Pick<Host, "rtnetlink">, name: string): LinkBasics {
  const link = findBridge(host, name);
  if (link) return link;
  throw failed(`Cannot find bridge "${name}": it is gone`);
}

interface NewBridge {
  readonly name: string;
  readonly mtu: number | undefined;
  readonly vlanFiltering: boolean;
}

function createBridge(host: BridgeHost, { name, mtu, vlanFiltering }: NewBridge): Pick<LinkBasics, "ifindex"> {
  // Kernels without VLAN filtering refuse the setting even when it is off.
  const kind = { type: "bridge", ...(vlanFiltering && { vlanFiltering }) } as const;
  try {
    const link = createLink(host.rtnetlink, { name, mtu, mac: randomMac(), kind });
    refuseRouterAdvertisements(host, name);
    return link;
  } catch (error) {
    const other = isErrno(error, "EEXIST") ? findBridge(host, name) : undefined;
    if (other) return other; // made by another process since we looked
    throw error;
  }
}
