/** The controllers that keep pods for others: what `kubectl create deployment` and its like rely on. */
import type { Controller } from "./controller.ts";
import { daemonSetController } from "./daemon-set/daemon-set-controller.ts";
import { deploymentController } from "./deployment/deployment-controller.ts";
import { jobController } from "./job/job-controller.ts";
import { replicaSetController } from "./replica-set/replica-set-controller.ts";
import { statefulSetController } from "./stateful-set/stateful-set-controller.ts";

export const workloadControllers: readonly Controller[] = [
  deploymentController,
  replicaSetController,
  daemonSetController,
  statefulSetController,
  jobController,
];
