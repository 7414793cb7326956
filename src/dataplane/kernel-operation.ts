/**
 * Changes of the kernel as data: what a plan consists of. Links are named, not numbered, because a plan may create the
 * link that its later operations are about.
 */
import { formatPrefix, type IpAddress, type Prefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { NewLink } from "#kernel/rtnetlink/link.ts";

export interface PeerRoute {
  readonly destination: Prefix;
  readonly link: string;
  readonly gateway?: IpAddress | undefined;
  readonly onlink?: boolean | undefined;
  readonly src?: IpAddress | undefined;
  /** Who made it. */
  readonly protocol: number;
  readonly priority?: number | undefined;
}

export type KernelOperation =
  | { readonly do: "create link"; readonly link: NewLink }
  | { readonly do: "create tun"; readonly link: string }
  | {
      readonly do: "set link";
      readonly link: string;
      readonly change: { readonly mtu?: number; readonly mac?: MacAddress; readonly up?: boolean };
    }
  | { readonly do: "delete link"; readonly link: string }
  | { readonly do: "write sysctl"; readonly link: string; readonly key: string; readonly value: string }
  | { readonly do: "disable tx checksum"; readonly link: string }
  | { readonly do: "add address" | "delete address"; readonly link: string; readonly prefix: Prefix }
  | {
      readonly do: "replace neighbour";
      readonly link: string;
      readonly address: IpAddress;
      readonly mac: MacAddress;
    }
  | { readonly do: "delete neighbour"; readonly link: string; readonly address: IpAddress }
  | {
      readonly do: "replace fdb entry" | "delete fdb entry";
      readonly link: string;
      readonly mac: MacAddress;
      readonly destination: IpAddress | undefined;
    }
  | { readonly do: "replace route" | "delete route"; readonly route: PeerRoute };

/** In the words of `ip`, `bridge`, `sysctl` and `ethtool`. */
export function describeOperation(operation: KernelOperation): string {
  switch (operation.do) {
    case "create link":
      return `link add "${operation.link.name}" type ${operation.link.kind.type}`;
    case "create tun":
      return `tuntap add "${operation.link}" mode tun`;
    case "set link": {
      const { mtu, mac, up } = operation.change;
      const parts = [mtu !== undefined && `mtu ${mtu}`, mac !== undefined && `address ${mac}`, up === true && "up"];
      return `link set "${operation.link}" ${parts.filter(Boolean).join(" ")}`;
    }
    case "delete link":
      return `link delete "${operation.link}"`;
    case "write sysctl":
      return `sysctl ${operation.key}=${operation.value}`;
    case "disable tx checksum":
      return `ethtool -K "${operation.link}" tx off`;
    case "add address":
      return `address add ${formatPrefix(operation.prefix)} dev "${operation.link}"`;
    case "delete address":
      return `address delete ${formatPrefix(operation.prefix)} dev "${operation.link}"`;
    case "replace neighbour":
      return `neighbour replace ${operation.address} lladdr ${operation.mac} dev "${operation.link}"`;
    case "delete neighbour":
      return `neighbour delete ${operation.address} dev "${operation.link}"`;
    case "replace fdb entry":
      return `fdb replace ${operation.mac} dst ${operation.destination} dev "${operation.link}"`;
    case "delete fdb entry":
      return `fdb delete ${operation.mac} dev "${operation.link}"`;
    case "replace route":
      return `route replace ${describeRoute(operation.route)}`;
    case "delete route":
      return `route delete ${describeRoute(operation.route)}`;
  }
}

/** The link that an operation is about. */
export function linkOf(operation: KernelOperation): string {
  if (operation.do === "create link") return operation.link.name;
  return "route" in operation ? operation.route.link : operation.link;
}

function describeRoute({ destination, gateway, link, onlink, protocol }: PeerRoute): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  return `${formatPrefix(destination)}${via} dev "${link}"${onlink ? " onlink" : ""} proto ${protocol}`;
}
