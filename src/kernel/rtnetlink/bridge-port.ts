/**
 * Flags of a link that is a port of a bridge. Equal to `ip link set … type bridge_slave` and `bridge link set`.
 * Source: include/uapi/linux/if_link.h (IFLA_BRPORT_*), Linux 6.1.
 */
import { decode, encode } from "#base/codec/codec.ts";
import { u8 } from "#base/codec/values.ts";
import { attribute, attributes } from "../netlink/attributes.ts";
import { boolean8, nameOf } from "./attribute-values.ts";
import type { LinkInfo } from "./link-messages.ts";

/** BR_STATE_*, include/uapi/linux/if_bridge.h. Only forwarding ports pass packets. */
const portStates = { disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 } as const;

export interface BridgePortFlags {
  /** Sends a packet back out of the port it came from. */
  readonly hairpin?: boolean | undefined;
  /** Reaches only ports that are not isolated. */
  readonly isolated?: boolean | undefined;
  readonly learning?: boolean | undefined;
  /** Unicast to an unknown destination goes out of this port. */
  readonly flood?: boolean | undefined;
  readonly mcastFlood?: boolean | undefined;
  readonly bcastFlood?: boolean | undefined;
  readonly neighSuppress?: boolean | undefined;
}

export interface BridgePort extends BridgePortFlags {
  readonly state: keyof typeof portStates | undefined;
}

const portData = attributes(
  {
    state: attribute(1, u8), // IFLA_BRPORT_STATE
    hairpin: attribute(4, boolean8), // IFLA_BRPORT_MODE
    learning: attribute(8, boolean8), // IFLA_BRPORT_LEARNING
    flood: attribute(9, boolean8), // IFLA_BRPORT_UNICAST_FLOOD
    mcastFlood: attribute(27, boolean8), // IFLA_BRPORT_MCAST_FLOOD
    bcastFlood: attribute(30, boolean8), // IFLA_BRPORT_BCAST_FLOOD
    neighSuppress: attribute(32, boolean8), // IFLA_BRPORT_NEIGH_SUPPRESS
    isolated: attribute(33, boolean8), // IFLA_BRPORT_ISOLATED
  },
  { unknown: "drop" },
);

export function encodeBridgePort(flags: BridgePortFlags): LinkInfo {
  return { slaveKind: "bridge", slaveData: encode(portData, flags) };
}

/** Undefined when the link is no port of a bridge. */
export function decodeBridgePort(info: LinkInfo): BridgePort | undefined {
  if (info.slaveKind !== "bridge") return undefined;
  const { state, unknown: _, ...flags } = decode(portData, Buffer.from(info.slaveData ?? []));
  return { ...flags, state: state === undefined ? undefined : nameOf(portStates, state) };
}
