/** What the rules at a netfilter hook do to a packet of a walk: nothing, stop it, or give it another source. */
import { familyOf } from "#base/ip-address.ts";
import type { NftHook } from "#kernel/nfnetlink/chain.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { NftPacket } from "./nft-packet.ts";
import { type NftOutcome, nftVerdict } from "./nft-verdict.ts";
import type { Packet } from "./packet.ts";
import type { Stop } from "./path.ts";
import type { Walk } from "./walk.ts";

export interface Stopped {
  readonly stop: Stop;
}

function nftVerdictOf(walk: Walk, packet: NftPacket, hook: NftHook): NftOutcome {
  const outcome = nftVerdict({ ...packet, choice: walk.choice }, hook);
  walk.uncertain.push(...outcome.uncertain.map((rule) => `${packet.namespace.name}: ${rule}`));
  return outcome;
}

export function firewall(walk: Walk, packet: NftPacket, hook: NftHook): Stopped | undefined {
  const outcome = nftVerdictOf(walk, packet, hook);
  if (outcome.kind !== "drop") return undefined;
  return stopOf(packet, hook, outcome);
}

function stopOf({ namespace, packet: dropped }: NftPacket, hook: NftHook, outcome: NftOutcome): Stopped {
  const message = `${namespace.name} drops ${dropped.source} → ${dropped.destination} in the ${hook} hook`;
  const service = outcome.element === undefined || outcome.policy !== undefined ? [] : [`for ${outcome.element}`];
  const evidence = [outcome.rule ?? "", ...service, ...(outcome.isPolicy === true ? [ACCEPT_PODS] : [])];
  const { policy } = outcome;
  return { stop: { cause: "firewall drop", namespace: namespace.name, message, evidence, ...(policy && { policy }) } };
}

/** Where a packet goes to behind `prerouting`, or `output` of its own namespace. */
export function destinationNat(
  walk: Walk,
  packet: NftPacket,
  hook: "prerouting" | "output",
): Stopped | { readonly packet: Packet } {
  const outcome = nftVerdictOf(walk, packet, hook);
  if (outcome.kind === "drop") return stopOf(packet, hook, outcome);
  const { packet: from, namespace } = packet;
  const { target, rule = "", element: frontend, alternatives, mark } = outcome;
  if (outcome.kind !== "dnat" || target === undefined) return { packet: { ...from, mark } };
  const to = {
    ...from,
    mark,
    destination: target.address,
    ...(target.port !== undefined && { destinationPort: target.port }),
  };
  walk.translations.push({
    kind: "destination",
    namespace: namespace.name,
    from,
    to,
    rule,
    ...(frontend !== undefined && { frontend }),
    ...(alternatives !== undefined && { alternatives }),
  });
  return { packet: to };
}

/** No other table can overrule a drop. */
const ACCEPT_PODS =
  "accept pods there, for example: iptables -I FORWARD -s POD_NETWORK -j ACCEPT; iptables -I FORWARD -d POD_NETWORK -j ACCEPT";

/** `oif` is the link whose address masquerade takes. */
export function postrouting(walk: Walk, hook: NftPacket, oif: Link): Stopped | { readonly packet: Packet } {
  const outcome = nftVerdictOf(walk, hook, "postrouting");
  const { namespace, packet } = hook;
  if (outcome.kind === "drop") {
    const message = `${namespace.name} drops ${packet.source} → ${packet.destination} in the postrouting hook`;
    return {
      stop: {
        cause: "firewall drop",
        namespace: namespace.name,
        link: oif.name,
        message,
        evidence: [outcome.rule ?? ""],
      },
    };
  }
  if (outcome.kind !== "masquerade" && outcome.kind !== "snat") return { packet };
  const family = familyOf(packet.source);
  const own = namespace.addresses.find(
    ({ ifindex, prefix, scope }) => ifindex === oif.ifindex && prefix.family === family && scope === 0,
  );
  if (own === undefined || own.prefix.address === packet.source) return { packet };
  const to = { ...packet, mark: 0, source: own.prefix.address };
  walk.translations.push({ kind: "source", namespace: namespace.name, from: packet, to, rule: outcome.rule ?? "" });
  return { packet: to };
}
