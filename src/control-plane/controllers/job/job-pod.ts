/** A Job's pods. Those of an indexed job have a number, which their containers read from the environment. */
import { type Job, job as jobKind } from "#api/kinds/job/job.ts";
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Draft } from "#api-client/api-client.ts";
import { podFromTemplate } from "../workload/pod-from-template.ts";

/** Of pods, as an annotation and as a label. */
const INDEX = "batch.kubernetes.io/job-completion-index";
const INDEX_VARIABLE = "JOB_COMPLETION_INDEX";

export function jobPod(job: Job): Draft<Pod> {
  return podFromTemplate(jobKind, job, job.spec.template);
}

export function indexedJobPod(job: Job, index: number): Draft<Pod> {
  const { metadata, spec } = jobPod(job);
  const name = `${job.metadata.name}-${index}`;
  const number = { [INDEX]: String(index) };
  return {
    metadata: {
      ...metadata,
      generateName: `${name}-`,
      labels: { ...metadata.labels, ...number },
      annotations: { ...metadata.annotations, ...number },
    },
    spec: {
      ...spec,
      hostname: name,
      containers: spec.containers.map(withIndex),
      ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(withIndex) }),
    },
  };
}

/** undefined for a pod without a number, or with a wrong one. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[INDEX] ?? "";
  return /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

function withIndex(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const valueFrom = { fieldRef: { fieldPath: `metadata.labels['${INDEX}']` } };
  return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom }] };
}
