import assert from "node:assert/strict";
import { test } from "node:test";
import { podStatusText } from "./pod-status-text.ts";

type Pod = Parameters<typeof podStatusText>[0];
type Status = NonNullable<Pod["status"]>;
type Container = NonNullable<Status["containerStatuses"]>[number];

/** A container's status needs its name alone. */
type ShortContainer = Partial<Container> & Pick<Container, "name">;
type ShortStatus = Omit<Status, "containerStatuses" | "initContainerStatuses"> & {
  readonly containerStatuses?: readonly ShortContainer[];
  readonly initContainerStatuses?: readonly ShortContainer[];
};

const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const web = { name: "web", image: "web" };
const setup = { name: "setup", image: "setup" };
const sidecar = { name: "proxy", image: "proxy", restartPolicy: "Always" } as const;

function complete(container: ShortContainer): Container {
  return { ready: false, restartCount: 0, image: "", imageID: "", ...container };
}

function pod(status: ShortStatus, spec: Partial<Pod["spec"]> = {}, deletionTimestamp?: string): Pod {
  return {
    metadata: deletionTimestamp === undefined ? {} : { deletionTimestamp },
    spec: { containers: [web], ...spec },
    status: {
      ...status,
      containerStatuses: status.containerStatuses?.map(complete),
      initContainerStatuses: status.initContainerStatuses?.map(complete),
    },
  };
}

const two = { containers: [web, { name: "log", image: "log" }] };
const deleted = "2026-01-01T00:00:00Z";
const initialized = [{ type: "Initialized", status: "True" }] as const;

