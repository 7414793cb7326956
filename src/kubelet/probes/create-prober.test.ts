import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Probe } from "#api/kinds/pod/probe.ts";
import { container, instance, podObject } from "../testing/pod-object.ts";
import { createProber, type Probed } from "./create-prober.ts";

const QUICK: Probe = { periodSeconds: 0, failureThreshold: 1, exec: { command: ["check"] } };

function world(spec: Partial<Container>, podMore: Partial<Pod> = {}) {
  const checks: { readonly probe: Probe; done(isSuccess: boolean): void }[] = [];
  let wake: () => void = () => undefined;
  const events: string[] = [];
  const prober = createProber({
    check: (_probed, probe, signal) =>
      new Promise((resolve) => {
        const done = (isSuccess: boolean): void => resolve({ isSuccess, output: "it said no" });
        signal.addEventListener("abort", () => done(false));
        checks.push({ probe, done });
        wake();
      }),
    onChange: () => wake(),
    tell: (_pod, { reason, message }) => events.push(`${reason}: ${message}`),
  });
  const probed: Probed = {
    pod: podObject({}, podMore),
    container: { role: "app", spec: container("app", spec) },
    instance: instance("app"),
    ip: "10.0.0.2",
    isEnding: false,
  };
  return {
    prober,
    probed,
    events,
    /** Of the pending ones. */
    async next(probe: Probe): Promise<(isSuccess: boolean) => void> {
      for (;;) {
        const index = checks.findIndex((each) => each.probe === probe);
        const [found] = index === -1 ? [] : checks.splice(index, 1);
        if (found !== undefined) return found.done;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    pending: () => checks.map(({ probe }) => probe),
    verdicts: () => {
      const { started, ready, unhealthy } = prober.verdicts("u1");
      return { started: started.has("app-0"), ready: ready.has("app-0"), unhealthy: unhealthy.get("app-0")?.probe };
    },
  };
}

const changed = () => new Promise((resolve) => setImmediate(resolve));

suite("createProber", () => {
  test("without probes a container is started and ready", () => {
    const { prober, probed, verdicts } = world({});
    prober.follow("u1", [probed]);
    assert.deepEqual(verdicts(), { started: true, ready: true, unhealthy: undefined });
  });

  test("the startup probe holds the others back until it succeeds", async () => {
    const [startupProbe, livenessProbe, readinessProbe] = [
      { ...QUICK, failureThreshold: 3 },
      { ...QUICK },
      { ...QUICK },
    ];
    const own = world({ startupProbe, livenessProbe, readinessProbe });
    await using _ = own.prober;
    own.prober.follow("u1", [own.probed]);
    (await own.next(startupProbe))(false);
    const again = await own.next(startupProbe);
    assert.deepEqual(own.verdicts(), { started: false, ready: false, unhealthy: undefined });
    assert.deepEqual(own.pending(), []);
    again(true);
    (await own.next(readinessProbe))(true);
    await own.next(livenessProbe);
    await own.next(readinessProbe);
    assert.deepEqual(own.verdicts(), { started: true, ready: true, unhealthy: undefined });
  });

  test("a startup or liveness probe that failed is not asked again: the container is ended for it", async () => {
    for (const kind of ["startup", "liveness"] as const) {
      const probe = { ...QUICK, terminationGracePeriodSeconds: 7 };
      const own = world({ [`${kind}Probe`]: probe });
      own.prober.follow("u1", [own.probed]);
      (await own.next(probe))(false);
      await changed();
      assert.equal(own.verdicts().unhealthy, kind);
      assert.equal(own.prober.verdicts("u1").unhealthy.get("app-0")?.graceSeconds, 7);
      assert.match(own.events[0] ?? "", /^Unhealthy: (Startup|Liveness) probe failed: it said no$/);
      await own.prober[Symbol.asyncDispose]();
      assert.deepEqual(own.pending(), []);
    }
  });

  test("what the kubelet before this one had found of the same run holds until the next check", async () => {
    const [startupProbe, readinessProbe] = [{ ...QUICK }, { ...QUICK }];
    const status = (id: string) => ({
      status: {
        containerStatuses: [
          {
            name: "app",
            containerID: `containerd://${id}`,
            started: true,
            ready: true,
            image: "",
            imageID: "",
            restartCount: 0,
          },
        ],
      },
    });
    const same = world({ startupProbe, readinessProbe }, status("app-0"));
    await using _same = same.prober;
    same.prober.follow("u1", [same.probed]);
    assert.deepEqual(same.verdicts(), { started: true, ready: true, unhealthy: undefined });
    const answer = await same.next(readinessProbe);
    answer(false);
    await changed();
    assert.equal(same.verdicts().ready, false);
    const other = world({ startupProbe, readinessProbe }, status("another"));
    await using _other = other.prober;
    other.prober.follow("u1", [other.probed]);
    assert.deepEqual(other.verdicts(), { started: false, ready: false, unhealthy: undefined });
  });

  test("while its pod is being deleted only readiness is asked", async () => {
    const [livenessProbe, readinessProbe] = [{ ...QUICK }, { ...QUICK }];
    const own = world({ livenessProbe, readinessProbe });
    await using _ = own.prober;
    own.prober.follow("u1", [own.probed]);
    await own.next(livenessProbe);
    (await own.next(readinessProbe))(true);
    own.prober.follow("u1", [{ ...own.probed, isEnding: true }]);
    (await own.next(readinessProbe))(false);
    await own.next(readinessProbe);
    assert.deepEqual(own.pending(), []);
    assert.deepEqual(own.verdicts(), { started: true, ready: false, unhealthy: undefined });
  });
});
