/**
 * What an ADD did, in a form that two implementations can be compared in: names and hardware addresses that they choose
 * freely become symbols, what the kernel counts by itself is left out.
 */
import type { JsonObject } from "#base/json.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { ipJson, outputIn } from "#kernel/testing/run-in-netns.ts";
import { at, routesOf } from "./witness.ts";
import type { World } from "./world.ts";

/** One line for each thing: `pod link eth0 mtu 1500`. */
export async function observe(world: World, pod: Netns, result: JsonObject | undefined): Promise<readonly string[]> {
  const lines = [
    ...(result ? flatten("result", result) : []),
    ...(await observeNetns(world.node, "node")),
    ...(await observeNetns(pod, "pod")),
  ];
  const text = lines
    .filter((line) => !line.includes("uplink"))
    .join("\n")
    .replaceAll(/\bveth[0-9a-f]{8}\b/g, "VETH")
    .replaceAll(/\b(?!00:00)[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, "MAC")
    .replaceAll(pod.path, "POD");
  return text.split("\n").toSorted();
}

function flatten(path: string, value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [`${path} ${String(value)}`];
  const entries = Object.entries(value);
  return entries.length === 0 ? [`${path} empty`] : entries.flatMap(([key, one]) => flatten(`${path}.${key}`, one));
}

const SYSCTLS = {
  node: ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"],
  pod: [],
} as const;
const LINK_SYSCTLS = [
  "ipv4/conf/LINK/arp_notify",
  "ipv6/conf/LINK/accept_dad",
  "ipv6/conf/LINK/accept_ra",
  "ipv6/conf/LINK/disable_ipv6",
  "ipv6/conf/LINK/enhanced_dad",
  "ipv6/conf/LINK/keep_addr_on_down",
];

async function observeNetns(netns: Netns, where: "node" | "pod"): Promise<readonly string[]> {
  const links = await ipJson(netns, "addr");
  const routes = [...(await routesOf(netns)), ...(await routesOf(netns, 6))];
  const sysctls = await readSysctls(netns, where, links);
  return [
    ...links.flatMap((link) => observeLink(where, link)),
    ...routes.map((route) => `${where} route ${route}`),
    ...sysctls,
  ];
}

function observeLink(where: string, link: JsonObject | Readonly<Record<string, unknown>>): readonly string[] {
  const name = String(link["ifname"]);
  const facts = {
    kind: at(link, "linkinfo", "info_kind"),
    // A bridge notices only later that its last port is gone.
    flags: String(link["flags"]).replace("NO-CARRIER,", "").replace(",LOWER_UP", ""),
    mtu: link["mtu"],
    master: link["master"],
    promiscuity: link["promiscuity"],
    hairpin: at(link, "linkinfo", "info_slave_data", "hairpin"),
    isolated: at(link, "linkinfo", "info_slave_data", "isolated"),
    vlan_filtering: at(link, "linkinfo", "info_data", "vlan_filtering"),
  };
  const addresses = link["addr_info"];
  return [
    ...Object.entries(facts).flatMap(([key, value]) =>
      value === undefined ? [] : [`${where} link ${name} ${key} ${value}`],
    ),
    ...(Array.isArray(addresses) ? addresses : [])
      .filter(({ scope }) => scope !== "link")
      .map(
        ({ local, prefixlen, scope, noprefixroute, broadcast }) =>
          `${where} address ${local}/${prefixlen} on ${name} scope ${scope}${broadcast ? ` brd ${broadcast}` : ""}${noprefixroute ? " noprefixroute" : ""}`,
      ),
  ];
}

async function readSysctls(
  netns: Netns,
  where: "node" | "pod",
  links: readonly Readonly<Record<string, unknown>>[],
): Promise<readonly string[]> {
  const ofLinks = links
    .map(({ ifname }) => String(ifname))
    .filter((name) => !["lo", "uplink"].includes(name))
    .flatMap((name) => LINK_SYSCTLS.map((key) => `net/${key.replace("LINK", name)}`));
  const keys = [...SYSCTLS[where], ...ofLinks];
  if (keys.length === 0) return [];
  const text = await outputIn(netns, ["sysctl", "-e", ...keys]);
  return text
    .trim()
    .split("\n")
    .map((line) => `${where} sysctl ${line}`);
}