const CASES: readonly (readonly [title: string, expected: string, ready: string, restarts: number, pod: Pod])[] = [
  ["a new pod", "Pending", "0/1", 0, pod({ phase: "Pending" })],
  ["no status", "", "0/1", 0, { metadata: {}, spec: { containers: [web] } }],
  [
    "a starting container",
    "ContainerCreating",
    "0/1",
    0,
    pod({
      phase: "Pending",
      containerStatuses: [{ name: "web", state: { waiting: { reason: "ContainerCreating" } } }],
    }),
  ],
  [
    "a running pod",
    "Running",
    "1/1",
    0,
    pod({ phase: "Running", containerStatuses: [{ name: "web", ready: true, state: running }] }),
  ],
  [
    "a pod that is not ready",
    "Running",
    "0/1",
    0,
    pod({ phase: "Running", containerStatuses: [{ name: "web", ready: false, state: running }] }),
  ],
  [
    "a crashing container",
    "CrashLoopBackOff",
    "0/1",
    3,
    pod({
      phase: "Running",
      containerStatuses: [{ name: "web", restartCount: 3, state: { waiting: { reason: "CrashLoopBackOff" } } }],
    }),
  ],
  [
    "a missing image",
    "ImagePullBackOff",
    "0/1",
    0,
    pod({ phase: "Pending", containerStatuses: [{ name: "web", state: { waiting: { reason: "ImagePullBackOff" } } }] }),
  ],
  [
    "the first of several reasons",
    "ErrImagePull",
    "0/2",
    0,
    pod(
      {
        phase: "Pending",
        containerStatuses: [
          { name: "web", state: { waiting: { reason: "ErrImagePull" } } },
          { name: "log", state: { waiting: { reason: "CrashLoopBackOff" } } },
        ],
      },
      two,
    ),
  ],
  [
    "an ended pod",
    "Completed",
    "0/1",
    0,
    pod({
      phase: "Succeeded",
      containerStatuses: [{ name: "web", state: { terminated: { exitCode: 0, reason: "Completed" } } }],
    }),
  ],
  [
    "a failed pod",
    "Error",
    "0/1",
    0,
    pod({
      phase: "Failed",
      containerStatuses: [{ name: "web", state: { terminated: { exitCode: 1, reason: "Error" } } }],
    }),
  ],
  [
    "an exit code without a reason",
    "ExitCode:3",
    "0/1",
    0,
    pod({ phase: "Failed", containerStatuses: [{ name: "web", state: { terminated: { exitCode: 3 } } }] }),
  ],
  [
    "a signal without a reason",
    "Signal:9",
    "0/1",
    0,
    pod({ phase: "Failed", containerStatuses: [{ name: "web", state: { terminated: { exitCode: 137, signal: 9 } } }] }),
  ],
  [
    "one container done, the other ready",
    "Running",
    "1/2",
    0,
    pod(
      {
        phase: "Running",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [
          { name: "web", state: { terminated: { exitCode: 0, reason: "Completed" } } },
          { name: "log", ready: true, state: running },
        ],
      },
      two,
    ),
  ],
  [
    "one container done, the pod not ready",
    "NotReady",
    "1/2",
    0,
    pod(
      {
        phase: "Running",
        conditions: [{ type: "Ready", status: "False" }],
        containerStatuses: [
          { name: "web", state: { terminated: { exitCode: 0, reason: "Completed" } } },
          { name: "log", ready: true, state: running },
        ],
      },
      two,
    ),
  ],
  ["an evicted pod", "Evicted", "0/1", 0, pod({ phase: "Failed", reason: "Evicted" })],
  [
    "a gated pod",
    "SchedulingGated",
    "0/1",
    0,
    pod({ phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] }),
  ],
  [
    "a pod being deleted",
    "Terminating",
    "1/1",
    0,
    pod({ phase: "Running", containerStatuses: [{ name: "web", ready: true, state: running }] }, {}, deleted),
  ],
  [
    "an ended pod being deleted",
    "Completed",
    "0/1",
    0,
    pod(
      {
        phase: "Succeeded",
        containerStatuses: [{ name: "web", state: { terminated: { exitCode: 0, reason: "Completed" } } }],
      },
      {},
      deleted,
    ),
  ],
  ["a deleted pod of a lost node", "Unknown", "0/1", 0, pod({ phase: "Running", reason: "NodeLost" }, {}, deleted)],
  ["a pod of a lost node", "NodeLost", "0/1", 0, pod({ phase: "Running", reason: "NodeLost" })],
  [
    "a running init container",
    "Init:0/2",
    "0/1",
    2,
    pod(
      {
        phase: "Pending",
        initContainerStatuses: [{ name: "setup", restartCount: 2, state: running }, { name: "b" }],
        containerStatuses: [{ name: "web", state: { waiting: { reason: "PodInitializing" } } }],
      },
      { initContainers: [setup, { ...setup, name: "b" }] },
    ),
  ],
  [
    "the second init container",
    "Init:1/2",
    "0/1",
    1,
    pod(
      {
        phase: "Pending",
        initContainerStatuses: [
          { name: "setup", restartCount: 1, state: { terminated: { exitCode: 0, reason: "Completed" } } },
          { name: "b", state: { waiting: { reason: "PodInitializing" } } },
        ],
      },
      { initContainers: [setup, { ...setup, name: "b" }] },
    ),
  ],
  [
    "a failed init container",
    "Init:Error",
    "0/1",
    0,
    pod(
      {
        phase: "Pending",
        initContainerStatuses: [{ name: "setup", state: { terminated: { exitCode: 1, reason: "Error" } } }],
      },
      { initContainers: [setup] },
    ),
  ],
  [
    "an init container's exit code",
    "Init:ExitCode:2",
    "0/1",
    0,
    pod(
      { phase: "Pending", initContainerStatuses: [{ name: "setup", state: { terminated: { exitCode: 2 } } }] },
      { initContainers: [setup] },
    ),
  ],
  [
    "an init container's signal",
    "Init:Signal:15",
    "0/1",
    0,
    pod(
      {
        phase: "Pending",
        initContainerStatuses: [{ name: "setup", state: { terminated: { exitCode: 143, signal: 15 } } }],
      },
      { initContainers: [setup] },
    ),
  ],
  [
    "a crashing init container",
    "Init:CrashLoopBackOff",
    "0/1",
    4,
    pod(
      {
        phase: "Pending",
        initContainerStatuses: [{ name: "setup", restartCount: 4, state: { waiting: { reason: "CrashLoopBackOff" } } }],
      },
      { initContainers: [setup] },
    ),
  ],
  [
    "init containers done, others starting",
    "PodInitializing",
    "0/1",
    0,
    pod(
      {
        phase: "Pending",
        conditions: initialized,
        initContainerStatuses: [
          { name: "setup", restartCount: 1, state: { terminated: { exitCode: 0, reason: "Completed" } } },
        ],
        containerStatuses: [{ name: "web", state: { waiting: { reason: "PodInitializing" } } }],
      },
      { initContainers: [setup] },
    ),
  ],
  [
    "a running sidecar, which counts as a container",
    "Running",
    "2/2",
    5,
    pod(
      {
        phase: "Running",
        initContainerStatuses: [{ name: "proxy", ready: true, started: true, restartCount: 3, state: running }],
        containerStatuses: [{ name: "web", ready: true, restartCount: 2, state: running }],
      },
      { initContainers: [sidecar] },
    ),
  ],
  [
    "a sidecar that has not started",
    "Init:0/1",
    "0/2",
    0,
    pod(
      { phase: "Pending", initContainerStatuses: [{ name: "proxy", started: false, state: running }] },
      { initContainers: [sidecar] },
    ),
  ],
  [
    "an initialized pod whose sidecar crashed",
    "Init:CrashLoopBackOff",
    "1/2",
    1,
    pod(
      {
        phase: "Running",
        conditions: initialized,
        initContainerStatuses: [{ name: "proxy", restartCount: 1, state: { waiting: { reason: "CrashLoopBackOff" } } }],
        containerStatuses: [{ name: "web", ready: true, state: running }],
      },
      { initContainers: [sidecar] },
    ),
  ],
];

for (const [title, status, ready, restarts, object] of CASES) {
  test(`podStatusText shows ${title} as ${JSON.stringify(status)}, ${ready}`, () => {
    const text = podStatusText(object);
    assert.equal(text.status, status);
    assert.equal(`${text.readyContainers}/${text.totalContainers}`, ready);
    assert.equal(text.restarts, restarts);
  });
}

test("podStatusText finds the last restart", () => {
  const ended = (finishedAt: string) => ({ terminated: { exitCode: 1, finishedAt } });
  const status: ShortStatus = {
    phase: "Running",
    containerStatuses: [
      { name: "web", restartCount: 1, lastState: ended("2026-01-01T00:00:05Z"), state: running },
      { name: "log", restartCount: 1, lastState: ended("2026-01-01T00:00:03Z"), state: running },
    ],
  };
  assert.equal(podStatusText(pod(status, two)).lastRestart, "2026-01-01T00:00:05Z");
});
