import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { DRAIN_ANNOTATION, DRAIN_PROGRAMMED, DRAINED } from "#api/programmed/drain.ts";
import { container, instance, NOW_MS, podObject, podView, readySandbox } from "../testing/pod-object.ts";
import { type PodAction, planPod } from "./plan-pod.ts";
import { emptyMemory, type PodView } from "./pod-view.ts";

function brief(action: PodAction): string {
  switch (action.type) {
    case "createSandbox":
      return `sandbox ${action.attempt}`;
    case "startContainer":
      return `start ${action.container.spec.name} ${action.attempt} ${action.backOffMs}`;
    case "stopContainers":
      return action.stops.map(({ instance, why, graceSeconds }) => `stop ${instance.id} ${why} ${graceSeconds}`).join();
    case "stopSandbox":
    case "removeSandbox":
      return `${action.type} ${action.sandboxId}`;
    case "removeContainer":
      return `remove ${action.containerId}`;
    default:
      return action satisfies never;
  }
}

const deleted = { metadata: { deletionTimestamp: "2030-01-01T00:00:05Z", deletionGracePeriodSeconds: 5 } };
const named = { name: "web", namespace: "default", uid: "u1" };
const dying = (spec: Parameters<typeof podObject>[0]) =>
  podObject(spec, { metadata: { ...named, ...deleted.metadata } });
const init = { initContainers: [container("one"), container("two")] };
const sidecar = { initContainers: [container("proxy", { restartPolicy: "Always" })] };
const sandboxes = [readySandbox];
const failed = { state: "exited", exitCode: 1 } as const;
const done = { state: "exited", exitCode: 0 } as const;
const stopped = (view: PodView): PodView => ({
  ...view,
  memory: { ...view.memory, stoppedSandboxes: new Set(["s0"]) },
});
const off = [{ ...readySandbox, isReady: false }];

const cases: readonly (readonly [string, PodView, readonly string[]])[] = [
  ["a new pod gets a sandbox", podView(podObject()), ["sandbox 0"]],
  ["then its container", podView(podObject(), { sandboxes }), ["start app 0 0"]],
  [
    "a container that was made and never started is made anew, which is no restart",
    podView(podObject(), {
      sandboxes,
      containers: [instance("app", { state: "created", attempt: 2, backOffMs: 20_000 })],
    }),
    ["remove app-2", "start app 2 20000"],
  ],
  ["a running pod needs nothing", podView(podObject(), { sandboxes, containers: [instance("app")] }), []],
  ["init containers run one by one", podView(podObject(init), { sandboxes }), ["start one 0 0"]],
  ["the second waits for the first", podView(podObject(init), { sandboxes, containers: [instance("one")] }), []],
  [
    "and starts when that is done",
    podView(podObject(init), { sandboxes, containers: [instance("one", done)] }),
    ["start two 0 0"],
  ],
  [
    "applications start behind them",
    podView(podObject(init), { sandboxes, containers: [instance("one", done), instance("two", done)] }),
    ["start app 0 0"],
  ],
  ["sidecars start first", podView(podObject(sidecar), { sandboxes }), ["start proxy 0 0"]],
  [
    "applications beside a sidecar that has started",
    podView(podObject(sidecar), { sandboxes, containers: [instance("proxy")] }),
    ["start app 0 0"],
  ],
  [
    "a failed container starts again at once",
    podView(podObject(), { sandboxes, containers: [instance("app", failed)] }),
    ["start app 1 10000"],
  ],
  [
    "the next time after its pause",
    podView(podObject(), { sandboxes, containers: [instance("app", { ...failed, attempt: 1, backOffMs: 10_000 })] }),
    [],
  ],
  [
    "longer with each time",
    podView(podObject(), {
      sandboxes,
      containers: [instance("app", { ...failed, attempt: 2, backOffMs: 20_000, finishedAtMs: NOW_MS - 20_000 })],
    }),
    ["start app 3 40000"],
  ],
  [
    "Never leaves it, and the pod ends",
    podView(podObject({ restartPolicy: "Never" }), { sandboxes, containers: [instance("app", failed)] }),
    ["stopSandbox s0"],
  ],
  [
    "a pod that has ended stays ended",
    stopped(podView(podObject({ restartPolicy: "Never" }), { sandboxes: off, containers: [instance("app", failed)] })),
    [],
  ],
  [
    "a failed init container ends the pod with Never",
    podView(podObject({ ...init, restartPolicy: "Never" }), { sandboxes, containers: [instance("one", failed)] }),
    ["stopSandbox s0"],
  ],
  [
    "what runs in a dead sandbox is stopped",
    podView(podObject(), { sandboxes: off, containers: [instance("app")] }),
    ["stop app-0 sandbox 30"],
  ],
  ["its network is removed", podView(podObject(), { sandboxes: off }), ["stopSandbox s0"]],
  ["and a new one is made", stopped(podView(podObject(), { sandboxes: off })), ["sandbox 1"]],
  [
    "a deleted pod stops, with the time it has",
    podView(dying({}), { sandboxes, containers: [instance("app")] }),
    ["stop app-0 pod 5"],
  ],
  [
    "sidecars last",
    podView(dying(sidecar), { sandboxes, containers: [instance("app"), instance("proxy")] }),
    ["stop app-0 pod 5"],
  ],
  ["then its sandbox", podView(dying({}), { sandboxes, containers: [instance("app", done)] }), ["stopSandbox s0"]],
  ["then nothing", stopped(podView(dying({}), { sandboxes: off, containers: [instance("app", done)] })), []],
  [
    "a pod that is gone is removed",
    stopped(podView(podObject(), { sandboxes: off, containers: [instance("app", done)] }, { isGone: true })),
    ["removeSandbox s0"],
  ],
  [
    "a container whose image was changed is replaced",
    podView(podObject(), { sandboxes, containers: [instance("app", { wantedImage: "nginx" })] }),
    ["stop app-0 changed 30"],
  ],
  [
    "old ended containers go",
    podView(podObject(), {
      sandboxes,
      containers: [
        instance("app", { attempt: 2 }),
        instance("app", { ...failed, attempt: 1 }),
        instance("app", failed),
      ],
    }),
    ["remove app-0"],
  ],
];

