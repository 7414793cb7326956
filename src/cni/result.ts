/**
 * The result of a CNI ADD, in the shape of CNI 1.1.0: the one form used inside Podwire.
 * Other spec versions exist only at the edge (result-versions.ts).
 * Source: CNI SPEC 1.1.0, section 5 "Result Types".
 */

/** A link that the plugin made or uses. */
export interface CniInterface {
  readonly name: string;
  /** Hardware address, `aa:bb:cc:dd:ee:ff`. */
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Path of the network namespace the link is in; absent for a link of the host. */
  readonly sandbox?: string;
  readonly socketPath?: string;
  readonly pciID?: string;
}

export interface CniIp {
  /** Address with prefix length, host bits kept: `10.1.0.5/16`. */
  readonly address: string;
  readonly gateway?: string;
  /** Index into `interfaces`. */
  readonly interface?: number;
}

export interface CniRoute {
  /** Destination prefix: `0.0.0.0/0`. */
  readonly dst: string;
  readonly gw?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Bytes. */
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface CniResult {
  readonly interfaces?: readonly CniInterface[];
  readonly ips?: readonly CniIp[];
  readonly routes?: readonly CniRoute[];
  readonly dns?: CniDns;
}
