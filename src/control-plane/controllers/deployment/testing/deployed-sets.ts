/** A Deployment and its ReplicaSets in some state, for tests of plans. */
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import type { JsonObject } from "#base/json.ts";
import { ago, webTemplate } from "../../workload/testing/test-objects.ts";
import { draftOf } from "../../workload/testing/workload-cluster.ts";
import { newReplicaSet } from "../revisions.ts";

export function testDeployment(spec: JsonObject = {}, more: JsonObject = {}): Deployment {
  const metadata = { uid: "u-web", generation: 1, ...(more["metadata"] as JsonObject | undefined) };
  return draftOf(deploymentKind, "web", { ...more, metadata, spec: { ...webTemplate("web:2"), ...spec } });
}

export interface TestSet {
  /** Default: that of the Deployment. */
  readonly image?: string;
  readonly size: number;
  /** Pods that are there; default: as many as wanted. */
  readonly pods?: number;
  /** Default: all that are there. */
  readonly available?: number;
  readonly revision?: number;
  /** Seconds. */
  readonly age?: number;
  readonly desired?: number;
  readonly max?: number;
}

export function testSet(deployment: Deployment, options: TestSet): ReplicaSet {
  const { image, size, pods = size, available = pods, revision = 1, age = 100, desired, max } = options;
  const source = image === undefined ? deployment : testDeployment(webTemplate(image));
  const set = newReplicaSet(source, revision);
  const annotations = {
    ...set.metadata.annotations,
    ...(desired !== undefined && { "deployment.kubernetes.io/desired-replicas": String(desired) }),
    ...(max !== undefined && { "deployment.kubernetes.io/max-replicas": String(max) }),
  };
  return {
    ...set,
    metadata: {
      ...set.metadata,
      annotations,
      uid: `u-${set.metadata.name}`,
      generation: 1,
      creationTimestamp: ago(age),
    },
    spec: { ...set.spec, replicas: size },
    status: { replicas: pods, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  };
}
