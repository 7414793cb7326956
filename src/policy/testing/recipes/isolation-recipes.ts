/** Which pods a policy isolates, in which direction, and what adds up. */
import { type PolicyRecipe, recipe } from "./recipe.ts";
import { withPod } from "./stage.ts";

const ALL = "TCP/80 UDP/53 SCTP/80";

export const isolationRecipes: readonly PolicyRecipe[] = [
  recipe({
    name: "no policy",
    semantics: "isolation",
    yaml: "",
    allow: [`x/a > x/b y/b z/c out/near: ${ALL} ICMP`, `out/near > x/a: ${ALL}`],
  }),
  recipe({
    name: "ingress is isolated, egress is not",
    semantics: "isolation",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
`,
    allow: [`x/a > x/b y/a out/near: ${ALL}`, `x/a > x/a: TCP/80`, `x/b y/a > x/c y/a: TCP/80`],
    deny: [`x/b x/c y/a z/a out/near > x/a: ${ALL}`],
  }),
  recipe({
    name: "a reply needs no rule",
    semantics: "replies",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody-in, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody-out, namespace: y}
spec: {podSelector: {}, policyTypes: [Egress]}
`,
    allow: [`x/a x/b > y/a y/b: ${ALL}`],
    deny: [`y/a y/b > x/a x/b: ${ALL}`, "y/a > y/b z/a: TCP/80"],
  }),
  recipe({
    name: "policies add up",
    semantics: "union",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: from-b, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: from-c, namespace: x}
spec:
  podSelector: {matchLabels: {tier: front}}
  ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}]
`,
    allow: ["x/b > x/a: TCP/80 TCP/81 UDP/53", "x/c > x/a: TCP/80"],
    deny: ["x/c > x/a: TCP/81 UDP/80", "x/a x/c > x/b: TCP/80", "y/b > x/a: TCP/80"],
  }),
  recipe({
    name: "both ends have to agree",
    semantics: "union",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: in, namespace: x}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]
`,
    allow: ["x/a > x/b: TCP/80"],
    deny: ["x/a > x/b: TCP/81 UDP/80", "x/a > x/c y/b out/near: TCP/80", "x/c y/a > x/b: TCP/80"],
  }),
  recipe({
    name: "a pod reaches itself",
    semantics: "self",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
`,
    allow: [`x/a > x/a: ${ALL}`, "x/b > x/b: TCP/80"],
    deny: ["x/a > x/b: TCP/80"],
  }),
  recipe({
    name: "a pod and its own node",
    semantics: "own node",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
`,
    // On the stage x/a is on n1, x/b on n2, x/c on n3.
    allow: ["node/n1 > x/a: TCP/80 UDP/53", "x/a > node/n1: TCP/80", "node/n2 > x/b: TCP/80"],
    deny: ["node/n2 > x/a: TCP/80", "x/a > node/n2: TCP/80", "node/n1 > x/b x/c: TCP/80"],
  }),
  recipe({
    name: "an empty podSelector is the whole namespace",
    semantics: "podSelector",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: y}
spec: {podSelector: {}}
`,
    allow: ["y/a > x/a z/b: TCP/80", "x/a > x/b: TCP/80"],
    deny: ["x/a y/b z/c > y/a: TCP/80", "y/a > y/b y/c: TCP/80"],
  }),
  recipe({
    name: "policyTypes are Ingress, and Egress where there are egress rules",
    semantics: "policyTypes absent",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ingress-only, namespace: x}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: both, namespace: y}
spec:
  podSelector: {}
  egress: [{to: [{podSelector: {}}]}]
`,
    allow: ["x/a > z/a: TCP/80"],
    deny: ["z/a > x/a y/a: TCP/80", "y/a > z/a: TCP/80", "y/a > y/b: TCP/80"],
  }),
  recipe({
    name: "Egress alone does not isolate ingress, whatever the ingress rules are",
    semantics: "policyTypes absent",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: egress-only, namespace: x}
spec:
  podSelector: {}
  policyTypes: [Egress]
  ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]
`,
    allow: ["y/a z/a > x/a: TCP/80"],
    deny: ["x/a > y/a z/a x/b: TCP/80"],
  }),
  recipe({
    name: "no rules allow nothing, one empty rule allows all",
    semantics: "ingress/egress absent or empty",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: none, namespace: x}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [], egress: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: y}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
`,
    allow: [`y/a > y/b z/a out/near: ${ALL} ICMP`, `z/a out/near > y/a: ${ALL} ICMP`],
    deny: [`x/a > y/a: ${ALL}`, `y/a > x/a: ${ALL}`],
  }),
  recipe({
    name: "no peers are all peers, outside as well",
    semantics: "from/to absent or empty",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: port-80, namespace: x}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{ports: [{port: 80}]}]
  egress: [{to: [], ports: [{port: 81}]}]
`,
    allow: ["y/a z/b out/near out/far > x/a: TCP/80", "x/a > y/a z/b out/near out/far: TCP/81"],
    deny: ["y/a out/near > x/a: TCP/81 UDP/80", "x/a > y/a out/near: TCP/80", "x/a > x/b: TCP/80 TCP/81"],
  }),
  recipe({
    name: "selectors do not mean pods in the node's network",
    semantics: "hostNetwork pods",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing, namespace: x}
spec:
  podSelector: {}
  ingress: [{from: [{podSelector: {}}]}]
`,
    change: (world) =>
      withPod(world, "x/c", { isHostNetwork: true, addresses: world.nodes.get("n3")?.addresses ?? [] }),
    allow: ["x/a > x/b: TCP/80", "y/a > node/n3: TCP/80"],
    deny: ["node/n3 > x/a: TCP/80", "y/a > x/a: TCP/80"],
  }),
  recipe({
    name: "who has ended is not meant any more",
    semantics: "lifecycle",
    yaml: `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api-only, namespace: x}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]
`,
    // Its address has gone to another pod.
    change: (world) =>
      withPod(withPod(world, "x/c", { addresses: world.pods.get("x/b")?.addresses ?? [] }), "x/b", {
        isFinished: true,
      }),
    deny: ["x/c y/b > x/a: TCP/80"],
  }),
];
