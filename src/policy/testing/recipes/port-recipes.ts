/** Ports: protocols, numbers, names, ranges. */
import { type PolicyRecipe, recipe } from "./recipe.ts";

function ingress(name: string, ports: string, selector = "{}"): string {
  return `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: x}
spec:
  podSelector: ${selector}
  ingress: [{ports: ${ports}}]
`;
}

function egress(name: string, rules: string): string {
  return `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress: ${rules}
`;
}

export const portRecipes: readonly PolicyRecipe[] = [
  recipe({
    name: "a port is TCP's when nothing else is said",
    semantics: "ports",
    yaml: ingress("tcp", "[{port: 80}]"),
    allow: ["y/a > x/a x/b: TCP/80"],
    deny: ["y/a > x/a: TCP/81 UDP/80 SCTP/80 UDP/53"],
  }),
  recipe({
    name: "ports of one rule are OR, each with its protocol",
    semantics: "ports",
    yaml: ingress("or", "[{port: 80, protocol: UDP}, {port: 81}, {port: 80, protocol: SCTP}]"),
    allow: ["y/a > x/a: UDP/80 TCP/81 SCTP/80"],
    deny: ["y/a > x/a: TCP/80 TCP/8080 UDP/53"],
  }),
  recipe({
    name: "a protocol without a port is all of it",
    semantics: "ports",
    yaml: ingress("udp", "[{protocol: UDP}]"),
    allow: ["y/a > x/a: UDP/53 UDP/80"],
    deny: ["y/a > x/a: TCP/80 SCTP/80"],
  }),
  recipe({
    name: "peers and ports of one rule are AND, rules are OR",
    semantics: "ports",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: rules, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: api}}}]
    ports: [{port: 80}]
  - from: [{podSelector: {matchLabels: {app: db}}}]
    ports: [{port: 81}]
`,
    allow: ["x/b > x/a: TCP/80", "x/c > x/a: TCP/81"],
    deny: ["x/b > x/a: TCP/81", "x/c > x/a: TCP/80", "y/b > x/a: TCP/80"],
  }),
  recipe({
    name: "a named port is each destination's own",
    semantics: "named port",
    yaml: ingress("named", "[{port: http}]"),
    allow: ["y/a > x/a: TCP/80", "y/a > x/b: TCP/8080"],
    deny: ["y/a > x/a: TCP/8080 TCP/81", "y/a > x/b: TCP/80", "y/a > x/c: TCP/80 TCP/8080 UDP/80"],
  }),
  recipe({
    name: "a name belongs to a protocol",
    semantics: "named port",
    yaml: ingress("named-udp", "[{port: http, protocol: UDP}, {port: dns, protocol: UDP}]"),
    allow: ["y/a > x/c: UDP/80", "y/a > x/a x/b: UDP/53"],
    deny: ["y/a > x/c: UDP/53 TCP/80", "y/a > x/a: TCP/80 UDP/80"],
  }),
  recipe({
    name: "a named port in egress is found at the destination, never outside",
    semantics: "named port",
    yaml: egress("named-out", "[{ports: [{port: http}]}]"),
    allow: ["x/a > x/b y/b z/b: TCP/8080", "x/a > y/a: TCP/80"],
    deny: ["x/a > x/b: TCP/80", "x/a > y/c: TCP/80", "x/a > out/near: TCP/80 TCP/8080"],
  }),
  recipe({
    name: "a named port of certain peers",
    semantics: "named port",
    yaml: egress("named-peers", "[{to: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: http}]}]"),
    allow: ["x/a > z/a: TCP/80", "x/a > z/b: TCP/8080"],
    deny: ["x/a > y/a: TCP/80", "x/a > y/b: TCP/8080", "x/a > z/c: TCP/80"],
  }),
  recipe({
    name: "a range of ports has both its ends",
    semantics: "endPort",
    yaml: ingress("range", "[{port: 80, endPort: 81}]"),
    allow: ["y/a > x/a: TCP/80 TCP/81"],
    deny: ["y/a > x/a: TCP/8080 UDP/80"],
  }),
  recipe({
    name: "a range from the middle",
    semantics: "endPort",
    yaml: ingress("middle", "[{port: 81, endPort: 8080}, {port: 53, endPort: 60, protocol: UDP}]"),
    allow: ["y/a > x/a: TCP/81 TCP/8080 UDP/53"],
    deny: ["y/a > x/a: TCP/80 UDP/80"],
  }),
  recipe({
    name: "rules about ports are not about protocols without ports",
    semantics: "other protocols",
    yaml: ingress("no-icmp", "[{protocol: TCP}, {protocol: UDP}, {protocol: SCTP}]"),
    allow: ["y/a > x/a: TCP/80 UDP/53 SCTP/80"],
    deny: ["y/a > x/a: ICMP"],
  }),
];
