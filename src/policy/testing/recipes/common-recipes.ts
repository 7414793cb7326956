/** What people commonly write. */
import { type PolicyRecipe, recipe } from "./recipe.ts";

export const commonRecipes: readonly PolicyRecipe[] = [
  recipe({
    name: "deny all",
    semantics: "recipe",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny-all, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
`,
    allow: ["y/a > z/a: TCP/80", "x/a > x/a: TCP/80"],
    deny: ["x/a > x/b y/a out/near: TCP/80 UDP/53 ICMP", "y/a out/near x/b > x/a: TCP/80 UDP/53"],
  }),
  recipe({
    name: "deny all but DNS",
    semantics: "recipe",
    // The part of kube-system is played by z, the name server by z/b.
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny-egress, namespace: x}
spec: {podSelector: {}, policyTypes: [Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns, namespace: x}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}
      podSelector: {matchLabels: {app: api}}
    ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
`,
    allow: ["x/a x/b x/c > z/b: UDP/53", "y/a z/a > x/a: TCP/80"],
    deny: ["x/a > z/b: UDP/80 TCP/80", "x/a > z/a y/b out/near: UDP/53", "x/a > x/b: TCP/80"],
  }),
  recipe({
    name: "a namespace keeps to itself",
    semantics: "recipe",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: same-namespace, namespace: x}
spec:
  podSelector: {}
  ingress: [{from: [{podSelector: {}}]}]
`,
    allow: ["x/a x/c > x/b: TCP/80 UDP/53 ICMP", "x/a > y/a out/near: TCP/80"],
    deny: ["y/a z/b out/near > x/a x/b: TCP/80"],
  }),
  recipe({
    name: "three tiers: web to api to db",
    semantics: "recipe",
    yaml: `
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: deny, namespace: x}
  spec: {podSelector: {}, policyTypes: [Ingress]}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: web, namespace: x}
  spec:
    podSelector: {matchLabels: {app: web}}
    ingress: [{ports: [{port: 80}]}]
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: api, namespace: x}
  spec:
    podSelector: {matchLabels: {app: api}}
    ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}]}]
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: db, namespace: x}
  spec:
    podSelector: {matchLabels: {app: db}}
    ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: db}]}]
`,
    allow: ["out/near y/a x/b > x/a: TCP/80", "x/a > x/b: TCP/8080", "x/b > x/c: TCP/81"],
    deny: [
      "x/a > x/c: TCP/81",
      "y/a > x/b: TCP/8080",
      "y/b > x/c: TCP/81",
      "x/a > x/b: TCP/80",
      "out/near > x/a: TCP/81",
    ],
  }),
  recipe({
    name: "egress to outside only",
    semantics: "recipe",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: outside, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to:
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16, 172.16.0.0/12]}
    - ipBlock: {cidr: "::/0", except: ["fd00::/8"]}
`,
    allow: ["x/a > out/near out/hole out/far: TCP/80 UDP/53", "x/b > y/a: TCP/80"],
    deny: ["x/a > x/b y/a z/c: TCP/80", "x/a > node/n2: TCP/80"],
  }),
  recipe({
    name: "egress to one range but not to a part of it",
    semantics: "recipe",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: metadata, namespace: x}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to:
    - ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.130/32]}
    - ipBlock: {cidr: "2001:db8:a::/48", except: ["2001:db8:a:1::10/128"]}
    ports: [{port: 80}]
`,
    allow: ["x/a x/b > out/near: TCP/80"],
    deny: ["x/a > out/hole out/far: TCP/80", "x/a > out/near: TCP/81", "x/a > y/a: TCP/80"],
  }),
  recipe({
    name: "allow all beside deny all",
    semantics: "recipe",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow, namespace: x}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
`,
    allow: ["y/a out/near > x/a: TCP/80 UDP/53", "x/a > y/a out/near: TCP/80"],
    deny: ["x/a > x/b: TCP/80", "x/b > x/a: TCP/80", "y/a > x/c: TCP/80"],
  }),
];
