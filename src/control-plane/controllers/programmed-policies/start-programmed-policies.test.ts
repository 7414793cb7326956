import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { lease as leaseKind } from "#api/kinds/lease.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { formatPolicyAnswer, policyAnswerName } from "#api/programmed/policy-answer.ts";
import { PROGRAMMED_NAMESPACE, QUESTION_NAME } from "#api/programmed/question.ts";
import { sampleNode } from "../testing/sample-objects.ts";
import { createNamespace, createTestCluster, signal, type TestCluster } from "../testing/test-cluster.ts";
import { findProgrammed } from "./plan-programmed.ts";
import { programmedPoliciesController } from "./start-programmed-policies.ts";

const QUESTION = `patch leases ${PROGRAMMED_NAMESPACE}/${QUESTION_NAME}`;

async function createPolicy(cluster: TestCluster, name: string) {
  const metadata = { namespace: "default", name };
  return await cluster.create(networkPolicy, { metadata, spec: { podSelector: {}, policyTypes: ["Ingress"] } });
}

/** What a node's agent does: tells that it has all that is there. */
async function answer(cluster: TestCluster, node: string): Promise<void> {
  const question = await cluster.find(leaseKind, `${PROGRAMMED_NAMESPACE}/${QUESTION_NAME}`);
  assert.ok(question, "nobody has asked");
  const latest = (objects: readonly { readonly metadata: { readonly resourceVersion?: string | undefined } }[]) =>
    Math.max(0, ...objects.map(({ metadata }) => Number(metadata.resourceVersion)));
  const programmed = {
    networkPolicies: latest(await cluster.list(networkPolicy)),
    clusterNetworkPolicies: latest(await cluster.list(clusterNetworkPolicy)),
  };
  const lease = formatPolicyAnswer({ node, question: Number(question.metadata.resourceVersion), programmed });
  const name = `${PROGRAMMED_NAMESPACE}/${policyAnswerName(node)}`;
  if ((await cluster.find(leaseKind, name)) === undefined) await cluster.create(leaseKind, lease);
  else await cluster.change(leaseKind, name, (old) => ({ ...old, metadata: { ...old.metadata, ...lease.metadata } }));
  await cluster.settle();
}

async function told(cluster: TestCluster, name: string) {
  const policy = await cluster.get(networkPolicy, `default/${name}`);
  const { status, observedGeneration, message } = findProgrammed(policy) ?? {};
  return { status, observedGeneration, generation: policy.metadata.generation, message };
}

const questions = (cluster: TestCluster): number => cluster.writes.filter((write) => write === QUESTION).length;

async function createNodes(cluster: TestCluster, ...names: readonly string[]): Promise<void> {
  for (const name of names) await cluster.create(nodeKind, sampleNode(name));
  for (const name of names) await cluster.change(nodeKind, name, (old) => ({ ...old, ...readyOf(name) }));
}

const readyOf = (name: string) => ({ status: sampleNode(name).status });

test("programmedPoliciesController asks once for all that changed, and writes True when all nodes have answered", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await cluster.start(programmedPoliciesController());
  await createNodes(cluster, "a", "b");
  assert.deepEqual(cluster.writes, []);
  for (const name of ["one", "two", "three"]) await createPolicy(cluster, name);
  await cluster.settle();
  assert.equal(questions(cluster), 1);
  await answer(cluster, "a");
  assert.equal((await told(cluster, "one")).status, undefined);
  await cluster.pass(3);
  assert.deepEqual(await told(cluster, "one"), {
    status: "False",
    observedGeneration: 1,
    generation: 1,
    message: "No answer from the agent of b",
  });
  await answer(cluster, "b");
  for (const name of ["one", "two", "three"]) {
    const { status, observedGeneration, generation } = await told(cluster, name);
    assert.deepEqual(
      { status, observedGeneration, generation },
      { status: "True", observedGeneration: 1, generation: 1 },
    );
  }
  assert.equal(questions(cluster), 1);
  assert.deepEqual(cluster.errors, []);
});

