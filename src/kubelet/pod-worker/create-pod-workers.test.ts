/** A deleted pod that waits for the nodes, on a container runtime that knows one container. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { DRAIN_ANNOTATION, DRAIN_PROGRAMMED, DRAINED } from "#api/programmed/drain.ts";
import { CONTAINER_NAME_LABEL } from "../container/sandbox-config.ts";
import { podObject } from "../testing/pod-object.ts";
import { createPodWorkers } from "./create-pod-workers.ts";

function world() {
  const happened: string[] = [];
  const reported = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  let isRunning = true;
  let isReady = true;
  const container = { id: "c0", podSandboxId: "s0", labels: { [CONTAINER_NAME_LABEL]: "app" } };
  const workers = createPodWorkers({
    // Answers hold what is read of them, and no more.
    cri: {
      listPodSandbox: async () => ({
        items: [{ id: "s0", metadata: { attempt: 0 }, state: isReady ? "SANDBOX_READY" : "", createdAt: 0n }],
      }),
      podSandboxStatus: async () => ({ status: { network: { ip: "10.0.0.2", additionalIps: [] } } }),
      listContainers: async () => ({ containers: [container] }),
      containerStatus: async () => ({
        status: {
          ...{ metadata: { name: "app", attempt: 0 }, annotations: {}, exitCode: 0, reason: "", message: "" },
          ...{ state: isRunning ? "CONTAINER_RUNNING" : "CONTAINER_EXITED", imageRef: "", logPath: "" },
          ...{ createdAt: 0n, startedAt: 0n, finishedAt: 0n },
        },
      }),
      stopContainer: async () => {
        happened.push("SIGTERM");
        isRunning = false;
      },
      stopPodSandbox: async () => {
        isReady = false;
      },
    },
    lastWords: async () => "",
    limit: (step: () => Promise<unknown>) => step(),
    files: { removeVolumes: async () => undefined },
    logs: { follow: () => undefined },
    configs: { follow: () => undefined, forget: () => undefined },
    prober: {
      follow: () => undefined,
      verdicts: () => ({ started: new Set(), ready: new Set(), unhealthy: new Map() }),
    },
    settings: { hostIps: [] },
    learn: () => undefined,
    tell: (_pod: Pod, { reason, message }: { readonly reason: string; readonly message: string }) =>
      void happened.push(reason === "NotDrained" ? `${reason}: ${message}` : reason),
    report(_view: unknown, _pod: Pod, isOver: boolean) {
      reported.resolve();
      if (isOver) over.resolve();
    },
    onError: (uid: string, error: unknown) => assert.fail(`${uid}: ${String(error)}`),
  } as never);
  return { workers, happened, reported: reported.promise, over: over.promise };
}

function deleted(graceSeconds: number, status: "True" | "False" | undefined, message = ""): Pod {
  const deleteAt = new Date(Date.now() + graceSeconds * 1000).toISOString().slice(0, 19);
  return podObject(
    {},
    {
      metadata: {
        ...{ name: "web", namespace: "default", uid: "u1" },
        annotations: { [DRAIN_ANNOTATION]: DRAIN_PROGRAMMED },
        deletionTimestamp: `${deleteAt}Z`,
        deletionGracePeriodSeconds: graceSeconds,
      },
      status: { phase: "Running", conditions: status === undefined ? [] : [{ type: DRAINED, status, message }] },
    },
  );
}

suite("createPodWorkers with a pod that is to be drained", () => {
  test("stops it when the nodes have dropped it, and not before", async () => {
    const { workers, happened, reported, over } = world();
    await using _ = workers;
    workers.set(deleted(60, undefined));
    await reported;
    workers.set(deleted(60, "False"));
    assert.deepEqual(happened, []);
    workers.set(deleted(60, "True"));
    await over;
    assert.deepEqual(happened, ["Killing", "SIGTERM"]);
  });

  test("stops it when its time is over, and says which nodes were late", async () => {
    const { workers, happened, over } = world();
    await using _ = workers;
    workers.set(deleted(1, "False", "Not in the kernel of n2"));
    await over;
    assert.deepEqual(happened, [
      "NotDrained: Stopping although nodes may still send connections to it: Not in the kernel of n2",
      "Killing",
      "SIGTERM",
    ]);
  });

  test("does not wait when it has no time", async () => {
    const { workers, happened, over } = world();
    await using _ = workers;
    workers.set(deleted(0, undefined));
    await over;
    assert.deepEqual(happened, ["Killing", "SIGTERM"]);
  });
});
