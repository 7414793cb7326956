/**
 * What a pod may send from its port of a bridge, so that addresses can be trusted: frames from its own hardware address,
 * IP packets from its own addresses, ARP and neighbour discovery about these alone. It announces no router, serves no
 * DHCP, tags no VLAN. A port that nobody has attached speaks for no address of the node's pods, and reaches no pod.
 *
 *   prerouting   from a pod's port → port: its own hardware address? → what kind of frame → accept, or drop with a count
 *                from another port, of whichever bridge: with an address of the node's pods? → drop
 *   forward      from another port to a pod's → drop
 *
 * Its chain runs beside that of `macspoofchk` (table `bridge podwire`): a frame has to pass both. Routed pods have no
 * port; the same sets of addresses hold for their links in the table of policies (frame.ts).
 * Source: RFC 826 (ARP), RFC 4861 (neighbour discovery), RFC 2131 and RFC 8415 (DHCP ports).
 */
import { addressBytes, familyOf, formatAddress, type IpAddress } from "#base/ip-address.ts";
import { type MacAddress, macBytes } from "#base/mac-address.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import {
  arpSaddrEther,
  arpSaddrIp,
  etherSaddr,
  etherType,
  icmpv6Taddr,
  icmpv6Type,
  iifname,
  ip6Saddr,
  ipSaddr,
  oifname,
  thSport,
} from "#kernel/nfnetlink/selectors.ts";
import { goto, inSet, match, matchL4proto, rule, verdict } from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import type { PodAttachment, PolicyNode } from "../contract.ts";
import { bigEndianU16, dropRules, FAMILIES, ifnameKey, LINKS, linkAddressSet, nodePodsSet, plain } from "./frame.ts";
import { commentText } from "./object-names.ts";
import { type Fragment, fragment, type WantedRule, type WantedSet } from "./table-content.ts";

export const PORT_TABLE = { family: "bridge", table: "podwire-policy" } as const satisfies TableName;

/** Just behind `macspoofchk`: NF_BR_PRI_NAT_DST_BRIDGED is -300, include/uapi/linux/netfilter_bridge.h */
const PRIORITY_GUARD = -299;
const ETHERTYPES = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd } as const;
const DHCP_SERVER_PORTS = { 4: 67, 6: 547 } as const;
const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const REDIRECT = 137;
const MLD_REPORT = 143;

const PORTS: WantedSet = { set: "ports", key: ["ifname"] };
const MACS: WantedSet = { set: "macs", key: ["ifname", "ether_addr"] };
/** Ports whose hardware address nobody told. */
const ANY_MAC: WantedSet = { set: "any_mac", key: ["ifname"] };
export const PORT_ADDRESSES = {
  4: { set: "addresses4", key: ["ifname", "ipv4_addr"] },
  6: { set: "addresses6", key: ["ifname", "ipv6_addr"] },
} as const satisfies Readonly<Record<4 | 6, WantedSet>>;
const ARP: WantedSet = { set: "arp", key: ["ifname", "ether_addr", "ipv4_addr"] };