test("programmedPoliciesController does nothing once all is told, also for new nodes and after a restart", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  const first = await cluster.start(programmedPoliciesController());
  await createNodes(cluster, "a");
  await createPolicy(cluster, "one");
  await cluster.settle();
  await answer(cluster, "a");
  assert.equal((await told(cluster, "one")).status, "True");
  const before = cluster.writes.length;
  await createNodes(cluster, "late");
  for (let passed = 0; passed < 300; passed += 60) await cluster.pass(60);
  await first[Symbol.asyncDispose]();
  await cluster.start(programmedPoliciesController());
  await cluster.pass(60);
  assert.deepEqual(cluster.writes.slice(before), []);
  assert.equal((await told(cluster, "one")).status, "True");
});

test("programmedPoliciesController asks again for a new generation, and while a node is missing less and less often", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await cluster.start(programmedPoliciesController());
  await createNodes(cluster, "a");
  await createPolicy(cluster, "one");
  await cluster.settle();
  await answer(cluster, "a");
  await cluster.pass(90);
  await cluster.change(networkPolicy, "default/one", (old) => ({
    ...old,
    spec: { ...old.spec, policyTypes: ["Egress"] as const },
  }));
  await cluster.settle();
  assert.deepEqual([questions(cluster), (await told(cluster, "one")).generation], [2, 2]);
  assert.equal((await told(cluster, "one")).observedGeneration, 1);
  for (let passed = 0; passed < 600; passed += 10) await cluster.pass(10);
  assert.equal(questions(cluster), 5, "after 60, 120 and 240 s");
  assert.equal((await told(cluster, "one")).status, "False");
  await answer(cluster, "a");
  const { status, observedGeneration } = await told(cluster, "one");
  assert.deepEqual({ status, observedGeneration }, { status: "True", observedGeneration: 2 });
});

test("programmedPoliciesController asks nobody while no node is ready, and goes on when one is", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await cluster.start(programmedPoliciesController());
  await createPolicy(cluster, "one");
  await cluster.pass(3);
  assert.equal((await told(cluster, "one")).status, "Unknown");
  assert.equal(questions(cluster), 0);
  await createNodes(cluster, "a");
  await cluster.settle();
  assert.equal(questions(cluster), 1);
  await answer(cluster, "a");
  assert.equal((await told(cluster, "one")).status, "True");
});

test("programmedPoliciesController serves ClusterNetworkPolicies, by their own number", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await cluster.start(programmedPoliciesController());
  await createNodes(cluster, "a");
  await cluster.create(clusterNetworkPolicy, {
    metadata: { name: "all" },
    spec: {
      tier: "Admin",
      priority: 1,
      subject: { namespaces: {} },
      ingress: [{ action: "Deny", from: [{ namespaces: {} }] }],
    },
  });
  await cluster.settle();
  await answer(cluster, "a");
  assert.equal(findProgrammed(await cluster.get(clusterNetworkPolicy, "all"))?.status, "True");
});

test("a NetworkPolicy's status is written at its own path only, and does not raise its generation", async () => {
  await using cluster = await createTestCluster();
  const status = (type: string) => ({
    conditions: [
      { type, status: "True", reason: "Test", message: "", lastTransitionTime: "2025-01-01T00:00:00Z" } as const,
    ],
  });
  const made = await createPolicy(cluster, "one");
  const written = await cluster.client.updateStatus(networkPolicy, { ...made, status: status("Mine") }, signal);
  assert.deepEqual([written.status?.conditions?.[0]?.type, written.metadata.generation], ["Mine", 1]);
  const { status: _without, ...replaced } = written;
  const next = { ...replaced, spec: { podSelector: {}, policyTypes: ["Egress"] } } as const;
  const kept = await cluster.client.update(networkPolicy, next, signal);
  assert.deepEqual([kept.status?.conditions?.[0]?.type, kept.metadata.generation], ["Mine", 2]);
  const ignored = await cluster.client.update(networkPolicy, { ...kept, status: status("Other") }, signal);
  assert.deepEqual([ignored.status?.conditions?.[0]?.type, ignored.metadata.generation], ["Mine", 2]);
});
