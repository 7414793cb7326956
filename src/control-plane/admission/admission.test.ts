import assert from "node:assert/strict";
import { test } from "node:test";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { type ServiceAccount, serviceAccount } from "#api/kinds/service-account.ts";
import type { EscalationDeps } from "../authorization/check-escalation.ts";
import { asKind } from "../resources/stored-object.ts";
import { context, createTestApi, named, podBody, rejects } from "../resources/testing/test-api.ts";
import { type AdmissionRule, createAdmission } from "./admission.ts";
import { withDefaultTolerations } from "./default-tolerations.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { podServiceAccount, withServiceAccount } from "./pod-service-account.ts";
import { rbacEscalation } from "./rbac-escalation.ts";

const spec: PodSpec = { containers: [{ name: "main", image: "nginx" }] };
const podWith = (changes: Partial<PodSpec>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: { ...spec, ...changes },
});
const account: ServiceAccount = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } };
const MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

test("createAdmission asks the rules in their order, and each only for what it handles", async () => {
  const { target } = await createTestApi();
  const asked: string[] = [];
  const rule = (name: string, plural: string): AdmissionRule => ({
    handles: ({ kind }) => {
      asked.push(`handles ${name}`);
      return kind.plural === plural;
    },
    admit: ({ object }) => ({ ...object, order: [...((object["order"] as string[] | undefined) ?? []), name] }),
  });
  const admission = createAdmission([rule("a", "pods"), rule("b", "secrets"), rule("c", "pods")]);
  const request = {
    operation: "create",
    target: target("pods"),
    object: podWith({}),
    old: undefined,
    context: context(),
  } as const;
  assert.deepEqual((await admission.admit(request))["order"], ["a", "c"]);
  await admission.admit(request);
  assert.equal(asked.length, 3);
});

test("withServiceAccount mounts the token in every container that mounts nothing there", () => {
  const own = { name: "own", mountPath: MOUNT };
  const pod = podWith({
    containers: [
      { name: "a", image: "x" },
      { name: "b", image: "x", volumeMounts: [own] },
    ],
    initContainers: [{ name: "c", image: "x", volumeMounts: [{ name: "x", mountPath: "/x" }] }],
  });
  const {
    containers,
    initContainers = [],
    volumes = [],
    serviceAccountName,
  } = withServiceAccount(pod, account, () => 0).spec;
  assert.equal(serviceAccountName, "robot");
  const mount = { name: "kube-api-access-bbbbb", readOnly: true, mountPath: MOUNT };
  assert.deepEqual(containers[0]?.volumeMounts, [mount]);
  assert.deepEqual(containers[1]?.volumeMounts, [own]);
  assert.deepEqual(initContainers[0]?.volumeMounts, [{ name: "x", mountPath: "/x" }, mount]);
  assert.deepEqual(volumes, [
    {
      name: "kube-api-access-bbbbb",
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
            },
          },
        ],
        defaultMode: 0o644,
      },
    },
  ]);
});

const unmounted: readonly { readonly title: string; readonly pod: Pod; readonly account: ServiceAccount }[] = [
  { title: "the pod wants none", pod: podWith({ automountServiceAccountToken: false }), account },
  { title: "the account gives none", pod: podWith({}), account: { ...account, automountServiceAccountToken: false } },
  {
    title: "all containers have something there",
    pod: podWith({ containers: [{ name: "a", image: "x", volumeMounts: [{ name: "own", mountPath: MOUNT }] }] }),
    account,
  },
];
for (const { title, pod, account: of } of unmounted) {
  test(`withServiceAccount adds no volume when ${title}`, () => {
    assert.equal(withServiceAccount(pod, of, () => 0).spec.volumes, undefined);
  });
}

