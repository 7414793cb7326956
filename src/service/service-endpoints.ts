/**
 * The endpoints of one port of a Service in one family, from its EndpointSlices: each address and port once, and what
 * cannot be reached left out with a reason. Pure.
 * Source: Kubernetes API reference, discovery.k8s.io/v1 EndpointSlice; documentation, "EndpointSlices" (duplicates).
 */
import type { Endpoint, EndpointPort, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import { checkEndpointAddress, findAddress } from "#api/kinds/network/address.ts";
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { Backend, ServiceProtocol } from "./service-port.ts";

export interface ServiceEndpoint extends Backend {
  /** It runs on this node. */
  readonly isLocal: boolean;
  readonly isReady: boolean;
  /** It answers, though it is going away or was not asked for yet. */
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  /** Nodes that should use it; empty: it says nothing. */
  readonly nodes: readonly string[];
  readonly zones: readonly string[];
}

export interface WantedEndpoints {
  readonly family: Family;
  /** "" for a port without a name. */
  readonly portName: string;
  readonly protocol: ServiceProtocol;
  readonly nodeName: string;
}

/** Of the slices of one Service; remembers what addresses are, since each port asks for them again. */
export interface EndpointReader {
  read(wanted: WantedEndpoints): readonly ServiceEndpoint[];
  /** Each reason once, for all that was read. */
  skipped(): readonly string[];
}

/** `ownAddresses`: of the Service itself; it cannot be its own backend. */
export function createEndpointReader(
  slices: readonly EndpointSlice[],
  ownAddresses: ReadonlySet<IpAddress>,
): EndpointReader {
  const addresses = new Map<string, IpAddress | undefined>();
  const skipped = new Set<string>();

  function addressOf(text: string, slice: EndpointSlice): IpAddress | undefined {
    const known = addresses.get(text);
    if (known !== undefined || addresses.has(text)) return known;
    const address = findAddress(text);
    const type = address !== undefined && familyOf(address) === 6 ? "IPv6" : "IPv4";
    const problem =
      (isOrdinary(text) && address !== undefined ? undefined : checkEndpointAddress(text)[0]) ??
      (type === slice.addressType ? undefined : `is no ${slice.addressType} address`) ??
      (address !== undefined && ownAddresses.has(address) ? "is an address of the Service itself" : undefined);
    if (problem !== undefined) skip(slice, `endpoint "${text}" ${problem}`);
    addresses.set(text, problem === undefined ? address : undefined);
    return addresses.get(text);
  }

  function skip({ metadata }: EndpointSlice, why: string): void {
    skipped.add(`EndpointSlice ${metadata.name}: ${why}`);
  }

  function portOf(slice: EndpointSlice, { portName, protocol }: WantedEndpoints): number | undefined {
    const found = slice.ports.find((each) => nameOf(each) === portName && (each.protocol ?? "TCP") === protocol);
    if (found === undefined) return undefined;
    const { port } = found;
    if (port !== undefined && isPortNumber(port)) return port;
    skip(slice, `port "${portName}" ${port === undefined ? "has no number" : `is ${port}, not between 1 and 65535`}`);
    return undefined;
  }

  return {
    read(wanted) {
      const found = new Map<string, ServiceEndpoint>();
      for (const slice of slices) {
        if (slice.addressType !== (wanted.family === 4 ? "IPv4" : "IPv6")) continue;
        const port = portOf(slice, wanted);
        if (port === undefined) continue;
        for (const endpoint of slice.endpoints) {
          // All addresses of an endpoint are the same thing: one is enough.
          const [text] = endpoint.addresses;
          const address = text === undefined ? undefined : addressOf(text, slice);
          if (address === undefined) continue;
          const one = describe(endpoint, { address, port }, wanted.nodeName);
          const key = `${address} ${port}`;
          const other = found.get(key);
          found.set(key, other === undefined ? one : merge(other, one));
        }
      }
      return [...found.values()].sort(byAddress);
    },
    skipped: () => [...skipped],
  };
}

function describe({ conditions = {}, nodeName, hints }: Endpoint, backend: Backend, ownNode: string): ServiceEndpoint {
  const { ready = true, serving = ready, terminating = false } = conditions;
  return {
    ...backend,
    isLocal: nodeName === ownNode,
    isReady: ready,
    isServing: serving,
    isTerminating: terminating,
    nodes: hints?.forNodes?.map(({ name }) => name) ?? NONE,
    zones: hints?.forZones?.map(({ name }) => name) ?? NONE,
  };
}

/** While an endpoint moves from slice to slice it is in both: the better state counts, and its hints. */
function merge(one: ServiceEndpoint, other: ServiceEndpoint): ServiceEndpoint {
  const better = other.isReady && !one.isReady ? other : one;
  return {
    ...better,
    isLocal: one.isLocal || other.isLocal,
    isServing: one.isServing || other.isServing,
    isTerminating: one.isTerminating || other.isTerminating,
  };
}

const NONE: readonly string[] = [];
/** How addresses begin that have to be looked at closely: unspecified, loopback, link-local, multicast, reserved; most of IPv6. */
const SPECIAL = /^(0|127|169|22[4-9]|2[3-5]\d)\.|^(?![23f][0-9a-d]{2,3}:).*:/;

/** The look at all special ranges costs more than everything else about an endpoint. */
function isOrdinary(text: string): boolean {
  return !SPECIAL.test(text);
}

function byAddress(one: Backend, other: Backend): number {
  if (one.address !== other.address) return one.address < other.address ? -1 : 1;
  return one.port - other.port;
}

function nameOf({ name }: EndpointPort): string {
  return name ?? "";
}

export function isPortNumber(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
