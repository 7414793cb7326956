/** The rule model that an enforcer holds, changed entry by entry, and which pods a change can concern. */
import type { IpAddress } from "#base/ip-address.ts";
import {
  type AddressSet,
  type AddressSetId,
  type Direction,
  type DirectionRules,
  type NamedPortTarget,
  namedPortKey,
  type PodId,
  type PodRules,
  type PolicyId,
  type PolicyRule,
  type RuleModel,
  ruleKey,
} from "#policy/rule-model.ts";

export type OwnAddressSet =
  | { readonly kind: "addresses"; readonly addresses: Set<IpAddress> }
  | Extract<AddressSet, { readonly kind: "block" }>;

export interface RuleModelState extends RuleModel {
  readonly pods: Map<PodId, PodRules>;
  readonly directions: Map<string, DirectionRules>;
  readonly addressSets: Map<AddressSetId, OwnAddressSet>;
  readonly namedPorts: Map<string, readonly NamedPortTarget[]>;
}

/** Sets are copied: they change here, one address at a time. */
export function copyModel({ pods, directions, addressSets, namedPorts }: RuleModel): RuleModelState {
  return {
    pods: new Map(pods),
    directions: new Map(directions),
    addressSets: new Map(Array.from(addressSets, ([id, set]) => [id, copySet(set)])),
    namedPorts: new Map(namedPorts),
  };
}

export function copySet(set: AddressSet): OwnAddressSet {
  return set.kind === "block" ? set : { kind: "addresses", addresses: new Set(set.addresses) };
}

/** Who has an address: the pod that came last, when there are several for a moment. */
export interface AddressOwners {
  set(pod: PodId, before: readonly IpAddress[], after: readonly IpAddress[]): ReadonlySet<PodId>;
  of(pod: PodId, addresses: readonly IpAddress[]): readonly IpAddress[];
  has(address: IpAddress): boolean;
}

export function createAddressOwners(): AddressOwners {
  const claims = new Map<IpAddress, readonly PodId[]>();
  return {
    /** Answers the other pods whose addresses became, or are no longer, somebody else's. */
    set(pod, before, after) {
      const others = new Set<PodId>();
      for (const address of new Set([...before, ...after])) {
        const was = claims.get(address) ?? [];
        const isKept = before.includes(address) && after.includes(address);
        if (isKept) continue;
        const rest = was.filter((one) => one !== pod);
        const now = after.includes(address) ? [...rest, pod] : rest;
        const last = rest.at(-1);
        if (last !== undefined) others.add(last);
        if (now.length === 0) claims.delete(address);
        else claims.set(address, now);
      }
      return others;
    },
    of: (pod, addresses) => addresses.filter((address) => claims.get(address)?.at(-1) === pod),
    has: (address) => claims.has(address),
  };
}

/** Which directions mean a set or a name, and which pods a direction. */
export interface References {
  setDirection(key: string, before: DirectionRules | undefined, after: DirectionRules | undefined): void;
  setPod(pod: PodId, before: PodRules | undefined, after: PodRules | undefined): void;
  directionsOfSet(id: AddressSetId): readonly string[];
  directionsOfPort(key: string): readonly string[];
  podsOf(key: string): readonly PodId[];
}

export function createReferences(): References {
  const bySet = createIndex();
  const byPort = createIndex();
  const byDirection = createIndex();
  return {
    setDirection(key, before, after) {
      bySet.move(key, setsOf(before), setsOf(after));
      byPort.move(key, portsOf(before), portsOf(after));
    },
    setPod: (pod, before, after) => byDirection.move(pod, directionKeys(before), directionKeys(after)),
    directionsOfSet: (id) => bySet.get(id),
    directionsOfPort: (key) => byPort.get(key),
    podsOf: (key) => byDirection.get(key),
  };
}

export function directionKeys(pod: PodRules | undefined): ReadonlySet<string> {
  const keys = (direction: Direction): readonly string[] => {
    const { admin = [], network = [], baseline = [] } = pod?.[direction] ?? {};
    return [...admin, ...network, ...baseline].map((policy: PolicyId) => ruleKey(policy, direction));
  };
  return new Set([...keys("egress"), ...keys("ingress")]);
}

function setsOf(direction: DirectionRules | undefined): ReadonlySet<string> {
  return new Set(direction?.rules.flatMap(({ peers }) => (peers === "any" ? [] : peers)));
}

function portsOf(direction: DirectionRules | undefined): ReadonlySet<string> {
  const keys = ({ ports }: PolicyRule): readonly string[] =>
    ports === "any" ? [] : ports.flatMap((one) => (one.kind === "named" ? [namedPortKey(one.name, one.protocol)] : []));
  return new Set(direction?.rules.flatMap(keys));
}

function createIndex() {
  const users = new Map<string, Set<string>>();
  return {
    get: (key: string): readonly string[] => [...(users.get(key) ?? [])],
    move(user: string, before: ReadonlySet<string>, after: ReadonlySet<string>): void {
      for (const key of before) {
        if (after.has(key)) continue;
        const left = users.get(key);
        left?.delete(user);
        if (left?.size === 0) users.delete(key);
      }
      for (const key of after) {
        const found = users.get(key) ?? new Set();
        users.set(key, found.add(user));
      }
    },
  };
}