suite("planPod", () => {
  for (const [title, view, expected] of cases) {
    test(title, () => assert.deepEqual(planPod(view).actions.map(brief), expected));
  }

  suite("a deleted pod that is to be drained", () => {
    const annotations = { [DRAIN_ANNOTATION]: DRAIN_PROGRAMMED };
    // Deleted 10 s ago, as seen from then, with 30 s.
    const metadata = {
      ...named,
      annotations,
      deletionTimestamp: "2030-01-01T00:00:20Z",
      deletionGracePeriodSeconds: 30,
    };
    const drained = (status: "True" | "False") => ({
      phase: "Running" as const,
      conditions: [{ type: DRAINED, status }],
    });
    const running = { sandboxes, containers: [instance("app")] };
    const viewOf = (more: Partial<Pod> = {}, stoppingSinceMs = NOW_MS - 10_000): PodView => {
      const view = podView(podObject({}, { metadata, ...more }), running);
      return { ...view, memory: { ...view.memory, stoppingSinceMs } };
    };
    const actions = (view: PodView) => planPod(view).actions.map(brief);

    test("runs on until nodes have dropped it", () => {
      for (const more of [{}, { status: drained("False") }]) {
        assert.deepEqual(planPod(viewOf(more)), { actions: [], wakeAtMs: NOW_MS + 5_000 });
      }
      assert.deepEqual(actions(viewOf({ status: drained("True") })), ["stop app-0 pod 20"]);
    });

    test("is stopped after half of its time in any case, also by a kubelet that was started since", () => {
      assert.deepEqual(actions({ ...viewOf(), nowMs: NOW_MS + 5_000 }), ["stop app-0 pod 15"]);
      const restarted = viewOf({}, NOW_MS);
      assert.deepEqual(planPod(restarted), { actions: [], wakeAtMs: NOW_MS + 6_000 });
      assert.deepEqual(actions({ ...restarted, nowMs: NOW_MS + 6_000 }), ["stop app-0 pod 24"]);
    });

    test("does not wait without time, without the annotation, or when nothing of it runs", () => {
      assert.deepEqual(actions(viewOf({ metadata: { ...metadata, deletionGracePeriodSeconds: 0 } })), [
        "stop app-0 pod 0",
      ]);
      assert.deepEqual(actions(viewOf({ metadata: { ...metadata, annotations: {} } })), ["stop app-0 pod 20"]);
      assert.deepEqual(actions(viewOf({ metadata: { ...metadata, annotations: { [DRAIN_ANNOTATION]: "no" } } })), [
        "stop app-0 pod 20",
      ]);
      const ended = viewOf();
      const runtime = { sandboxes, containers: [instance("app", done)] };
      assert.deepEqual(actions({ ...ended, runtime }), ["stopSandbox s0"]);
    });
  });

  test("an unhealthy container is stopped with its probe's time", () => {
    const view = podView(podObject(), { sandboxes, containers: [instance("app")] });
    const unhealthy = new Map([["app-0", { probe: "liveness", graceSeconds: 3 } as const]]);
    const { actions } = planPod({ ...view, memory: { ...view.memory, unhealthy } });
    assert.deepEqual(actions.map(brief), ["stop app-0 liveness 3"]);
  });

  test("says when a pause ends", () => {
    const ended = instance("app", { ...failed, attempt: 1, backOffMs: 10_000 });
    assert.equal(planPod(podView(podObject(), { sandboxes, containers: [ended] })).wakeAtMs, NOW_MS + 10_000);
  });

  test("ends a pod at its deadline", () => {
    const view = podView(podObject({ activeDeadlineSeconds: 5 }), { sandboxes, containers: [instance("app")] });
    assert.deepEqual(planPod(view).actions.map(brief), ["stop app-0 pod 30"]);
    const earlier = { ...view, memory: { ...view.memory, acceptedAtMs: NOW_MS - 1000 } };
    assert.deepEqual(planPod(earlier), { actions: [], wakeAtMs: NOW_MS + 4000 });
  });

  test("waits after a sandbox that could not be made", () => {
    const memory = { ...emptyMemory(NOW_MS), sandboxFailures: 2, sandboxRetryAtMs: NOW_MS + 500 };
    const view = podView(podObject(), {}, { memory });
    assert.deepEqual(planPod(view), { actions: [], wakeAtMs: NOW_MS + 500 });
    assert.deepEqual(planPod({ ...view, nowMs: NOW_MS + 500 }).actions.map(brief), ["sandbox 2"]);
  });
});
