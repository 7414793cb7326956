/** Who is meant: selectors of pods and namespaces, AND and OR, ranges of addresses. */
import { type PolicyRecipe, recipe } from "./recipe.ts";
import { withNamespaceLabels, withPod } from "./stage.ts";

function ingressTo(name: string, rules: string): string {
  return `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
${rules}
`;
}

export const peerRecipes: readonly PolicyRecipe[] = [
  recipe({
    name: "podSelector alone means the policy's own namespace",
    semantics: "peer",
    yaml: ingressTo("own", "  - from: [{podSelector: {matchLabels: {app: api}}}]"),
    allow: ["x/b > x/a: TCP/80 UDP/80 ICMP"],
    deny: ["x/c y/b z/b out/near > x/a: TCP/80"],
  }),
  recipe({
    name: "namespaceSelector alone means all pods there",
    semantics: "peer",
    yaml: ingressTo("team", "  - from: [{namespaceSelector: {matchLabels: {team: blue}}}]"),
    allow: ["z/a z/b z/c > x/a: TCP/80"],
    deny: ["x/b x/c y/a > x/a: TCP/80"],
  }),
  recipe({
    name: "both selectors in one entry are AND",
    semantics: "peer",
    yaml: ingressTo(
      "and",
      "  - from: [{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: api}}}]",
    ),
    allow: ["x/b y/b > x/a: TCP/80"],
    deny: ["x/c y/a y/c z/b > x/a: TCP/80"],
  }),
  recipe({
    name: "the same selectors in two entries are OR",
    semantics: "peer",
    yaml: ingressTo(
      "or",
      "  - from: [{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: api}}}]",
    ),
    allow: ["x/b z/a z/b z/c > x/a: TCP/80"],
    deny: ["x/c y/a y/b y/c > x/a: TCP/80"],
  }),
  recipe({
    name: "an empty namespaceSelector means all namespaces, and nobody outside",
    semantics: "peer",
    yaml: ingressTo("everywhere", "  - from: [{namespaceSelector: {}}]"),
    allow: ["x/b y/a z/c > x/a: TCP/80"],
    deny: ["out/near out/far > x/a: TCP/80", "node/n2 > x/a: TCP/80"],
  }),
  recipe({
    name: "a namespace by its name",
    semantics: "selectors",
    yaml: ingressTo("by-name", "  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: y}}}]"),
    allow: ["y/a y/c > x/a: TCP/80"],
    deny: ["x/b z/a > x/a: TCP/80"],
  }),
  recipe({
    name: "In and NotIn; NotIn also means who has no such label",
    semantics: "selectors",
    yaml: ingressTo(
      "expressions",
      `  - from: [{podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [front, back]}]}}]
  - from: [{namespaceSelector: {matchExpressions: [{key: env, operator: In, values: [test, stage]}]}}]`,
    ),
    allow: ["x/c y/a y/b > x/a: TCP/80"],
    deny: ["x/b z/a z/c > x/a: TCP/80"],
  }),
  recipe({
    name: "Exists and DoesNotExist",
    semantics: "selectors",
    yaml: ingressTo(
      "exist",
      `  - from:
    - namespaceSelector: {matchExpressions: [{key: env, operator: DoesNotExist}]}
      podSelector: {matchExpressions: [{key: tier, operator: Exists}]}`,
    ),
    allow: ["z/a z/b > x/a: TCP/80"],
    deny: ["z/c x/b y/a y/b > x/a: TCP/80"],
  }),
  recipe({
    name: "all conditions of a selector have to hold",
    semantics: "selectors",
    yaml: ingressTo(
      "conditions",
      `  - from:
    - namespaceSelector: {}
      podSelector:
        matchLabels: {app: api}
        matchExpressions: [{key: tier, operator: In, values: [back]}, {key: canary, operator: DoesNotExist}]`,
    ),
    change: (world) => withPod(world, "y/b", { labels: { app: "api", tier: "back", canary: "yes" } }),
    allow: ["x/b z/b > x/a: TCP/80"],
    deny: ["y/b x/c z/a > x/a: TCP/80"],
  }),
  recipe({
    name: "labels of pods and namespaces are as they are now",
    semantics: "selectors",
    yaml: ingressTo(
      "now",
      "  - from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: api}}}]",
    ),
    change: (world) => withPod(withNamespaceLabels(world, "y", { team: "blue" }), "z/a", { labels: { app: "api" } }),
    allow: ["y/b z/a z/b > x/a: TCP/80"],
    deny: ["y/a x/b z/c > x/a: TCP/80"],
  }),
  recipe({
    name: "a range with an exception",
    semantics: "ipBlock",
    yaml: ingressTo(
      "range",
      `  - from:
    - ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}
    - ipBlock: {cidr: "2001:db8:a::/48", except: ["2001:db8:a:1::/64"]}`,
    ),
    allow: ["out/near > x/a: TCP/80 UDP/53 ICMP"],
    deny: ["out/hole out/far > x/a: TCP/80", "x/b y/a > x/a: TCP/80"],
  }),
  recipe({
    name: "a range of one family says nothing about the other",
    semantics: "ipBlock",
    yaml: ingressTo("v4", "  - from: [{ipBlock: {cidr: 0.0.0.0/0}}]"),
    allow: ["v4 out/near out/far > x/a: TCP/80"],
    deny: ["v6 out/near out/far > x/a: TCP/80"],
  }),
  recipe({
    name: "ranges beside each other: what one leaves out another may allow",
    semantics: "ipBlock",
    yaml: ingressTo(
      "two",
      `  - from: [{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}}, {ipBlock: {cidr: "::/0", except: ["2001:db8:a::/48"]}}]
  - from: [{ipBlock: {cidr: 192.0.2.128/25}}, {ipBlock: {cidr: "2001:db8:a:1::/64"}}]
    ports: [{port: 80}]`,
    ),
    allow: ["out/far > x/a: TCP/80 TCP/81", "out/hole > x/a: TCP/80"],
    deny: ["out/near > x/a: TCP/80 TCP/81", "out/hole > x/a: TCP/81"],
  }),
];
