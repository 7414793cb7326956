/** Neighbour and FDB entries of a VXLAN link: who has which MAC address, and behind which node it is. Pure. */
import type { Family, IpAddress, Prefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { KernelOperation, PeerRoute } from "../kernel-operation.ts";
import type { ObservedVtep } from "./plan.ts";

export interface Tunnel {
  readonly peer: string;
  readonly family: Family;
  readonly podPrefix: Prefix;
  readonly vtepAddress: IpAddress;
  readonly mac: MacAddress;
  readonly underlayAddress: IpAddress;
}

export interface TunnelWishes {
  readonly link: string;
  readonly tunnels: readonly Tunnel[];
  /** Undefined when the link is to be made. */
  readonly observed: Pick<ObservedVtep, "neighbours" | "fdb"> | undefined;
  /** Routes over the link that stay until another back end replaces them: what they lead to stays, too. */
  readonly handedOver: readonly PeerRoute[];
}

export interface TunnelPlan {
  readonly make: readonly KernelOperation[];
  readonly sweep: readonly KernelOperation[];
}

export function planTunnels({ link, tunnels, observed, handedOver }: TunnelWishes): TunnelPlan {
  const neighbours = (observed?.neighbours ?? []).filter(({ state }) => state === "permanent");
  const fdb = (observed?.fdb ?? []).filter(({ owner }) => owner === "self");
  const make = tunnels.flatMap(({ vtepAddress, mac, underlayAddress }): readonly KernelOperation[] => {
    const isNeighbour = neighbours.some((one) => one.address === vtepAddress && one.mac === mac);
    const isEntry = fdb.some((one) => one.mac === mac && isEntryTo(one, underlayAddress));
    return [
      ...(isNeighbour ? [] : [{ do: "replace neighbour", link, address: vtepAddress, mac } as const]),
      ...(isEntry ? [] : [{ do: "replace fdb entry", link, mac, destination: underlayAddress } as const]),
    ];
  });
  const leftGateways = new Set(handedOver.filter((route) => route.link === link).map(({ gateway }) => gateway));
  const keptMacs = new Set(neighbours.filter(({ address }) => leftGateways.has(address)).map(({ mac }) => mac));
  const vteps = new Set(tunnels.map(({ vtepAddress }) => vtepAddress));
  const wanted = new Map(tunnels.map(({ mac, underlayAddress }) => [mac, underlayAddress]));
  const staleEntries = fdb.filter(
    ({ mac, destination }) => !keptMacs.has(mac) && (destination === undefined || wanted.get(mac) !== destination),
  );
  const staleNeighbours = neighbours.filter(({ address }) => !vteps.has(address) && !leftGateways.has(address));
  return {
    make,
    sweep: [
      ...staleEntries.map(({ mac, destination }) => ({ do: "delete fdb entry", link, mac, destination }) as const),
      ...staleNeighbours.map(({ address }) => ({ do: "delete neighbour", link, address }) as const),
    ],
  };
}

type FdbTarget = { readonly destination?: IpAddress | undefined; readonly state: string } & Readonly<
  Partial<Record<"port" | "vni" | "via", number | undefined>>
>;

/** Exactly there: no other port, VNI or lower link. */
function isEntryTo({ destination, state, port, vni, via }: FdbTarget, address: IpAddress): boolean {
  return destination === address && state === "permanent" && [port, vni, via].every((field) => field === undefined);
}
