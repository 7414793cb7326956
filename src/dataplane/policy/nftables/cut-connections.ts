/**
 * Ends connections that were allowed once and are not any more: their entries in the connection table go, and their next
 * packet is judged as a new one. Answers of a server do not open them again (the guard in frame.ts).
 * The entries of the table say where a connection goes behind all translation, so the model can judge them.
 */
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { deleteConntrack, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import type { ConntrackEntry } from "#kernel/nfnetlink/conntrack-message.ts";
import { type PrintedConntrack, readConntrackText } from "#kernel/nfnetlink/conntrack-text.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { readSysctl } from "#kernel/sysctl.ts";
import type { Flow, RuleModel } from "#policy/rule-model.ts";
import { createVerdicts } from "#policy/verdict.ts";

export interface CutDeps {
  readonly conntrack: NetlinkSocket;
  readonly rtnetlink: NetlinkSocket;
  readonly netns: Pick<Netns, "fd" | "inode">;
}

/** Up to that many for each address, text is cheaper than two listings, each of which walks the kernel's whole table. */
const READ_TEXT_UP_TO_ENTRIES = 4_000;
/** Above that many addresses text is always cheaper. */
const FILTERED_LISTINGS_MAX = 8;

export interface CutOptions {
  readonly model: RuleModel;
  /** Addresses whose connections may be decided otherwise by now; `all` for every one. */
  readonly addresses: ReadonlySet<IpAddress> | "all";
  /** Addresses of pods that no pod has (any more): whatever is left of their connections goes. */
  readonly isGone: (address: IpAddress) => boolean;
  /** Connections stay that only the rules would end. */
  readonly keepsDenied: boolean;
}

/** Answers the connections that ended. */
export function cutConnections({ conntrack, rtnetlink, netns }: CutDeps, options: CutOptions): readonly Flow[] {
  const { model, addresses, isGone, keepsDenied } = options;
  if (addresses !== "all" && addresses.size === 0) return [];
  const concerned = addresses === "all" ? undefined : addresses;
  const count = Number(readSysctl(netns, "net/netfilter/nf_conntrack_count"));
  if (count === 0) return [];
  const isShort = concerned !== undefined && count <= READ_TEXT_UP_TO_ENTRIES * concerned.size;
  const isMuch = concerned === undefined || concerned.size > FILTERED_LISTINGS_MAX;
  const printed = isShort || isMuch ? readConntrackText(netns, addresses) : undefined;
  const entries = printed ?? listEntries(conntrack, isMuch ? undefined : concerned);
  if (entries.length === 0) return [];
  // What the node itself sends or receives, nobody forwards.
  const own = new Set(listAddresses(rtnetlink).map(({ prefix }) => prefix.address));
  const judge = createVerdicts(model);
  const ended: Flow[] = [];
  for (const entry of entries) {
    const flow = forwardedFlow(entry);
    if (own.has(flow.source) || own.has(flow.destination)) continue;
    if (concerned !== undefined && !touches(concerned, flow)) continue;
    const isLeftOver = isGone(flow.source) || isGone(flow.destination);
    if (!isLeftOver && (keepsDenied || judge(flow).allowed)) continue;
    if (deleteConntrack(conntrack, entry)) ended.push(flow);
  }
  return ended;
}

function touches(addresses: ReadonlySet<IpAddress>, { source, destination }: Flow): boolean {
  return addresses.has(source) || addresses.has(destination);
}

function listEntries(
  conntrack: NetlinkSocket,
  concerned: ReadonlySet<IpAddress> | undefined,
): readonly PrintedConntrack[] {
  if (concerned === undefined) return listConntrack(conntrack);
  const found = new Map<string, ConntrackEntry>();
  for (const address of concerned) {
    const family = familyOf(address);
    for (const filter of [
      { family, original: { source: address } },
      { family, reply: { source: address } },
    ]) {
      for (const entry of listConntrack(conntrack, filter)) found.set(JSON.stringify(entry.original), entry);
    }
  }
  return [...found.values()];
}

const PROTOCOLS: Readonly<Record<string, Flow["protocol"]>> = { tcp: "TCP", udp: "UDP", sctp: "SCTP" };

/** As the forward hook saw its first packet: the destination is translated already, the source not yet. */
export function forwardedFlow({ original, reply }: Pick<ConntrackEntry, "original" | "reply">): Flow {
  const protocol = PROTOCOLS[original.protocol] ?? "other";
  return {
    family: familyOf(original.source),
    source: original.source,
    destination: reply.source,
    protocol,
    ...(protocol !== "other" && { port: reply.sourcePort }),
  };
}
