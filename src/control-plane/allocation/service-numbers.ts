/** The addresses and node ports of a cluster: who has which, and what is still free. */
import type { Service } from "#api/kinds/service/service.ts";
import type { Prefix } from "#base/ip-address.ts";
import { createIpAllocator, type IpAllocator } from "./ip-allocator.ts";
import { createPortAllocator, type PortAllocator, type PortRange } from "./port-allocator.ts";
import { addressesOf, nodePortsOf } from "./reserve-service.ts";

export interface ServiceRanges {
  /** The first is the default family; at most one of each family. */
  readonly serviceCidrs: readonly Prefix[];
  readonly nodePorts: PortRange;
}

export interface ServiceNumbers {
  readonly addresses: readonly IpAllocator[];
  readonly ports: PortAllocator;
  /** What a Service has, as it is stored. */
  set(service: Service): void;
  remove(service: Service): void;
  /** Removes all Services but these. */
  keepOnly(services: readonly Service[]): void;
  /** Addresses and ports that several Services have; only somebody who can change them can tell who is right. */
  shared(): readonly SharedNumber[];
}

export interface SharedNumber {
  /** "10.96.0.1", "node port 30080". */
  readonly what: string;
  /** "default/web". */
  readonly owners: readonly string[];
}

export function createServiceNumbers({ serviceCidrs, nodePorts }: ServiceRanges, random: () => number): ServiceNumbers {
  const addresses = serviceCidrs.map((prefix) => createIpAllocator(prefix, random));
  const ports = createPortAllocator(nodePorts, random);
  const forget = (owner: string) => {
    for (const pool of [...addresses, ports]) pool.setOwned(owner, []);
  };
  return {
    addresses,
    ports,
    set(service) {
      const owner = ownerName(service);
      const owned = addressesOf(service.spec);
      for (const pool of addresses) pool.setOwned(owner, owned);
      ports.setOwned(owner, nodePortsOf(service.spec));
    },
    remove: (service) => forget(ownerName(service)),
    keepOnly(services) {
      const kept = new Set(services.map(ownerName));
      for (const pool of [...addresses, ports]) for (const owner of pool.owners()) if (!kept.has(owner)) forget(owner);
    },
    shared: () => [
      ...addresses.flatMap((pool) => pool.shared().map(({ address, owners }) => ({ what: address, owners }))),
      ...ports.shared().map(({ number, owners }) => ({ what: `node port ${number}`, owners })),
    ],
  };
}

function ownerName({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}
