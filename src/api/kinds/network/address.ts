/**
 * Addresses and CIDRs in fields. Source: the texts are those of k8s.io/apimachinery's validation package; ranges from
 * RFC 6890 (loopback, link-local) and RFC 4291 sections 2.5 and 2.7.
 */
import { contains, type IpAddress, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { checkDnsSubdomain } from "../../names.ts";
import type { Check } from "../../schema/schema.ts";

const NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

const SPECIAL: readonly (readonly [ranges: readonly Prefix[], problem: string])[] = [
  [[parsePrefix("127.0.0.0/8"), parsePrefix("::1/128")], "may not be in the loopback range (127.0.0.0/8, ::1/128)"],
  [
    [parsePrefix("169.254.0.0/16"), parsePrefix("fe80::/10")],
    "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
  ],
  [
    [parsePrefix("224.0.0.0/24"), parsePrefix("ff02::/16")],
    "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
  ],
];

export function findAddress(text: string): IpAddress | undefined {
  try {
    return parseAddress(text);
  } catch {
    // Whatever the reason, the field's text says what was expected.
    return undefined;
  }
}

export function findPrefix(text: string): Prefix | undefined {
  try {
    return parsePrefix(text);
  } catch {
    // Whatever the reason, the field's text says what was expected.
    return undefined;
  }
}

export const checkAddress: Check<string> = (text) => (findAddress(text) === undefined ? [NOT_AN_ADDRESS] : []);

export const checkCidr: Check<string> = (text) => (findPrefix(text) === undefined ? [NOT_A_CIDR] : []);

export const checkIpv4Address: Check<string> = (text) =>
  text.includes(":") || findAddress(text) === undefined ? ["must be a valid IPv4 address"] : [];

export const checkIpv6Address: Check<string> = (text) =>
  text.includes(":") && findAddress(text) !== undefined ? [] : ["must be a valid IPv6 address"];

/** An address that pods on other nodes can reach. */
export const checkEndpointAddress: Check<string> = (text) => {
  const address = findAddress(text);
  if (address === undefined) return ["must be a valid IP address"];
  return [
    ...(address === "0.0.0.0" || address === "::" ? [`may not be unspecified (${text})`] : []),
    ...SPECIAL.filter(([ranges]) => ranges.some((range) => contains(range, address))).map(([, problem]) => problem),
  ];
};

export const checkFullyQualifiedDomainName: Check<string> = (name) => {
  const problems = checkDnsSubdomain(name);
  if (problems.length > 0) return [problems.join(",")];
  return name.split(".").length < 3 ? ["should be a domain with at least three segments separated by dots"] : [];
};
