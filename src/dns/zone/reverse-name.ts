/** Addresses as names, and back: `4.3.2.1.in-addr.arpa`. Source: RFC 1035 section 3.5, RFC 3596 section 2.5. */
import { formatAddress, type IpAddress, parseAddress } from "#base/ip-address.ts";

export type ReverseZone = "in-addr.arpa" | "ip6.arpa";

export function reverseZoneOf(labels: readonly string[]): ReverseZone | undefined {
  if (labels.at(-1) !== "arpa") return undefined;
  if (labels.at(-2) === "in-addr") return "in-addr.arpa";
  return labels.at(-2) === "ip6" ? "ip6.arpa" : undefined;
}

/** Undefined when the name is none of one whole address. */
export function addressOfReverse(labels: readonly string[]): IpAddress | undefined {
  const zone = reverseZoneOf(labels);
  const parts = labels.slice(0, -2).toReversed();
  if (zone === "in-addr.arpa") {
    const isWhole = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
    return isWhole ? parseAddress(parts.join(".")) : undefined;
  }
  const isWhole = zone === "ip6.arpa" && parts.length === 32 && parts.every((part) => /^[0-9a-f]$/.test(part));
  return isWhole ? formatAddress(Buffer.from(parts.join(""), "hex")) : undefined;
}

/** `1-2-3-4` as in the name of a pod. */
export function addressOfDashed(label: string): IpAddress | undefined {
  return findAddress(/^\d+-\d+-\d+-\d+$/.test(label) ? label.replaceAll("-", ".") : label.replaceAll("-", ":"));
}

export function findAddress(text: string): IpAddress | undefined {
  try {
    return parseAddress(text);
  } catch {
    return undefined; // people can write and ask for anything
  }
}
