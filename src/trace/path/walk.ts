/** What a walk collects, and its steps as data: each step does one thing to the packet and names the next one. */
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import type { NamespaceFacts, WorldFacts } from "../facts/world-facts.ts";
import type { Frame, Packet } from "./packet.ts";
import type { Cause, Hop, Stop, Translation } from "./path.ts";

export type Next =
  | { readonly do: "send packet"; readonly namespace: NamespaceFacts; readonly packet: Packet }
  | { readonly do: "receive packet"; readonly at: At; readonly packet: Packet }
  | {
      readonly do: "deliver";
      readonly namespace: NamespaceFacts;
      readonly packet: Packet;
      readonly iif: Link | undefined;
    }
  | { readonly do: "decapsulate"; readonly namespace: NamespaceFacts; readonly packet: Packet }
  | { readonly do: "resolve next hop"; readonly at: At; readonly route: Route; readonly packet: Packet }
  | {
      readonly do: "send by vxlan" | "transmit" | "receive frame";
      readonly at: At;
      readonly frame: Frame;
      readonly why: string;
    }
  | { readonly do: "send by tun"; readonly at: At; readonly packet: Packet; readonly why: string }
  /** `ingress` is undefined for what the machine itself sends into its bridge. */
  | { readonly do: "forward in bridge"; readonly at: At; readonly ingress: Link | undefined; readonly frame: Frame };
export type Outcome =
  | { readonly next: Next }
  | { readonly stop: Stop }
  | { readonly reached: { readonly namespace: string; readonly link: string; readonly packet: Packet } };

export interface Walk {
  readonly world: WorldFacts;
  readonly hops: Hop[];
  readonly translations: Translation[];
  readonly uncertain: string[];
  /** Which backend a Service's translation takes: see NftPacket. */
  readonly choice?: number | undefined;
}

/** A packet or frame at a link of a namespace. */
export interface At {
  readonly namespace: NamespaceFacts;
  readonly link: Link;
}

export function stopAt(
  { namespace, link }: { readonly namespace: NamespaceFacts; readonly link?: Link | undefined },
  cause: Cause,
  message: string,
  evidence: readonly string[] = [],
): Outcome {
  return { stop: { cause, namespace: namespace.name, link: link?.name, message, evidence } };
}

export function addHop(walk: Walk, at: At, direction: "in" | "out", frame: Frame, why: string): void {
  const { namespace, link } = at;
  walk.hops.push({ namespace: namespace.name, link: link.name, ifindex: link.ifindex, direction, frame, why });
}

/** `eth0 <NO-CARRIER,UP> mtu 1500 state lowerlayerdown`, as evidence. */
export function describeLink({ namespace, link }: At): string {
  const flags = [link.up ? "UP" : "DOWN", link.lowerUp ? undefined : "NO-CARRIER"].filter((flag) => flag !== undefined);
  return `${namespace.name}: ${link.name} <${flags.join(",")}> mtu ${link.mtu} state ${link.operstate}`;
}
