import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PodView } from "../pod-worker/pod-view.ts";
import { container, instance, NOW_MS, podObject, podView, readySandbox } from "../testing/pod-object.ts";
import { podStatus } from "./pod-status.ts";

const sandboxes = [readySandbox];
const host = { ips: ["192.0.2.2"] };
const failed = { state: "exited", exitCode: 1 } as const;
const done = { state: "exited", exitCode: 0 } as const;
const crashing = instance("app", { ...failed, attempt: 1, backOffMs: 10_000 });
const pull = { reason: "ErrImagePull", message: "not found", retryAtMs: NOW_MS + 1000 };
const init = podObject({ initContainers: [container("first")] });

function waiting(view: PodView): PodView {
  return { ...view, memory: { ...view.memory, waiting: new Map([["app", pull]]) } };
}

/** Phase, ready and the state's one word. */
function brief(view: PodView): readonly string[] {
  const status = podStatus(view, view.pod ?? podObject(), host);
  const [app] = status.containerStatuses ?? [];
  const { waiting: waits, running, terminated } = app?.state ?? {};
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  const word = waits?.reason ?? terminated?.reason ?? (running === undefined ? "" : "running");
  return [status.phase ?? "", word, ready?.status ?? "", ready?.reason ?? ""];
}

const cases: readonly (readonly [string, PodView, readonly string[]])[] = [
  ["nothing yet", podView(podObject()), ["Pending", "ContainerCreating", "False", "ContainersNotReady"]],
  [
    "init containers first",
    podView(init, { sandboxes }),
    ["Pending", "PodInitializing", "False", "ContainersNotReady"],
  ],
  ["running", podView(podObject(), { sandboxes, containers: [instance("app")] }), ["Running", "running", "True", ""]],
  [
    "no image",
    waiting(podView(podObject(), { sandboxes })),
    ["Pending", "ErrImagePull", "False", "ContainersNotReady"],
  ],
  [
    "crashing",
    podView(podObject(), { sandboxes, containers: [crashing] }),
    ["Running", "CrashLoopBackOff", "False", "ContainersNotReady"],
  ],
  [
    "done",
    podView(podObject({ restartPolicy: "Never" }), { sandboxes, containers: [instance("app", done)] }),
    ["Succeeded", "Completed", "False", "PodCompleted"],
  ],
  [
    "failed",
    podView(podObject({ restartPolicy: "Never" }), { sandboxes, containers: [instance("app", failed)] }),
    ["Failed", "Error", "False", "PodFailed"],
  ],
  [
    "out of time",
    podView(podObject({ activeDeadlineSeconds: 1 }), { sandboxes, containers: [instance("app")] }),
    ["Failed", "running", "False", "PodFailed"],
  ],
];

suite("podStatus", () => {
  for (const [title, view, expected] of cases) {
    test(title, () => assert.deepEqual(brief(view), expected));
  }

  test("has addresses, class and start", () => {
    const view = podView(podObject(), { sandboxes, containers: [instance("app")] });
    const { podIP, podIPs, hostIP, startTime, qosClass } = podStatus(view, podObject(), host);
    assert.deepEqual([podIP, podIPs, hostIP, qosClass], ["10.0.0.2", [{ ip: "10.0.0.2" }], "192.0.2.2", "BestEffort"]);
    assert.equal(startTime, "2029-12-31T23:59:55Z");
  });

  test("keeps the time of conditions that have not changed, and says nothing of those of others", () => {
    const view = podView(podObject(), { sandboxes, containers: [instance("app")] });
    const first = podStatus(view, podObject(), host);
    const gate = { type: "example.com/gate", status: "True" as const };
    const pod = podObject({}, { status: { ...first, conditions: [...(first.conditions ?? []), gate] } });
    const later = podStatus({ ...view, pod, nowMs: NOW_MS + 60_000 }, pod, host);
    assert.deepEqual(later.conditions, first.conditions);
  });

  test("says how long a crashing container waits, and how it ended", () => {
    const [app] =
      podStatus(podView(podObject(), { sandboxes, containers: [crashing] }), podObject(), host).containerStatuses ?? [];
    const message = "back-off 10s restarting failed container=app pod=web_default(u1)";
    assert.deepEqual(app?.state, { waiting: { reason: "CrashLoopBackOff", message } });
    assert.deepEqual([app?.lastState?.terminated?.exitCode, app?.restartCount], [1, 1]);
  });
});
