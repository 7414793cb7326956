import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { describeCase, type PolicyTest, podId } from "../policy-test.ts";
import { PolicyTestError } from "../policy-test-error.ts";
import { type LoadOptions, loadTest, loadTestText } from "./load-test.ts";

const EXAMPLES = fileURLToPath(new URL("../../../examples/policies/", import.meta.url));
const HEAD = "apiVersion: podwire.io/v1\nkind: PolicyTest\n";
const POLICY = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}}
`;

/** Files in a folder of their own; `<dir>` in what is compared stands for it. */
function inFolder<T>(files: Readonly<Record<string, string>>, body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "pwpolicy-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function problemsOf(files: Readonly<Record<string, string>>, options: LoadOptions = {}): readonly string[] {
  return inFolder(files, (folder) => {
    try {
      loadTest(join(folder, "t.yaml"), options);
      return [];
    } catch (error) {
      if (!(error instanceof PolicyTestError)) throw error;
      return error.problems.map(({ source, field, message }) => {
        const file = source.file.replace(/^.*pwpolicy-[^/]+\//, "");
        return `${file}:${source.line}: ${field}: ${message.replaceAll(folder, "<dir>")}`;
      });
    }
  });
}

const policyIds = ({ policies }: PolicyTest) => policies.map(({ policy }) => policy.id);

test("loadTest takes pods, namespaces and policies from manifests, and counts what it skips", () => {
  const shop = loadTest(join(EXAMPLES, "shop.test.yaml"));
  assert.deepEqual(shop.pods.map(podId).slice(0, 3), ["shop/web", "shop/api", "shop/db"]);
  assert.deepEqual(shop.pods[0]?.labels, { "app.kubernetes.io/name": "web", "app.kubernetes.io/part-of": "shop" });
  assert.deepEqual(
    shop.pods[0]?.ports.map(({ name, port }) => `${name} ${port}`),
    ["http 8080", "metrics 9090"],
  );
  assert.equal(shop.namespaces.find(({ name }) => name === "shop")?.labels["tier"], "production");
  assert.deepEqual(policyIds(shop).sort(), [
    "networkpolicy/shop/allow-dns",
    "networkpolicy/shop/api",
    "networkpolicy/shop/db",
    "networkpolicy/shop/default-deny",
    "networkpolicy/shop/metrics",
    "networkpolicy/shop/web",
  ]);
  assert.deepEqual(shop.notes, [
    "skipped, because they have no part in policies: 1 ServiceAccount, 1 ConfigMap, 1 Service, 1 ServiceMonitor",
  ]);
});

test("loadTest makes a case of each combination of sources, targets and ports, and none of a pod with itself", () => {
  const one = loadTestText(
    `${HEAD}pods:
  a/x: {ports: {http: 80, dns: 53/UDP}}
  a/y: {ports: {http: 8080}}
  b/z:
expectations:
  - {from: "a/*", to: "a/*", port: http, expect: allow}
  - {from: b/z, to: a/x, expect: deny}
  - {from: "2001:db8::1", to: b/z, port: [1, 2], protocol: SCTP, expect: deny}
`,
    "t",
  );
  assert.deepEqual(
    one.cases.map((each) => `${describeCase(each)} ${each.expect}`),
    [
      "a/y → a/x:80 allow",
      "a/x → a/y:8080 allow",
      "b/z → a/x:80 deny",
      "b/z → a/x:53/UDP deny",
      "2001:db8::1 → b/z:1/SCTP deny",
      "2001:db8::1 → b/z:2/SCTP deny",
    ],
  );
});

test("loadTest reads folders, patterns, lists and the standard input, and the last of two policies counts", () => {
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${POLICY.trim().replaceAll("\n", "\n  ").replace("name: web", "name: listed")}\n`;
  const files = {
    "t.yaml": `${HEAD}pods: {default/web: }\npolicies: [policies, "more/*.yaml", "-"]\nexpectations: []\n`,
    "policies/deep/a.yaml": POLICY,
    "policies/kustomization.yaml": "resources: [deep]\n",
    "policies/values.yaml": "replicas: 1\n",
    "policies/readme.md": "no manifest",
    "more/b.yaml": `${POLICY}---\n# nothing\n---\n${POLICY.replace("name: web", "name: second")}`,
  };
  inFolder(files, (folder) => {
    const one = loadTest(join(folder, "t.yaml"), { stdin: () => list });
    assert.deepEqual(policyIds(one), [
      "networkpolicy/default/web",
      "networkpolicy/default/second",
      "networkpolicy/default/listed",
    ]);
    assert.match(one.notes[0] ?? "", /policies has a kustomization\.yaml: its files are read as they are/);
    assert.match(one.notes[1] ?? "", /networkpolicy\/default\/web is there twice: the one of .*b\.yaml:1 replaces/);
    const given = loadTest(join(folder, "t.yaml"), { policies: [join(folder, "policies")] });
    assert.deepEqual(policyIds(given), ["networkpolicy/default/web"]);
    assert.deepEqual(policyIds(loadTest(join(folder, "more"))), [
      "networkpolicy/default/web",
      "networkpolicy/default/second",
    ]);
  });
});

