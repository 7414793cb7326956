/** The workload controllers over the real API and store: what they write is valid, and kubectl's requests lead on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject } from "#api/kind.ts";
import { controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import { daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import { job as jobKind } from "#api/kinds/job/job.ts";
import { hasJobCondition, isJobFinished } from "#api/kinds/job/job-status.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { statefulSet as statefulSetKind } from "#api/kinds/stateful-set/stateful-set.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { Informer } from "#api-client/informer.ts";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { createLocalApi } from "../resources/testing/local-api.ts";
import { createSqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { ControllerContext } from "./controller.ts";
import { createControllerContext } from "./create-controller-context.ts";
import { startLocalKubelet } from "./workload/testing/local-kubelet.ts";
import { draftOf } from "./workload/testing/workload-cluster.ts";
import { workloadControllers } from "./workload-controllers.ts";

const DEADLINE_MS = 30_000;

interface ApiCluster {
  readonly client: ApiClient;
  readonly context: ControllerContext;
  readonly signal: AbortSignal;
  create<O extends KubeObject>(kind: Kind<O>, name: string, members: JsonObject): Promise<O>;
  patch<O extends KubeObject>(kind: Kind<O>, name: string, type: "strategic" | "json", body: JsonValue): Promise<O>;
  /** Resolves with the object when it is so. */
  until<O extends KubeObject>(kind: Kind<O>, name: string, isSo: (object: O) => boolean): Promise<O>;
}

async function withCluster(run: (cluster: ApiCluster) => Promise<void>): Promise<void> {
  const errors: string[] = [];
  await using stack = new AsyncDisposableStack();
  const store = stack.use(createSqliteStore({ path: ":memory:" }));
  const client = stack.use(createLocalApi(store)).client();
  const log = { info: () => undefined, error: (...all: unknown[]) => void errors.push(JSON.stringify(all)) };
  const shared = stack.use(createControllerContext({ client, log }));
  for (const controller of workloadControllers) stack.use(await controller.start(shared.of(controller.name)));
  const context = shared.of("test");
  stack.use(startLocalKubelet(client, context.informer(podKind)));
  const signal = AbortSignal.timeout(DEADLINE_MS);
  await run({
    client,
    context,
    signal,
    create: (kind, name, members) => client.create(kind, draftOf(kind, name, members), signal),
    patch: (kind, name, type, body) => client.patch(kind, { namespace: "default", name }, { type, body }, signal),
    until: (kind, name, isSo) =>
      until(context.informer(kind), (object) => object.metadata.name === name && isSo(object), signal),
  });
  assert.deepEqual(errors, []);
}

function until<O extends KubeObject>(
  informer: Informer<O>,
  isSo: (object: O) => boolean,
  signal: AbortSignal,
): Promise<O> {
  const { promise, resolve, reject } = Promise.withResolvers<O>();
  const look = (object: O): void => {
    if (isSo(object)) resolve(object);
  };
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const subscription = informer.subscribe({ onAdd: look, onUpdate: look });
  return promise.finally(() => {
    subscription[Symbol.dispose]();
    signal.removeEventListener("abort", abort);
  });
}

function workloadSpec(app: string, more: JsonObject = {}, pod: JsonObject = {}): JsonObject {
  const template = { metadata: { labels: { app } }, spec: { containers: [{ name: app, image: `${app}:1` }], ...pod } };
  return { selector: { matchLabels: { app } }, template, ...more };
}

const setImage = (name: string, image: string): JsonObject => ({
  spec: { template: { spec: { containers: [{ name, image }] } } },
});

const isRolledOut =
  (replicas: number) =>
  ({ metadata, spec, status }: Deployment): boolean =>
    spec.replicas === replicas &&
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === replicas &&
    status.replicas === replicas &&
    status.availableReplicas === replicas;

const revisionOf = ({ metadata }: Deployment) => metadata.annotations?.["deployment.kubernetes.io/revision"];

