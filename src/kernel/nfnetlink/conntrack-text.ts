/**
 * The connection table as the kernel prints it, /proc/net/nf_conntrack. Reading it locks nothing, while a listing by
 * netlink takes a lock for each bucket of the table of all namespaces, 262,144 on most machines, filled or not. So it
 * costs a tenth where there are few connections; where there are many, netlink's answers are cheaper than text.
 * Source: net/netfilter/nf_conntrack_standalone.c, ct_seq_show, Linux 6.1 to 6.18; CONFIG_NF_CONNTRACK_PROCFS.
 */
import { readFileSync } from "node:fs";
import { addressBytes, familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import type { ConntrackEntry, ConntrackTuple } from "./conntrack-message.ts";
import { CONNTRACK_PROTOCOLS } from "./conntrack-message.ts";

export type PrintedConntrack = Pick<ConntrackEntry, "original" | "reply" | "zone">;

const PATH = "/proc/thread-self/net/nf_conntrack";

/** Connections that begin at or go to one of the addresses, or all. Undefined where the kernel does not print them. */
export function readConntrackText(
  netns: Pick<Netns, "fd" | "inode">,
  addresses: ReadonlySet<IpAddress> | "all" = "all",
): readonly PrintedConntrack[] | undefined {
  let text: string;
  try {
    text = inNetns(netns, () => readFileSync(PATH, "latin1"));
  } catch {
    return undefined; // no such file, or not for us: whoever asks has another way
  }
  return parseConntrackText(text, addresses);
}

/** A line for each connection: `ipv4 2 tcp 6 117 SYN_SENT src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… … zone=0`. */
export function parseConntrackText(
  text: string,
  addresses: ReadonlySet<IpAddress> | "all" = "all",
): readonly PrintedConntrack[] {
  const lines = addresses === "all" ? text.split("\n") : linesWith(text, addresses);
  return lines.flatMap(readLine);
}

/** Most lines are nobody's business: only those are looked at that have the address somewhere. */
function linesWith(text: string, addresses: ReadonlySet<IpAddress>): readonly string[] {
  const starts = new Set<number>();
  for (const address of addresses) {
    const wanted = `src=${printAddress(address)} `;
    for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
      starts.add(text.lastIndexOf("\n", at) + 1);
    }
  }
  return Array.from(starts, (start) => text.slice(start, text.indexOf("\n", start)));
}

function readLine(line: string): readonly PrintedConntrack[] {
  const protocol = Number(/^\S+\s+\d+\s+\S+\s+(\d+)/.exec(line)?.[1]);
  const at = line.lastIndexOf("src=");
  if (at === -1) return [];
  const [original, reply] = [readTuple(line.slice(0, at), protocol), readTuple(line.slice(at), protocol)];
  if (original === undefined || reply === undefined) return [];
  const zone = Number(/ zone=(\d+)/.exec(line)?.[1] ?? 0);
  return [{ original, reply, ...(zone !== 0 && { zone }) }];
}

function readTuple(text: string, number: number): ConntrackTuple | undefined {
  const fields = new Map(Array.from(text.matchAll(/(\w+)=(\S+)/g), ([, key = "", value = ""]) => [key, value]));
  const [source, destination] = [fields.get("src"), fields.get("dst")];
  if (source === undefined || destination === undefined) return undefined;
  const field = (key: string): number | undefined => {
    const value = fields.get(key);
    return value === undefined ? undefined : Number(value);
  };
  return {
    source: parseAddress(source),
    destination: parseAddress(destination),
    protocol: CONNTRACK_PROTOCOLS.get(number) ?? number,
    sourcePort: field("sport"),
    destinationPort: field("dport"),
    icmpType: field("type"),
    icmpCode: field("code"),
    icmpId: field("id"),
  };
}

/** As the kernel prints it: IPv6 with all its zeros (`%pI6`). */
function printAddress(address: IpAddress): string {
  if (familyOf(address) === 4) return address;
  return (Buffer.from(addressBytes(address)).toString("hex").match(/.{4}/g) ?? []).join(":");
}