test("loadTest leaves pods of the node's own network out, and policies of unknown versions, and says so", () => {
  const daemon = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec: {template: {spec: {hostNetwork: true, containers: []}}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: old}
`;
  const one = inFolder({ "m.yaml": daemon }, (folder) => loadTest(join(folder, "m.yaml")));
  assert.deepEqual(one.pods, []);
  assert.match(one.notes[0] ?? "", /kube-system\/agent is in the node's own network, where policies do not apply/);
  assert.match(one.notes[1] ?? "", /AdminNetworkPolicy of policy\.networking\.k8s\.io\/v1alpha1 is not understood/);
});

const TEST = (rest: string) => `${HEAD}pods:\n  a/x: {ports: {http: 80}}\n  a/y:\n${rest}`;
const WRONG: readonly (readonly [
  title: string,
  files: Readonly<Record<string, string>>,
  problems: readonly string[],
])[] = [
  [
    "an unknown field of a policy",
    { "t.yaml": TEST("policies: p.yaml\n"), "p.yaml": POLICY.replace("podSelector:", "ingres: [], podSelector:") },
    ['p.yaml:4: spec.ingres: unknown field; did you mean "ingress"?'],
  ],
  [
    "a value that the API refuses",
    {
      "t.yaml": TEST("policies: p.yaml\n"),
      "p.yaml": `${POLICY.trim().replace(/spec:.*/, "spec:")}\n  podSelector: {}\n  ingress:\n    - from:\n        - ipBlock: {cidr: 10.0.0.0/33}\n`,
    },
    [
      'p.yaml:8: spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    "a file that is not there",
    { "t.yaml": TEST("policies: [nothing.yaml]\n") },
    ["t.yaml:6: policies[0]: ENOENT: no such file or directory, open '<dir>/nothing.yaml'"],
  ],
  [
    "a pattern without a file",
    { "t.yaml": TEST('policies: ["x/*.yaml"]\n') },
    ['t.yaml:6: policies[0]: no file matches "x/*.yaml"'],
  ],
  [
    "a template of Helm",
    {
      "t.yaml": TEST("policies: p.yaml\n"),
      "p.yaml": '{{- if .Values.policies }}\nkind: NetworkPolicy\nmetadata:\n  name: {{ include "shop.name" . }}\n',
    },
    ["p.yaml:1: : it is a template, not YAML: Block collections are not allowed within flow collections"],
  ],
  [
    "a pod that is not there",
    { "t.yaml": TEST("expectations:\n  - {from: a/z, to: a/x:80, expect: deny}\n") },
    ['t.yaml:7: expectations[0].from: there is no pod "a/z"; did you mean "a/x"?'],
  ],
  [
    "a port that the target does not have",
    {
      "t.yaml": TEST(
        "expectations:\n  - {from: a/y, to: a/x:htp, expect: deny}\n  - {from: a/x, to: a/y, expect: deny}\n",
      ),
    },
    [
      't.yaml:7: expectations[0].port: a/x has no port "htp"; did you mean "http"?',
      "t.yaml:8: expectations[1].port: is missing, and a/y declares no ports",
    ],
  ],
  [
    "a reason that no policy is",
    {
      "t.yaml": TEST(
        "policies: p.yaml\nexpectations:\n  - {from: a/y, to: a/x, expect: deny, because: networkpolicy/default/wab}\n",
      ),
      "p.yaml": POLICY,
    },
    ['t.yaml:8: because: there is no policy "networkpolicy/default/wab"; did you mean "networkpolicy/default/web"?'],
  ],
  [
    "an expectation of nothing",
    { "t.yaml": TEST("expectations:\n  - {from: a/x, to: a/x:80, expect: allow}\n") },
    ["t.yaml:7: expectations[0]: it stands for no connection at all"],
  ],
  [
    "a node that is not there",
    { "t.yaml": `${HEAD}nodes: 1\npods:\n  a/x: {node: 2}\n` },
    ["t.yaml:5: pods.a/x.node: there are 1 nodes"],
  ],
];

for (const [title, files, problems] of WRONG) {
  test(`loadTest names line, field and remedy of ${title}`, () => assert.deepEqual(problemsOf(files), problems));
}

test("loadTest minds a policy that only `because` names, unless told not to", () => {
  const files = {
    "t.yaml": `${HEAD}pods: {a/x: {ports: [80]}, a/y: }\npolicies: web.yaml\nexpectations:\n  - {from: a/y, to: a/x, expect: deny, because: networkpolicy/a/gone}\n`,
    "web.yaml": POLICY,
  };
  assert.match(problemsOf(files).join(), /because: there is no policy "networkpolicy\/a\/gone"/);
  assert.deepEqual(problemsOf(files, { checksBecause: false }), []);
});

test("loadTest keeps workloads of two kinds with one name apart, and takes ports of containers that stay", () => {
  const template = (app: string, containers: string) => `{metadata: {labels: {app: ${app}}}, spec: ${containers}}`;
  const web = template(
    "web",
    "{initContainers: [{name: once, ports: [{containerPort: 1}]}, {name: side, restartPolicy: Always, ports: [{containerPort: 2}]}], containers: [{name: web, ports: [{containerPort: 80}]}]}",
  );
  const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: ${web}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: web}
spec: {jobTemplate: {spec: {template: ${template("job", "{containers: []}")}}}}
`;
  const { pods } = inFolder({ "t.yaml": text }, (folder) => loadTest(join(folder, "t.yaml")));
  assert.deepEqual(
    pods.map((pod) => [podId(pod), pod.labels["app"], pod.ports.map(({ port }) => port)]),
    [
      ["default/web", "web", [2, 80]],
      ["default/web-cronjob", "job", []],
    ],
  );
});