export function portFrame({ nodePods }: Pick<PolicyNode, "nodePods">): Fragment {
  const type = (name: keyof typeof ETHERTYPES) => match(etherType, "==", bigEndianU16(ETHERTYPES[name]));
  const drop = (reason: string): readonly WantedRule[] => dropRules("egress", undefined, reason);
  const accept = verdict("accept");
  const icmpv6 = (number: number) => rule(matchL4proto("icmpv6"), match(icmpv6Type, "==", Uint8Array.of(number)));
  return fragment({
    sets: [
      PORTS,
      MACS,
      ANY_MAC,
      PORT_ADDRESSES[4],
      PORT_ADDRESSES[6],
      ARP,
      ...FAMILIES.map((family) => nodePodsSet(family, nodePods)),
    ],
    chains: [
      [
        "prerouting",
        {
          base: { type: "filter", hook: "prerouting", priority: PRIORITY_GUARD, policy: "accept" },
          rules: [
            plain(inSet([iifname], PORTS.set), goto("port")),
            plain(type("ip"), inSet([ipSaddr], nodePodsSet(4, []).set), goto("unknown")),
            plain(type("arp"), inSet([arpSaddrIp], nodePodsSet(4, []).set), goto("unknown")),
            plain(type("ip6"), inSet([ip6Saddr], nodePodsSet(6, []).set), goto("unknown")),
            plain(
              type("ip6"),
              icmpv6(NEIGHBOUR_ADVERTISEMENT),
              inSet([icmpv6Taddr], nodePodsSet(6, []).set),
              goto("unknown"),
            ),
          ],
        },
      ],
      [
        "forward",
        {
          base: { type: "filter", hook: "forward", priority: PRIORITY_GUARD, policy: "accept" },
          rules: [plain(inSet([oifname], PORTS.set), inSet([iifname], PORTS.set, "!="), goto("unknown"))],
        },
      ],
      [
        "port",
        {
          rules: [
            plain(inSet([iifname, etherSaddr], MACS.set), goto("frame")),
            plain(inSet([iifname], ANY_MAC.set), goto("frame")),
            ...drop("spoofed hardware address"),
          ],
        },
      ],
      ["unknown", { rules: drop("unknown port") }],
      [
        "frame",
        {
          rules: [
            plain(type("ip"), inSet([iifname, ipSaddr], PORT_ADDRESSES[4].set), goto("ip")),
            plain(type("ip6"), inSet([iifname, ip6Saddr], PORT_ADDRESSES[6].set), goto("ip6")),
            plain(type("arp"), inSet([iifname, arpSaddrEther, arpSaddrIp], ARP.set), accept),
            plain(type("ip6"), match(ip6Saddr, "==", new Uint8Array(16)), goto("unspecified")),
            plain(type("arp"), goto("spoofed-arp")),
            ...drop("spoofed address"),
          ],
        },
      ],
      ["spoofed-arp", { rules: drop("spoofed ARP") }],
      [
        "ip",
        {
          rules: [
            plain(matchL4proto("udp"), match(thSport, "==", bigEndianU16(DHCP_SERVER_PORTS[4])), goto("server")),
            plain(accept),
          ],
        },
      ],
      [
        "ip6",
        {
          rules: [
            plain(
              icmpv6(NEIGHBOUR_ADVERTISEMENT),
              inSet([iifname, icmpv6Taddr], PORT_ADDRESSES[6].set, "!="),
              goto("neighbour"),
            ),
            plain(icmpv6(ROUTER_ADVERTISEMENT), goto("server")),
            plain(icmpv6(REDIRECT), goto("server")),
            plain(matchL4proto("udp"), match(thSport, "==", bigEndianU16(DHCP_SERVER_PORTS[6])), goto("server")),
            plain(accept),
          ],
        },
      ],
      [
        // Before an address is its own: is it taken, which routers are there, which groups does it hear.
        "unspecified",
        {
          rules: [
            plain(icmpv6(NEIGHBOUR_SOLICITATION), accept),
            plain(icmpv6(ROUTER_SOLICITATION), accept),
            plain(icmpv6(MLD_REPORT), accept),
            ...drop("spoofed address"),
          ],
        },
      ],
      ["neighbour", { rules: drop("spoofed neighbour advertisement") }],
      ["server", { rules: drop("router advertisement or DHCP server") }],
    ],
  });
}

/** In the table of ports. */
export function portFragment({ link, mac, addresses, pod }: PodAttachment): Fragment {
  const name = ifnameKey(link);
  const comment = pod === undefined ? undefined : commentText(pod);
  const own = [...addresses, ...(mac === undefined ? [] : [linkLocalAddress(mac)])];
  return fragment({
    elements: [
      { set: PORTS.set, element: { key: name, comment } },
      mac === undefined
        ? { set: ANY_MAC.set, element: { key: name } }
        : { set: MACS.set, element: { key: concat(name, macBytes(mac)) } },
      ...own.map((address) => ({
        set: PORT_ADDRESSES[familyOf(address)].set,
        element: { key: concat(name, addressBytes(address)) },
      })),
      ...(mac === undefined
        ? []
        : [ANY_IPV4, ...own.filter((address) => familyOf(address) === 4)].map((address) => ({
            set: ARP.set,
            element: { key: concat(name, macBytes(mac), addressBytes(address)) },
          }))),
    ],
  });
}
/** A probe for an address that is to be taken (RFC 5227). */
const ANY_IPV4 = formatAddress(new Uint8Array(4));

/** In the table of policies, for routed pods. */
export function linkFragment({ link, addresses }: PodAttachment): Fragment {
  const name = ifnameKey(link);
  return fragment({
    elements: [
      { set: LINKS.set, element: { key: name } },
      ...addresses.map((address) => ({
        set: linkAddressSet(familyOf(address)).set,
        element: { key: concat(name, addressBytes(address)) },
      })),
    ],
  });
}

/** What Linux gives a link by itself: fe80::/64 and the modified EUI-64 of its hardware address (RFC 4291, appendix A). */
export function linkLocalAddress(mac: MacAddress): IpAddress {
  const bytes = macBytes(mac);
  const [first = 0, ...rest] = bytes;
  return formatAddress(
    Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)),
  );
}
