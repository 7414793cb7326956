/** Settings of the VXLAN data plane, with Flannel's defaults, and what follows from them and from the kernel's version. */
import type { Family } from "#base/ip-address.ts";

export interface VxlanOptions {
  /** VXLAN network identifier, 1 to 16777215. Default: 1. */
  readonly vni?: number | undefined;
  /** UDP port of the tunnels. Default: 8472, which is Linux's and not RFC 7348's 4789. */
  readonly port?: number | undefined;
  /** Peers on the underlay's own network get plain routes. Default: false. */
  readonly directRouting?: boolean | undefined;
  /** Group based policy extension. Default: false. */
  readonly gbp?: boolean | undefined;
  /** Default: false; the entries are written by the data plane. */
  readonly learning?: boolean | undefined;
  /** Default: the underlay link's. */
  readonly underlayMtuBytes?: number | undefined;
  /** Whether links compute checksums themselves. Default: `needsOwnChecksums` of the running kernel. */
  readonly ownChecksums?: boolean | undefined;
}

export interface VxlanSettings {
  readonly vni: number;
  readonly port: number;
  readonly directRouting: boolean;
  readonly gbp: boolean;
  readonly learning: boolean;
  readonly underlayMtuBytes: number | undefined;
  readonly ownChecksums: boolean;
}

/** Outer IP, UDP (8), VXLAN (8) and inner Ethernet (14) headers, RFC 7348 section 5. Flannel counts 50 for IPv6, too. */
export const VXLAN_OVERHEAD_BYTES: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };

const MAX_VNI = 0xffffff;
/** IFNAMSIZ without the NUL. */
const MAX_LINK_NAME = 15;

/** Throws RangeError for numbers that the kernel cannot take. `release` as in uname(2). */
export function vxlanSettings(options: VxlanOptions, release: string): VxlanSettings {
  const { vni = 1, port = 8472 } = options;
  if (!Number.isInteger(vni) || vni < 1 || vni > MAX_VNI || vxlanLinkName(6, vni).length > MAX_LINK_NAME) {
    throw new RangeError(`Cannot use VNI ${vni}: it must be a number whose link name has at most 15 bytes, 1 to 9999`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new RangeError(`Cannot use UDP port ${port}: it must be in 1 to 65535`);
  }
  return {
    vni,
    port,
    directRouting: options.directRouting ?? false,
    gbp: options.gbp ?? false,
    learning: options.learning ?? false,
    underlayMtuBytes: options.underlayMtuBytes,
    ownChecksums: options.ownChecksums ?? needsOwnChecksums(release),
  };
}

/** As Flannel names them. */
export function vxlanLinkName(family: Family, vni: number): string {
  return family === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`;
}

/**
 * Before Linux 5.7, address translation of a tunnel packet whose checksum is left to hardware broke the outer UDP
 * checksum, and Services over VXLAN stalled (fixed by "netfilter: nat: never update the UDP checksum when it's 0").
 */
export function needsOwnChecksums(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  return major < 5 || (major === 5 && minor < 7);
}