test("withServiceAccount mounts a volume that is there, and takes over secrets for images", () => {
  const volumes = [{ name: "kube-api-access-known" }];
  const withSecrets = { ...account, imagePullSecrets: [{ name: "s" }] };
  const next = withServiceAccount(podWith({ volumes }), withSecrets, () => 0).spec;
  assert.deepEqual(next.volumes, volumes);
  assert.equal(next.containers[0]?.volumeMounts?.[0]?.name, "kube-api-access-known");
  assert.deepEqual(next.imagePullSecrets, [{ name: "s" }]);
  const own = podWith({ imagePullSecrets: [{ name: "mine" }] });
  assert.deepEqual(withServiceAccount(own, withSecrets, () => 0).spec.imagePullSecrets, [{ name: "mine" }]);
});

test("a pod without its service account is refused", async () => {
  const { api, target } = await createTestApi();
  await rejects(api.create(target("pods"), podBody("web", { serviceAccountName: "missing" }), context()), {
    code: 403,
    message:
      'pods "web" is forbidden: error looking up service account default/missing: serviceaccount "missing" not found',
  });
});

test("a pod waits for the account of a new namespace", async () => {
  const { api, target, caches } = await createTestApi({
    rules: (of) => [podServiceAccount({ caches: of, random: () => 0, defaultAccountWaitMs: 10_000 })],
  });
  await api.create(target("namespaces"), named("n"), context());
  const pod = api.create(target("pods", undefined, { namespace: "n" }), podBody("web"), context());
  await api.create(target("serviceaccounts", undefined, { namespace: "n" }), named("default"), context());
  assert.equal(asKind(podKind, await pod).spec.serviceAccountName, "default");
  assert.ok(await caches(serviceAccount).get("n", "default", "any", new AbortController().signal));
});

const tolerating: readonly {
  readonly title: string;
  readonly tolerations: PodSpec["tolerations"];
  readonly count: number;
}[] = [
  { title: "none", tolerations: undefined, count: 2 },
  {
    title: "one of them",
    tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" }],
    count: 2,
  },
  {
    title: "one of them with another effect",
    tolerations: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }],
    count: 3,
  },
  { title: "everything", tolerations: [{ operator: "Exists" }], count: 1 },
];
for (const { title, tolerations, count } of tolerating) {
  test(`withDefaultTolerations adds what is missing to a pod that bears ${title}`, () => {
    const pod = podWith(tolerations === undefined ? {} : { tolerations });
    assert.equal(withDefaultTolerations(pod).spec.tolerations?.length, count);
  });
}

test("nodeRestriction keeps a node to its own Node", async () => {
  const { api, target } = await createTestApi({ rules: () => [nodeRestriction({ pod: () => undefined })] });
  const user = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
  await api.create(target("nodes"), named("n1"), context({ user }));
  await rejects(api.create(target("nodes"), named("n2"), context({ user })), {
    code: 403,
    message: 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  });
});

test("rbacEscalation refuses to give away what one does not have, and leaves metadata alone", async () => {
  const escalation: EscalationDeps = {
    authorizer: { authorize: () => ({ isAllowed: false, reason: "" }) },
    rbac: { rulesFor: () => ({ rules: [], isIncomplete: false, errors: [] }) },
    index: { rulesOf: () => [] },
  };
  const { api, target } = await createTestApi({ rules: () => [rbacEscalation(escalation)] });
  const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
  const user = { name: "someone", groups: ["system:authenticated"] };
  await rejects(api.create(target("roles.rbac.authorization.k8s.io"), named("reader", { rules }), context({ user })), {
    code: 403,
    message: /is attempting to grant RBAC permissions not currently held/,
  });
  await api.create(target("roles.rbac.authorization.k8s.io"), named("reader", { rules }), context());
  const place = target("roles.rbac.authorization.k8s.io", "reader");
  const label = { type: "merge", patch: { metadata: { labels: { a: "b" } } } } as const;
  await api.patch(place, label, context({ user }));
  const more = { type: "merge", patch: { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["*"] }] } } as const;
  await rejects(api.patch(place, more, context({ user })), { code: 403 });
});
