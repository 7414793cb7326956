/** From any state of the runtime, and whatever fails on the way, plans lead to the goal and then stop. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { DRAIN_ANNOTATION, DRAIN_PROGRAMMED } from "#api/programmed/drain.ts";
import { container, instance, NOW_MS, podObject, podView } from "../testing/pod-object.ts";
import { createSimulatedRuntime } from "../testing/simulated-runtime.ts";
import { planPod } from "./plan-pod.ts";
import { emptyMemory, type PodRuntimeState, type PodView } from "./pod-view.ts";

const NAMES = ["one", "proxy", "app", "more"];
const spec = {
  initContainers: [container("one"), container("proxy", { restartPolicy: "Always" as const })],
  containers: [container("app"), container("more")],
};

const sandboxes = fc
  .uniqueArray(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
  .chain((attempts) =>
    fc.tuple(
      ...attempts.map((attempt) =>
        fc
          .boolean()
          .map((isReady) => ({ id: `s${attempt}`, attempt, isReady, createdAtMs: attempt, ips: ["10.0.0.9"] })),
      ),
    ),
  );

const containers = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...NAMES),
    attempt: fc.integer({ min: 0, max: 3 }),
    sandbox: fc.integer({ min: 0, max: 4 }),
    state: fc.constantFrom("created", "running", "exited", "unknown"),
    exitCode: fc.constantFrom(0, 1),
    backOffMs: fc.constantFrom(0, 10_000, 300_000),
    wantedImage: fc.constantFrom("busybox", "nginx", ""),
  } as const),
  { maxLength: 8, selector: ({ name, attempt }) => `${name}-${attempt}` },
);

const worlds = fc.record({
  runtime: fc.tuple(sandboxes, containers).map(
    ([made, found]): PodRuntimeState => ({
      sandboxes: made.toSorted((one, other) => other.attempt - one.attempt),
      containers: found
        .map(({ sandbox, ...rest }) => instance(rest.name, { ...rest, sandboxId: `s${sandbox}` }))
        .toSorted((one, other) => other.attempt - one.attempt),
    }),
  ),
  restartPolicy: fc.constantFrom("Always", "OnFailure", "Never"),
  goal: fc.constantFrom("run", "delete", "drain", "gone"),
  failures: fc.array(fc.boolean(), { maxLength: 20 }),
} as const);

const metadata = { name: "web", namespace: "default", uid: "u1" };
const deletion = { deletionTimestamp: "2030-01-01T00:00:01Z", deletionGracePeriodSeconds: 1 };
const drain = { ...deletion, annotations: { [DRAIN_ANNOTATION]: DRAIN_PROGRAMMED } };

suite("planPod", () => {
  test("reaches the goal from any state", () => {
    fc.assert(
      fc.property(worlds, ({ runtime, restartPolicy, goal, failures }) => {
        const pod = podObject(
          { ...spec, restartPolicy },
          { metadata: { ...metadata, ...(goal === "delete" && deletion), ...(goal === "drain" && drain) } },
        );
        const left = [...failures];
        const simulated = createSimulatedRuntime(runtime, () => left.pop() ?? false);
        const stoppedSandboxes = new Set<string>();
        let nowMs = NOW_MS;
        const view = (): PodView => {
          const base = podView(pod, simulated.state(), { isGone: goal === "gone", nowMs });
          const memory = {
            ...emptyMemory(0),
            stoppedSandboxes,
            started: base.memory.started,
            ready: base.memory.ready,
          };
          return { ...base, memory };
        };
        for (let round = 0; round < 120; round += 1) {
          const { actions, wakeAtMs } = planPod(view());
          if (actions.length === 0 && wakeAtMs === undefined) {
            // An init container that runs is waited for: here it ends well.
            if (simulated.state().containers.some(({ name, state }) => name === "one" && state === "running")) {
              simulated.end("one", 0, nowMs);
              continue;
            }
            requireGoal(goal, restartPolicy, simulated.state());
            return;
          }
          if (actions.length === 0) nowMs = Math.max(nowMs + 1, wakeAtMs ?? 0);
          for (const action of actions) {
            nowMs += 1;
            if (!simulated.apply(action, nowMs)) break;
            if (action.type === "stopSandbox") stoppedSandboxes.add(action.sandboxId);
          }
        }
        assert.fail("120 rounds did not suffice");
      }),
      { numRuns: 1000 },
    );
  });
});

function requireGoal(goal: string, restartPolicy: string, { sandboxes, containers }: PodRuntimeState): void {
  const running = containers.filter(({ state }) => state === "running" || state === "unknown");
  assert.ok(goal !== "run" || containers.every(({ state }) => state !== "unknown"), "nothing is lost sight of");
  if (goal === "gone") assert.deepEqual([sandboxes, containers], [[], []]);
  if (goal === "delete" || goal === "drain")
    assert.deepEqual([sandboxes.filter(({ isReady }) => isReady), running], [[], []]);
  if (goal !== "run") return;
  const ready = sandboxes.filter(({ isReady }) => isReady);
  assert.ok(ready.length <= 1, "one sandbox at most");
  for (const each of running) assert.equal(each.sandboxId, ready[0]?.id, "all in the current sandbox");
  if (restartPolicy !== "Always") return;
  const names = running.map(({ name }) => name).toSorted();
  assert.deepEqual(
    names.filter((name) => name !== "one"),
    ["app", "more", "proxy"],
  );
}
