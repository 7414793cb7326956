/**
 * Policies that people write, and each line of the semantics of NetworkPolicy and ClusterNetworkPolicy, as cases over the
 * same eight pods. What they mean is the oracle's business; here they only are.
 */
import { type WorldPolicy, worldClusterNetworkPolicy, worldNetworkPolicy } from "#policy/policy-world.ts";
import type { CasePod, PolicyCase } from "./slots.ts";

type NetworkPolicy = Extract<WorldPolicy, { readonly kind: "NetworkPolicy" }>["object"];
type ClusterNetworkPolicy = Extract<WorldPolicy, { readonly kind: "ClusterNetworkPolicy" }>["object"];

const NAMESPACES = {
  shop: { team: "shop", stage: "live" },
  bank: { team: "bank", stage: "live" },
  test: { team: "shop" },
} as const;

const HTTP = { name: "http", protocol: "TCP", port: 8080 } as const;
const DNS = { name: "dns", protocol: "UDP", port: 53 } as const;

/** In the order of the slots: three on the first and the second node, two on the third. */
const PODS: readonly CasePod[] = [
  { namespace: "shop", name: "web", labels: { app: "web", tier: "front" }, ports: [HTTP] },
  { namespace: "shop", name: "client", labels: { app: "client" } },
  { namespace: "bank", name: "client", labels: { app: "client" } },
  { namespace: "shop", name: "db", labels: { app: "db", tier: "back" }, ports: [{ ...HTTP, port: 8081 }] },
  { namespace: "bank", name: "web", labels: { app: "web" }, ports: [HTTP, DNS] },
  { namespace: "test", name: "web", labels: { app: "web" } },
  { namespace: "shop", name: "dns", labels: { app: "dns" }, ports: [DNS] },
  { namespace: "test", name: "client", labels: { app: "client", tier: "front" } },
];

type Spec = NetworkPolicy["spec"];
type Ingress = NonNullable<Spec["ingress"]>[number];
type Egress = NonNullable<Spec["egress"]>[number];

function policy(name: string, spec: Spec, namespace = "shop"): WorldPolicy {
  const object: NetworkPolicy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace, name },
    spec,
  };
  return worldNetworkPolicy(object);
}

function clusterPolicy(name: string, spec: ClusterNetworkPolicy["spec"]): WorldPolicy {
  const object: ClusterNetworkPolicy = {
    apiVersion: "policy.networking.k8s.io/v1alpha2",
    kind: "ClusterNetworkPolicy",
    metadata: { name },
    spec,
  };
  return worldClusterNetworkPolicy(object);
}

const WEB = { matchLabels: { app: "web" } };
const CLIENT = { matchLabels: { app: "client" } };
const ingressTo = (podSelector: Spec["podSelector"], ...ingress: readonly Ingress[]): Spec => ({
  podSelector,
  policyTypes: ["Ingress"],
  ingress: [...ingress],
});
const egressOf = (podSelector: Spec["podSelector"], ...egress: readonly Egress[]): Spec => ({
  podSelector,
  policyTypes: ["Egress"],
  egress: [...egress],
});
const denyAll = (namespace = "shop"): WorldPolicy =>
  policy("deny-all", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }, namespace);
const from = (...peers: NonNullable<Ingress["from"]>): Ingress => ({ from: peers });
const tcp = (port: number | string, endPort?: number) => ({
  protocol: "TCP" as const,
  port,
  ...(endPort !== undefined && { endPort }),
});
const udp = (port: number | string) => ({ protocol: "UDP" as const, port });
const teamShop = { matchLabels: { team: "shop" } };
const named = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

type Rows = Readonly<Record<string, readonly WorldPolicy[]>>;

