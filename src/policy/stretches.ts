/**
 * The ports of one protocol in stretches within which every rule answers alike: what is asked of one port holds for all
 * of them, since an answer can only change at the edges of ranges that rules name.
 */
import type { Family, IpAddress } from "#base/ip-address.ts";
import { addressOf, type End } from "./ends.ts";
import { LAST_PORT, type PortEdges } from "./port-edges.ts";
import { type Flow, POLICY_PROTOCOLS, type PolicyProtocol } from "./rule-model.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** With the flow to its first port. */
export interface Stretch extends PortRange {
  readonly protocol: PolicyProtocol;
  readonly flow: Flow;
}

export function stretches(ends: EndPair, edges: PortEdges): readonly Stretch[] {
  return POLICY_PROTOCOLS.flatMap((protocol) =>
    edges[protocol].map(
      (first, index): Stretch => ({
        protocol,
        first,
        last: (edges[protocol][index + 1] ?? LAST_PORT + 1) - 1,
        flow: { ...ends, protocol, port: first },
      }),
    ),
  );
}

export interface EndPair {
  readonly family: Family;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/** One per family that both ends have. */
export function endPairs(from: End, to: End): readonly EndPair[] {
  return ([4, 6] as const).flatMap((family) => {
    const [source, destination] = [addressOf(from, family), addressOf(to, family)];
    return source === undefined || destination === undefined ? [] : [{ family, source, destination }];
  });
}
