/** VLANs of a pod's bridge port, and the link that is the gateway of one VLAN. */

import { addBridgeVlans, type BridgeVlan, deleteBridgeVlans } from "#kernel/rtnetlink/bridge-vlan.ts";
import { createVeth, findLink, type Link, setLink } from "#kernel/rtnetlink/link.ts";
import type { Host } from "../host.ts";
import { randomMac } from "../pod/pod-identity.ts";
import type { BridgeConfig } from "./bridge-config.ts";

/** VLAN that the kernel puts every new port into. IEEE 802.1Q default PVID. */
const DEFAULT_VLAN = 1;

type VlanConfig = Pick<BridgeConfig, "vlan" | "trunk" | "preserveDefaultVlan">;

/** What the port of a pod gets: its own VLAN untagged, those of the trunk tagged. Pure. */
export function planPortVlans({ vlan, trunk, preserveDefaultVlan }: VlanConfig): {
  readonly removed: readonly BridgeVlan[];
  readonly added: readonly BridgeVlan[];
} {
  if (vlan === 0 && trunk.length === 0) return { removed: [], added: [] };
  return {
    removed: preserveDefaultVlan || vlan === DEFAULT_VLAN ? [] : [{ vid: DEFAULT_VLAN }],
    added: [
      ...trunk.map(({ first, last }) => (first === last ? { vid: first } : { vid: first, vidEnd: last })),
      ...(vlan === 0 ? [] : [{ vid: vlan, pvid: true, untagged: true }]),
    ],
  };
}

export function setPortVlans({ rtnetlink }: Pick<Host, "rtnetlink">, ifindex: number, config: VlanConfig): void {
  const { removed, added } = planPortVlans(config);
  if (removed.length > 0) deleteBridgeVlans(rtnetlink, { ifindex }, removed);
  if (added.length > 0) addBridgeVlans(rtnetlink, { ifindex }, added);
}

export function vlanGatewayName(bridge: string, vlan: number): string {
  return `${bridge}.${vlan}`;
}

/** A pair whose other end is a port of the bridge in that VLAN. Idempotent. */
export function ensureVlanGateway(
  host: Pick<Host, "rtnetlink">,
  bridge: Pick<Link, "ifindex" | "name">,
  config: BridgeConfig,
): Link {
  const name = vlanGatewayName(bridge.name, config.vlan);
  const existing = findLink(host.rtnetlink, { name });
  if (existing) return existing;
  const { mtu } = config;
  const portName = `veth${randomMac().replaceAll(":", "").slice(4)}`;
  const gateway = createVeth(host.rtnetlink, { name, mtu, mac: randomMac(), peer: { name: portName, mtu } });
  setLink(host.rtnetlink, gateway.peerIfindex, { master: bridge.ifindex, up: true });
  setPortVlans(host, gateway.peerIfindex, { vlan: config.vlan, trunk: [], preserveDefaultVlan: false });
  setLink(host.rtnetlink, gateway.ifindex, { up: true });
  return gateway;
}
