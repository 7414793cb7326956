import assert from "node:assert/strict";
import { test } from "node:test";
import { explainFlow, parseFlow } from "../explain-flow.ts";
import { loadTestText } from "../file/load-test.ts";
import { TargetError } from "../file/parse-target.ts";

const TEST = `apiVersion: podwire.io/v1
kind: PolicyTest
ipFamilies: IPv4
pods:
  shop/web: {labels: {app: web}, ports: {http: 8080}}
  shop/api: {labels: {app: api}, ports: {http: 8080}}
  shop/db: {labels: {app: db}, ports: {pg: 5432}}
  other/x: {labels: {app: "8"}}
policies:
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: deny, namespace: shop}
    spec: {podSelector: {}, policyTypes: [Ingress]}
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: db, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: db}}
      ingress:
        - {from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: pg}]}
`;

const CHANGES: readonly (readonly [
  from: string,
  to: string,
  verdict: "allow" | "deny",
  change: readonly string[] | undefined,
])[] = [
  [
    "shop/web",
    "shop/db:pg",
    "deny",
    ["add to networkpolicy/shop/db, spec.ingress[0].from:", "  - podSelector: {matchLabels: {app: web}}"],
  ],
  [
    "shop/api",
    "shop/db:5433",
    "deny",
    ["add to networkpolicy/shop/db, spec.ingress[0].ports:", "  - {port: 5433, protocol: TCP}"],
  ],
  [
    "other/x",
    "shop/db:1/UDP",
    "deny",
    [
      "add to networkpolicy/shop/db, spec.ingress:",
      "  - from:",
      "      - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}",
      '        podSelector: {matchLabels: {app: "8"}}',
      "    ports:",
      "      - {port: 1, protocol: UDP}",
    ],
  ],
  [
    "203.0.113.9",
    "shop/web:http",
    "deny",
    [
      "add a policy in namespace shop:",
      "  apiVersion: networking.k8s.io/v1",
      "  kind: NetworkPolicy",
      "  metadata: {name: web-ingress, namespace: shop}",
      "  spec:",
      "    podSelector: {matchLabels: {app: web}}",
      "    policyTypes: [Ingress]",
      "    ingress:",
      "      - from:",
      '          - ipBlock: {cidr: "203.0.113.9/32"}',
      "        ports:",
      "          - {port: 8080, protocol: TCP}",
    ],
  ],
  [
    "shop/api",
    "shop/db:pg",
    "allow",
    ["remove from networkpolicy/shop/db: spec.ingress[0], or what in it matches this connection"],
  ],
  [
    "shop/db",
    "other/x:80",
    "allow",
    [
      "add a policy in namespace other, with rules for what shall go on:",
      "  apiVersion: networking.k8s.io/v1",
      "  kind: NetworkPolicy",
      "  metadata: {name: x-ingress, namespace: other}",
      "  spec:",
      '    podSelector: {matchLabels: {app: "8"}}',
      "    policyTypes: [Ingress]",
    ],
  ],
];

for (const [from, to, verdict, change] of CHANGES) {
  test(`smallestChange turns ${from} → ${to} round`, () => {
    const one = loadTestText(TEST, "t");
    const [explanation] = explainFlow(one, parseFlow(one, from, to));
    assert.equal(explanation?.verdict, verdict);
    assert.deepEqual(explanation?.change, change);
  });
}

test("parseFlow says what the test does not have", () => {
  const one = loadTestText(TEST, "t");
  const wrong = (from: string, to: string, message: RegExp) =>
    assert.throws(
      () => parseFlow(one, from, to),
      (error) => error instanceof TargetError && message.test(error.message),
    );
  wrong("shop/wbe", "shop/db:1", /no pod "shop\/wbe"; did you mean "shop\/web"\?/);
  wrong("shop/web", "shop/db", /"shop\/db" has no port: write shop\/db:80/);
  wrong("shop/web:1", "shop/db:1", /only the target has one/);
  wrong("shop/web", "shop/db:pq", /no port "pq"; did you mean "pg"\?/);
});
