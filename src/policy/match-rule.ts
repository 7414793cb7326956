/** Whether a rule means a flow: its peers and its ports apart, so that explanations can say which of the two it was. */
import { contains, type IpAddress } from "#base/ip-address.ts";
import {
  type AddressSet,
  type Flow,
  namedPortKey,
  type PolicyRule,
  type PortMatch,
  type RuleModel,
} from "./rule-model.ts";

export type RuleTables = Pick<RuleModel, "addressSets" | "namedPorts">;

/** `peer`: the one at the other end. */
export function matchesPeer({ peers }: PolicyRule, peer: IpAddress, { addressSets }: RuleTables): boolean {
  if (peers === "any") return true;
  return peers.some((id) => {
    const set = addressSets.get(id);
    return set !== undefined && isInSet(set, peer);
  });
}

export function matchesPorts({ ports }: PolicyRule, flow: Flow, tables: RuleTables): boolean {
  return ports === "any" || ports.some((match) => matchesPort(match, flow, tables));
}

export function isInSet(set: AddressSet, address: IpAddress): boolean {
  if (set.kind === "addresses") return set.addresses.has(address);
  return contains(set.cidr, address) && !set.except.some((part) => contains(part, address));
}

function matchesPort(match: PortMatch, { protocol, port, destination }: Flow, { namedPorts }: RuleTables): boolean {
  if (protocol === "other" || port === undefined) return false;
  if (match.kind === "range") return match.protocol === protocol && match.first <= port && port <= match.last;
  const targets = namedPorts.get(namedPortKey(match.name, match.protocol)) ?? [];
  return targets.some(
    (target) => target.address === destination && target.protocol === protocol && target.port === port,
  );
}
