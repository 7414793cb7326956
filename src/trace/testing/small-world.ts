/** A world of facts by hand, for tests of what is concluded from it: one pod on each of two nodes, routed, one underlay link. */
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import type { Rule } from "#kernel/rtnetlink/rule.ts";
import type { LinkEnd, NamespaceFacts, NamespaceRole, WorldFacts } from "../facts/world-facts.ts";

/** `pod default/a` – veth [node1] eth0 – eth0 [node2] veth – `pod default/b`; ifindex 1 lo, 2 eth0, 3 veth. */
export function smallWorld(): WorldFacts {
  const namespaces = [
    namespaceOf("pod default/a", "pod", ["10.244.1.2/24"], ["0.0.0.0/0 10.244.1.1 2"], {
      2: { namespace: "node1", ifindex: 3 },
    }),
    namespaceOf("node1", "node", ["192.0.2.1/24", "10.244.1.1/24"], ["10.244.2.0/24 192.0.2.2 2"], {
      2: { namespace: "node2", ifindex: 2 },
      3: { namespace: "pod default/a", ifindex: 2 },
    }),
    namespaceOf("node2", "node", ["192.0.2.2/24", "10.244.2.1/24"], ["10.244.1.0/24 192.0.2.1 2"], {
      2: { namespace: "node1", ifindex: 2 },
      3: { namespace: "pod default/b", ifindex: 2 },
    }),
    namespaceOf("pod default/b", "pod", ["10.244.2.2/24"], ["0.0.0.0/0 10.244.2.1 2"], {
      2: { namespace: "node2", ifindex: 3 },
    }),
  ];
  return {
    namespaces: new Map(namespaces.map((one) => [one.name, one])),
    missing: new Map(),
    nodes: [1, 2].map((number) => ({
      name: `node${number}`,
      underlayAddresses: [parseAddress(`192.0.2.${number}`)],
      podPrefixes: [parsePrefix(`10.244.${number}.0/24`)],
    })),
  };
}

/** The same world with one namespace changed. */
export function changed(
  world: WorldFacts,
  name: string,
  change: (facts: NamespaceFacts) => Partial<NamespaceFacts>,
): WorldFacts {
  const facts = world.namespaces.get(name);
  if (facts === undefined) throw new RangeError(`there is no namespace "${name}"`);
  return { ...world, namespaces: new Map([...world.namespaces, [name, { ...facts, ...change(facts) }]]) };
}

/** Addresses go to ifindex 2, 3, …; routes are `destination gateway ifindex`. */
function namespaceOf(
  name: string,
  role: NamespaceRole,
  addresses: readonly string[],
  routes: readonly string[],
  peers: Readonly<Record<number, LinkEnd>>,
): NamespaceFacts {
  const prefixes = addresses.map((text, index) => ({ ifindex: index + 2, prefix: parsePrefix(text) }));
  const forwards = role === "node" ? 1 : 0;
  return {
    name,
    role,
    links: ["lo", "eth0", "veth"].slice(0, role === "pod" ? 2 : 3).map((link, index) => linkOf(name, link, index + 1)),
    addresses: prefixes.map(({ ifindex, prefix }) => ({ ifindex, prefix, ...ADDRESS })),
    routes: [
      ...prefixes.flatMap(({ ifindex, prefix }) => [
        {
          ...ROUTE,
          destination: parsePrefix(`${prefix.address}/32`),
          type: "local" as const,
          table: 255,
          oif: ifindex,
        },
        {
          ...ROUTE,
          destination: parsePrefix(`${prefix.address.replace(/\d+$/, "0")}/24`),
          oif: ifindex,
          src: prefix.address,
        },
      ]),
      ...routes.map((text) => {
        const [destination = "", gateway = "", oif] = text.split(" ");
        return { ...ROUTE, destination: parsePrefix(destination), gateway: parseAddress(gateway), oif: Number(oif) };
      }),
    ],
    rules: [255, 254].map((table, priority): Rule => ({ family: 4, priority, table, action: "lookup", invert: false })),
    neighbours: [],
    fdb: [],
    tables: [],
    sysctls: { "ipv4/ip_forward": forwards },
    peers: new Map(Object.entries(peers).map(([ifindex, end]) => [Number(ifindex), end])),
  };
}

const ROUTE: Route = {
  destination: parsePrefix("0.0.0.0/0"),
  type: "unicast",
  table: 254,
  protocol: 3,
  scope: 0,
  onlink: false,
};
const ADDRESS = {
  peer: undefined,
  broadcast: undefined,
  scope: 0,
  label: undefined,
  secondary: false,
  deprecated: false,
  noDad: false,
  noPrefixRoute: false,
  tentative: false,
  dadFailed: false,
  permanent: true,
} as const;

function linkOf(namespace: string, name: string, ifindex: number): Link {
  const place = Buffer.from(namespace.padEnd(14)).subarray(-1)[0] ?? 0;
  return {
    ifindex,
    name,
    kind: name === "lo" ? undefined : { type: "veth" },
    up: true,
    lowerUp: true,
    operstate: "up",
    mtu: 1500,
    mac: parseMacAddress(`02:00:00:00:${place.toString(16).padStart(2, "0")}:0${ifindex}`),
    master: undefined,
    link: undefined,
    linkNetnsId: undefined,
    alias: "",
    group: 0,
    promiscuity: 0,
    txQueueLength: 1000,
    bridgePort: undefined,
  };
}