const RECIPES: Rows = {
  "no policy": [],
  "deny all ingress": [policy("p", ingressTo({}))],
  "deny all egress": [policy("p", egressOf({}))],
  "deny all": [denyAll()],
  "deny all in every namespace": [denyAll("shop"), denyAll("bank"), denyAll("test")],
  "allow all ingress": [policy("p", ingressTo({}, {}))],
  "allow all egress": [policy("p", egressOf({}, {}))],
  "deny all and allow all": [
    denyAll(),
    policy("a", { podSelector: {}, policyTypes: ["Ingress", "Egress"], ingress: [{}], egress: [{}] }),
  ],
  "allow DNS": [
    denyAll(),
    policy("dns", egressOf({}, { ports: [udp(53), tcp(53)] })),
    policy("in", ingressTo({ matchLabels: { app: "dns" } }, {})),
  ],
  "namespace isolation": [policy("p", ingressTo({}, from({ podSelector: {} })))],
  "from another namespace": [policy("p", ingressTo({}, from({ namespaceSelector: named("bank") })))],
  "from all namespaces": [policy("p", ingressTo(WEB, from({ namespaceSelector: {} })))],
  "and: pods of a namespace": [
    policy("p", ingressTo(WEB, from({ namespaceSelector: named("bank"), podSelector: CLIENT }))),
  ],
  "or: a namespace, or pods": [
    policy("p", ingressTo(WEB, from({ namespaceSelector: named("bank") }, { podSelector: CLIENT }))),
  ],
  "web from clients on one port": [policy("p", ingressTo(WEB, { from: [{ podSelector: CLIENT }], ports: [tcp(80)] }))],
  "database from web only": [
    policy("p", ingressTo({ matchLabels: { tier: "back" } }, { from: [{ podSelector: WEB }], ports: [tcp("http")] })),
  ],
  "egress to the database, and nothing else": [
    policy("p", egressOf(WEB, { to: [{ podSelector: { matchLabels: { app: "db" } } }] })),
  ],
  "egress to outside only": [
    policy(
      "p",
      egressOf({}, { to: [{ ipBlock: { cidr: "192.168.50.0/24" } }, { ipBlock: { cidr: "fd00:50::/64" } }] }),
    ),
  ],
  "egress to all but the pods": [
    policy(
      "p",
      egressOf(
        {},
        {
          to: [
            { ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.0/8"] } },
            { ipBlock: { cidr: "::/0", except: ["fd00:10::/32"] } },
          ],
        },
      ),
    ),
  ],
};

const SEMANTICS: Rows = {
  "policies add up": [
    policy("a", ingressTo(WEB, { ports: [tcp(80)] })),
    policy("b", ingressTo(WEB, { ports: [udp(53)] })),
  ],
  "both ends are asked": [
    policy("in", ingressTo(WEB, from({ podSelector: CLIENT }))),
    policy("out", egressOf(CLIENT, { ports: [tcp(80)] })),
  ],
  "no policyTypes and no egress: ingress only": [policy("p", { podSelector: {} })],
  "no policyTypes and egress: both": [policy("p", { podSelector: {}, egress: [{ ports: [tcp(80)] }] })],
  "listed without a section": [policy("p", { podSelector: {}, policyTypes: ["Egress"] })],
  "an empty rule allows all": [policy("p", ingressTo(WEB, {}))],
  "empty from": [policy("p", ingressTo(WEB, { from: [] }))],
  "selector that nobody has": [policy("p", ingressTo(WEB, from({ podSelector: { matchLabels: { app: "none" } } })))],
  "policy for nobody": [policy("p", ingressTo({ matchLabels: { app: "none" } }))],
  "matchExpressions In": [
    policy(
      "p",
      ingressTo(
        {},
        from({ podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] } }),
      ),
    ),
  ],
  "matchExpressions NotIn": [
    policy(
      "p",
      ingressTo(
        {},
        from({
          namespaceSelector: {},
          podSelector: { matchExpressions: [{ key: "tier", operator: "NotIn", values: ["front"] }] },
        }),
      ),
    ),
  ],
  "matchExpressions Exists": [policy("p", ingressTo({ matchExpressions: [{ key: "tier", operator: "Exists" }] }))],
  "matchExpressions DoesNotExist": [
    policy("p", ingressTo({ matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] })),
  ],
  "namespaces by expression": [
    policy(
      "p",
      ingressTo({}, from({ namespaceSelector: { matchExpressions: [{ key: "stage", operator: "Exists" }] } })),
    ),
  ],
  "namespaces by label": [policy("p", ingressTo({}, from({ namespaceSelector: teamShop })))],
  "protocol without a port": [policy("p", ingressTo({}, { ports: [{ protocol: "UDP" }] }))],
  "port without a protocol is TCP": [policy("p", ingressTo({}, { ports: [{ port: 80 }] }))],
  "range of ports": [policy("p", ingressTo({}, { ports: [tcp(79, 81)] }))],
  "many ports": [policy("p", ingressTo({}, { ports: [tcp(80), udp(53), tcp(8079, 8081), tcp(8080, 8090)] }))],
  "all ports as a range": [policy("p", ingressTo({}, { ports: [tcp(1, 65535)] }))],
  "named port, another number on each pod": [policy("p", ingressTo({}, { ports: [tcp("http")] }))],
  "named port in egress": [
    policy("p", egressOf(CLIENT, { to: [{ namespaceSelector: {} }], ports: [tcp("http")] }), "bank"),
  ],
  "named port of another protocol": [policy("p", ingressTo({}, { ports: [udp("http")] }), "bank")],
  "named and numbered ports": [policy("p", ingressTo({}, { ports: [udp("dns"), tcp(80)] }), "bank")],
  "named port that nobody has": [policy("p", ingressTo({}, { ports: [tcp("none")] }))],
  "ipBlock of one node's pods": [
    policy(
      "p",
      ingressTo({}, from({ ipBlock: { cidr: "10.244.1.0/24" } }, { ipBlock: { cidr: "fd00:10:244:1::/64" } })),
    ),
  ],
  "ipBlock with except": [
    policy(
      "p",
      ingressTo({}, from({ ipBlock: { cidr: "10.244.0.0/16", except: ["10.244.2.0/24", "10.244.1.11/32"] } })),
    ),
  ],
  "ipBlock with many exceptions": [
    policy(
      "p",
      egressOf(
        {},
        {
          to: [
            {
              ipBlock: {
                cidr: "10.0.0.0/8",
                except: ["10.244.1.10/32", "10.244.1.11/32", "10.244.2.10/31", "10.244.3.0/28"],
              },
            },
          ],
        },
      ),
    ),
  ],
  "ipBlocks that overlap": [
    policy(
      "p",
      ingressTo(
        {},
        from(
          { ipBlock: { cidr: "10.244.0.0/16" } },
          { ipBlock: { cidr: "10.244.2.0/24" } },
          { ipBlock: { cidr: "10.244.3.0/24", except: ["10.244.3.11/32"] } },
        ),
      ),
    ),
  ],
  "ipBlock of everything": [policy("p", ingressTo({}, from({ ipBlock: { cidr: "0.0.0.0/0" } })))],
  "one outside address in": [policy("p", ingressTo({}, from({ ipBlock: { cidr: "192.168.50.100/32" } })))],
  "IPv6 only": [policy("p", ingressTo({}, from({ ipBlock: { cidr: "::/0" } })))],
  "blocks and pods": [
    policy(
      "p",
      ingressTo({}, { from: [{ podSelector: CLIENT }, { ipBlock: { cidr: "192.168.50.0/24" } }], ports: [tcp(80)] }),
    ),
  ],
};

