/**
 * Rolling updates under whatever happens: pods become ready and lose it, end late, the template and the number
 * change, controllers start anew. At no time are there more pods than the surge allows, nor does a controller take
 * an available pod away that is needed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conflictError, MODIFIED } from "#api/api-error.ts";
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { deploymentController } from "../deployment/deployment-controller.ts";
import { replicaSetController } from "../replica-set/replica-set-controller.ts";
import { isPodReady, isTerminating } from "../workload/pod-state.ts";
import { podTemplate, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf, startWorkloadCluster, type WorkloadCluster } from "../workload/testing/workload-cluster.ts";
import { rolloutLimits } from "./rollout-limits.ts";

type Step =
  | { readonly type: "ready" | "unready" | "end" | "kill"; readonly which: number }
  | { readonly type: "image"; readonly version: number }
  | { readonly type: "scale"; readonly replicas: number }
  | { readonly type: "restart" }
  /** The next so many writes fail with a conflict. */
  | { readonly type: "conflicts"; readonly count: number };

const which = fc.nat(100);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("ready" as const), which }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("end" as const), which }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("unready" as const), which }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("kill" as const), which }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("image" as const), version: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("scale" as const), replicas: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("conflicts" as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
);

const limits = fc
  .record({ maxSurge: fc.nat(3), maxUnavailable: fc.nat(3) })
  .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0);

const web = (cluster: WorkloadCluster): Deployment => cluster.find(deploymentKind, "web");

/** Looks at each write of a pod before it is done. */
function guard(cluster: WorkloadCluster, conflicts: { left: number }): void {
  cluster.client.fail = ({ verb, kind, name = "" }) => {
    if (kind.plural === "pods") {
      const live = cluster.pods().filter((pod) => !isTerminating(pod));
      const { replicas = 0 } = web(cluster).spec;
      const { maxSurge, maxUnavailable } = rolloutLimits(web(cluster));
      if (verb === "create") assert.ok(live.length < replicas + maxSurge, `${live.length} pods of ${replicas}`);
      const victim = live.find(({ metadata }) => metadata.name === name);
      if (verb === "delete" && victim !== undefined && isPodReady(victim)) {
        const left = live.filter(isPodReady).length - 1;
        assert.ok(left >= replicas - maxUnavailable, `${left} available pods of ${replicas}`);
      }
    }
    if (verb === "update" && conflicts.left > 0) {
      conflicts.left--;
      return conflictError(kind, name, MODIFIED);
    }
    return undefined;
  };
}

async function take(cluster: WorkloadCluster, taken: Step, conflicts: { left: number }): Promise<void> {
  const pick = (pods: readonly Pod[], index: number) => pods[index % Math.max(1, pods.length)];
  const live = cluster.pods().filter((pod) => !isTerminating(pod));
  switch (taken.type) {
    case "ready": {
      const pod = pick(
        live.filter((each) => !isPodReady(each)),
        taken.which,
      );
      if (pod !== undefined) cluster.kubelet.become(pod, "ready");
      break;
    }
    case "unready": {
      const pod = pick(live.filter(isPodReady), taken.which);
      if (pod !== undefined) cluster.kubelet.become(pod, "running");
      break;
    }
    case "end":
    case "kill": {
      const pod = pick(taken.type === "end" ? cluster.pods().filter(isTerminating) : live, taken.which);
      if (pod !== undefined) cluster.kubelet.end(pod);
      break;
    }
    case "image":
      await edit(cluster, { template: templates[taken.version] ?? web(cluster).spec.template });
      break;
    case "scale":
      await edit(cluster, { replicas: taken.replicas });
      break;
    case "restart":
      await cluster.restart();
      break;
    default:
      conflicts.left = taken.count;
  }
}

const templates = [0, 1, 2, 3].map(
  (version) =>
    draftOf(deploymentKind, "web", { spec: { ...webTemplate(), template: podTemplate(`web:${version}`) } }).spec
      .template,
);

function edit(cluster: WorkloadCluster, spec: Partial<Deployment["spec"]>): Promise<Deployment> {
  return cluster.edit(deploymentKind, "web", (object) => ({ ...object, spec: { ...object.spec, ...spec } }));
}

test("deploymentController keeps to its limits over any sequence, and comes to its end", async () => {
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 25 }), async (rollingUpdate, steps) => {
      await using cluster = await startWorkloadCluster([deploymentController, replicaSetController]);
      cluster.create(deploymentKind, "web", { spec: { ...webTemplate(), replicas: 3, strategy: { rollingUpdate } } });
      await cluster.settle();
      const conflicts = { left: 0 };
      guard(cluster, conflicts);
      Object.assign(cluster.kubelet, { fate: () => undefined, endsPods: false });
      await edit(cluster, { template: templates[2] ?? web(cluster).spec.template });
      await cluster.settle();
      for (const taken of steps) {
        // Conflicts are the controllers' alone.
        const { left } = conflicts;
        conflicts.left = 0;
        await take(cluster, taken, conflicts);
        conflicts.left ||= left;
        // Retries, too: a change that was planned before this step is not to be done behind the next one.
        await cluster.settle();
        await cluster.pass(1);
      }
      Object.assign(cluster.kubelet, { fate: () => "ready", endsPods: true });
      // The longest pause after repeated conflicts.
      await cluster.pass(1);
      assertComplete(cluster);
      cluster.takeWrites();
      await cluster.restart();
      await cluster.settle();
      assert.deepEqual(cluster.takeWrites(), [], "nothing is written when all is as it should be");
    }),
    { numRuns: 60 },
  );
});

function assertComplete(cluster: WorkloadCluster): void {
  const { spec, status, metadata } = web(cluster);
  const { replicas = 0 } = spec;
  const images = cluster.pods().map((pod) => pod.spec.containers[0]?.image);
  assert.deepEqual(images, Array(replicas).fill(spec.template.spec.containers[0]?.image));
  assert.deepEqual(
    [status?.replicas ?? 0, status?.updatedReplicas ?? 0, status?.availableReplicas ?? 0, status?.observedGeneration],
    [replicas, replicas, replicas, metadata.generation],
  );
  const sizes = cluster.client.all(replicaSetKind).map((set) => set.spec.replicas ?? 0);
  assert.equal(sizes.filter((size) => size > 0).length, replicas === 0 ? 0 : 1);
  assert.deepEqual(cluster.errors, []);
}
