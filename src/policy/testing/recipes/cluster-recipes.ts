/** ClusterNetworkPolicy: tiers, priorities, order, actions, peers. */
import { type PolicyRecipe, recipe } from "./recipe.ts";

function policy(name: string, spec: string): string {
  return `
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: ${name}}
spec:
${spec}
`;
}

const DENY_X = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress]}
`;
const SUBJECT_X = "  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: x}}}";

export const clusterRecipes: readonly PolicyRecipe[] = [
  recipe({
    name: "Admin decides before NetworkPolicy, Baseline only where none isolates",
    semantics: "cluster tiers",
    yaml: [
      policy(
        "admin",
        `  tier: Admin
  priority: 10
${SUBJECT_X}
  ingress:
  - {name: monitoring, action: Accept, from: [{namespaces: {matchLabels: {team: blue}}}]}`,
      ),
      policy(
        "baseline",
        `  tier: Baseline
  priority: 10
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}]}`,
      ),
      DENY_X,
    ].join("---"),
    allow: ["z/a z/b > x/a: TCP/80 ICMP", "out/near > y/a: TCP/80"],
    deny: ["y/a > x/a: TCP/80", "x/a > y/a z/a: TCP/80", "out/near > x/a: TCP/80"],
  }),
  recipe({
    name: "an isolated pod does not ask Baseline",
    semantics: "cluster tiers",
    yaml: [
      policy(
        "baseline",
        `  tier: Baseline
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}]}
  egress:
  - {action: Deny, to: [{networks: [198.51.100.0/24, "2001:db8:b::/48"]}]}`,
      ),
      `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{ports: [{port: 80}]}]
`,
    ].join("---"),
    allow: ["y/a > x/a: TCP/80", "x/a > out/near: TCP/80"],
    deny: ["y/a > x/a: TCP/81", "y/a > x/b: TCP/80", "x/a y/a > out/far: TCP/80"],
  }),
  recipe({
    name: "low priorities are asked first",
    semantics: "cluster priority",
    yaml: [
      policy(
        "late",
        `  tier: Admin
  priority: 1000
  subject: {namespaces: {}}
  ingress:
  - {action: Accept, from: [{namespaces: {}}]}`,
      ),
      policy(
        "early",
        `  tier: Admin
  priority: 0
${SUBJECT_X}
  ingress:
  - {action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}], protocols: [{tcp: {destinationPort: {number: 80}}}]}`,
      ),
      DENY_X,
    ].join("---"),
    allow: ["z/a > x/a: TCP/81 UDP/80", "y/a > x/a: TCP/80"],
    deny: ["z/a > x/a x/b: TCP/80"],
  }),
  recipe({
    name: "the first rule that matches decides",
    semantics: "cluster order",
    yaml: policy(
      "order",
      `  tier: Admin
  priority: 5
${SUBJECT_X}
  ingress:
  - {action: Accept, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: api}}}}]}
  - {action: Deny, from: [{namespaces: {}}]}
  - {action: Accept, from: [{namespaces: {}}]}`,
    ),
    allow: ["x/b y/b z/b > x/a: TCP/80", "out/near > x/a: TCP/80"],
    deny: ["x/c y/a z/c > x/a: TCP/80"],
  }),
  recipe({
    name: "Pass skips the rest of the tier",
    semantics: "cluster actions",
    yaml: [
      policy(
        "pass",
        `  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Pass, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: api}}}}]}
  - {action: Deny, from: [{namespaces: {matchLabels: {team: red}}}]}`,
      ),
      policy(
        "more",
        `  tier: Admin
  priority: 2
  subject: {namespaces: {}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}]}`,
      ),
      policy(
        "baseline",
        `  tier: Baseline
  priority: 1
  subject: {namespaces: {matchLabels: {team: blue}}}
  ingress:
  - {action: Pass, from: [{namespaces: {matchLabels: {env: prod}}}]}
  - {action: Deny, from: [{namespaces: {}}]}`,
      ),
      DENY_X,
    ].join("---"),
    allow: ["x/b y/b z/b > y/a: TCP/80", "x/b > z/a: TCP/80"],
    deny: ["x/c z/c > y/a: TCP/80", "y/b > z/a: TCP/80", "y/b > x/a: TCP/80"],
  }),
  recipe({
    name: "egress to networks, nodes and pods",
    semantics: "cluster peers",
    yaml: policy(
      "egress",
      `  tier: Admin
  priority: 1
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}
  egress:
  - {action: Accept, to: [{networks: [192.0.2.128/25, "2001:db8:a:1::/64"]}]}
  - {action: Deny, to: [{networks: [192.0.2.0/24, "2001:db8:a::/48"]}, {nodes: {matchLabels: {zone: two}}}]}
  - {action: Deny, to: [{pods: {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {}}}]}`,
    ),
    // On the stage x/a is on n1, the only node of zone one.
    allow: [
      "x/a > out/hole out/far: TCP/80",
      "x/a > x/b y/a: TCP/80",
      "x/b > out/near z/a: TCP/80",
      "x/a > node/n1: TCP/80",
    ],
    deny: ["x/a > out/near: TCP/80 ICMP", "x/a y/a > z/b: TCP/80", "x/a > node/n2 node/n3: TCP/80"],
  }),
  recipe({
    name: "networks mean pods as well",
    semantics: "cluster peers",
    yaml: policy(
      "networks",
      `  tier: Admin
  priority: 1
${SUBJECT_X}
  egress:
  - {action: Pass, to: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: y}}}]}
  - {action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}]}`,
    ),
    allow: ["x/a > y/a y/b: TCP/80 ICMP"],
    deny: ["x/a > z/a x/b out/near: TCP/80 ICMP"],
  }),
  recipe({
    name: "protocols: numbers, ranges and names; none means all",
    semantics: "cluster protocols",
    yaml: [
      policy(
        "ports",
        `  tier: Admin
  priority: 1
${SUBJECT_X}
  ingress:
  - action: Deny
    from: [{namespaces: {matchLabels: {team: blue}}}]
    protocols:
    - {tcp: {destinationPort: {range: {start: 80, end: 81}}}}
    - {udp: {destinationPort: {number: 53}}}
    - {sctp: {destinationPort: {number: 80}}}
  - action: Deny
    from: [{namespaces: {matchLabels: {env: test}}}]
    protocols: [{destinationNamedPort: http}]`,
      ),
    ].join("---"),
    allow: ["z/a > x/a: TCP/8080 UDP/80 ICMP", "y/a > x/a: TCP/8080 UDP/80", "y/a > x/b: TCP/80", "y/a > x/c: TCP/80"],
    deny: ["z/a > x/a: TCP/80 TCP/81 UDP/53 SCTP/80", "y/a > x/a: TCP/80", "y/a > x/b: TCP/8080", "y/a > x/c: UDP/80"],
  }),
];