const webs = { namespaceSelector: {}, podSelector: WEB };
const clusterIngress = (
  action: "Accept" | "Deny" | "Pass",
  peers: NonNullable<ClusterNetworkPolicy["spec"]["ingress"]>[number]["from"],
  protocols?: NonNullable<ClusterNetworkPolicy["spec"]["ingress"]>[number]["protocols"],
) => ({ action, from: peers, ...(protocols && { protocols }) });
const ALL = [{ namespaces: {} }];

const TIERS: Rows = {
  "Admin denies what a NetworkPolicy allows": [
    clusterPolicy("c", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Deny", [{ namespaces: named("bank") }])],
    }),
    policy("allow", ingressTo({}, {})),
  ],
  "Admin accepts what a NetworkPolicy denies": [
    clusterPolicy("c", {
      tier: "Admin",
      priority: 1,
      subject: { pods: webs },
      ingress: [clusterIngress("Accept", [{ pods: { namespaceSelector: {}, podSelector: CLIENT } }])],
    }),
    policy("deny", ingressTo({})),
  ],
  "Admin passes on to NetworkPolicy": [
    clusterPolicy("c", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Pass", [{ namespaces: named("shop") }]), clusterIngress("Deny", ALL)],
    }),
    policy("web", ingressTo(WEB, from({ podSelector: CLIENT }))),
  ],
  "the lower priority counts": [
    clusterPolicy("b", {
      tier: "Admin",
      priority: 2,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Deny", ALL)],
    }),
    clusterPolicy("a", {
      tier: "Admin",
      priority: 1,
      subject: { pods: webs },
      ingress: [clusterIngress("Accept", ALL, [{ tcp: { destinationPort: { number: 80 } } }])],
    }),
  ],
  "Pass skips the rest of its tier": [
    clusterPolicy("a", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Pass", [{ namespaces: teamShop }])],
    }),
    clusterPolicy("b", {
      tier: "Admin",
      priority: 2,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Deny", ALL)],
    }),
  ],
  "Baseline where no NetworkPolicy isolates": [
    clusterPolicy("c", {
      tier: "Baseline",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Deny", [{ namespaces: named("bank") }])],
    }),
    policy("web", ingressTo(WEB, from({ namespaceSelector: named("bank") }))),
  ],
  "Baseline passes": [
    clusterPolicy("a", {
      tier: "Baseline",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Pass", [{ namespaces: named("bank") }])],
    }),
    clusterPolicy("b", {
      tier: "Baseline",
      priority: 2,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Deny", ALL)],
    }),
  ],
  "all three tiers": [
    clusterPolicy("a", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [
        clusterIngress("Pass", ALL, [{ tcp: { destinationPort: { number: 80 } } }]),
        clusterIngress("Deny", [{ namespaces: named("test") }]),
      ],
    }),
    policy("web", ingressTo(WEB, from({ podSelector: CLIENT }))),
    clusterPolicy("z", {
      tier: "Baseline",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [clusterIngress("Deny", [{ namespaces: named("bank") }])],
    }),
  ],
  "egress to networks": [
    clusterPolicy("c", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      egress: [
        { action: "Accept", to: [{ networks: ["192.168.50.0/24"] }] },
        { action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] },
      ],
    }),
  ],
  "egress by named port": [
    clusterPolicy("c", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      egress: [
        { action: "Accept", to: ALL, protocols: [{ destinationNamedPort: "http" }] },
        { action: "Deny", to: ALL },
      ],
    }),
  ],
  "ranges of ports in a tier": [
    clusterPolicy("c", {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [
        clusterIngress("Deny", ALL, [
          { tcp: { destinationPort: { range: { start: 80, end: 8080 } } } },
          { udp: { destinationPort: { number: 53 } } },
        ]),
      ],
    }),
  ],
};

export const POLICY_CASES: readonly PolicyCase[] = Object.entries({ ...RECIPES, ...SEMANTICS, ...TIERS }).map(
  ([title, policies]) => ({ title, namespaces: NAMESPACES, pods: PODS, policies }),
);