test("deploymentController over the API: rollout, rollback and scale as kubectl asks for them", async () => {
  await withCluster(async ({ client, create, patch, until, signal }) => {
    await create(deploymentKind, "web", { spec: workloadSpec("web", { replicas: 3 }) });
    const first = await until(deploymentKind, "web", isRolledOut(3));
    assert.equal(revisionOf(first), "1");
    await patch(deploymentKind, "web", "strategic", setImage("web", "web:2"));
    assert.equal(
      revisionOf(await until(deploymentKind, "web", (web) => isRolledOut(3)(web) && revisionOf(web) === "2")),
      "2",
    );
    // As kubectl rollout undo does. Templates are JSON.
    const undo = { op: "replace", path: "/spec/template", value: first.spec.template as JsonObject };
    await patch(deploymentKind, "web", "json", [undo]);
    await until(deploymentKind, "web", (web) => isRolledOut(3)(web) && revisionOf(web) === "3");
    await patch(deploymentKind, "web", "strategic", { spec: { replicas: 5 } });
    await until(deploymentKind, "web", isRolledOut(5));
    const sets = await client.list(replicaSetKind, { namespace: "default" }, signal);
    assert.deepEqual(sets.items.map(({ spec }) => spec.replicas).sort(), [0, 5]);
  });
});

test("daemonSetController over the API: a pod for each node, renewed with the template", async () => {
  await withCluster(async ({ client, create, patch, until, signal }) => {
    for (const name of ["n1", "n2", "n3"]) await create(nodeKind, name, {});
    await create(daemonSetKind, "agent", { spec: workloadSpec("agent") });
    await until(daemonSetKind, "agent", ({ status }) => status?.numberAvailable === 3);
    await patch(daemonSetKind, "agent", "strategic", setImage("agent", "agent:2"));
    await until(daemonSetKind, "agent", ({ metadata, status }) => {
      const isObserved = metadata.generation === 2 && status?.observedGeneration === 2;
      return isObserved && status?.updatedNumberScheduled === 3 && status.numberAvailable === 3;
    });
    const pods = await client.list(podKind, { namespace: "default" }, signal);
    assert.deepEqual(pods.items.map(({ spec }) => `${spec.nodeName} ${spec.containers[0]?.image}`).sort(), [
      "n1 agent:2",
      "n2 agent:2",
      "n3 agent:2",
    ]);
    const revisions = await client.list(revisionKind, { namespace: "default" }, signal);
    assert.equal(revisions.items.length, 2);
  });
});

test("statefulSetController over the API: numbered pods, renewed with the template", async () => {
  await withCluster(async ({ client, create, patch, until, signal }) => {
    const claim = { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } };
    const spec = workloadSpec("db", { replicas: 3, serviceName: "db", volumeClaimTemplates: [claim] });
    await create(statefulSetKind, "db", { spec });
    await until(statefulSetKind, "db", ({ status }) => status?.availableReplicas === 3);
    await patch(statefulSetKind, "db", "strategic", setImage("db", "db:2"));
    await until(statefulSetKind, "db", ({ status }) => {
      const isNew = status?.currentRevision === status?.updateRevision && status?.observedGeneration === 2;
      return isNew && status?.updatedReplicas === 3 && status.readyReplicas === 3;
    });
    const pods = await client.list(podKind, { namespace: "default" }, signal);
    assert.deepEqual(
      pods.items.map(({ metadata, spec: { containers } }) => `${metadata.name} ${containers[0]?.image}`),
      ["db-0 db:2", "db-1 db:2", "db-2 db:2"],
    );
  });
});

test("jobController over the API: runs to its end, indexed or not, and after a suspension", async () => {
  await withCluster(async ({ create, patch, until }) => {
    const spec = { ...workloadSpec("task", {}, { restartPolicy: "Never" }), selector: undefined };
    const many = { completions: 5, parallelism: 2 };
    await create(jobKind, "plain", { spec: { ...spec, ...many } });
    await create(jobKind, "indexed", { spec: { ...spec, ...many, completionMode: "Indexed" } });
    await create(jobKind, "late", { spec: { ...spec, suspend: true } });
    const plain = await until(jobKind, "plain", ({ status }) => isJobFinished(status));
    assert.deepEqual([plain.status?.succeeded, plain.status?.failed], [5, undefined]);
    const indexed = await until(jobKind, "indexed", ({ status }) => isJobFinished(status));
    assert.equal(indexed.status?.completedIndexes, "0-4");
    await until(jobKind, "late", ({ status }) => hasJobCondition(status, "Suspended"));
    await patch(jobKind, "late", "strategic", { spec: { suspend: false } });
    const late = await until(jobKind, "late", ({ status }) => isJobFinished(status));
    assert.ok(hasJobCondition(late.status, "Complete"));
  });
});
