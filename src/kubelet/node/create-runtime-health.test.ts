import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createRuntimeHealth } from "./create-runtime-health.ts";

async function world() {
  const folder = await mkdtemp(join(tmpdir(), "podwire-health-"));
  const state = { isReady: false, isGone: false };
  let wake: () => void = () => undefined;
  const status = () => ({
    status: {
      conditions: [
        { type: "RuntimeReady", status: true, reason: "", message: "" },
        {
          type: "NetworkReady",
          status: state.isReady,
          reason: "NetworkPluginNotReady",
          message: "cni plugin not initialized",
        },
      ],
    },
    info: {},
  });
  const confDir = join(folder, "net.d");
  const health = await createRuntimeHealth({
    // The client's answer holds no more.
    cri: {
      async status() {
        if (state.isGone) throw new Error("no runtime");
        return status() as never;
      },
    },
    confDir,
    onChange: () => wake(),
    onError: (what, error) => assert.fail(`${what}: ${String(error)}`),
  });
  return {
    health,
    state,
    confDir,
    change: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
    async [Symbol.asyncDispose]() {
      await health[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

suite("createRuntimeHealth", () => {
  test("says why there is no network, and when there is one", async () => {
    await using own = await world();
    const signal = AbortSignal.timeout(10_000);
    assert.equal(
      await own.health.networkProblem(signal),
      "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized",
    );
    own.state.isReady = true;
    assert.equal(await own.health.networkProblem(signal), undefined);
  });

  test("a CNI configuration that comes is noticed, also when the runtime reads it later", async () => {
    await using own = await world();
    await own.health.networkProblem(AbortSignal.timeout(10_000));
    const told = own.change();
    await writeFile(join(own.confDir, "10-net.conf"), "{}");
    await told;
    const again = own.change();
    own.state.isReady = true;
    await again;
  });

  test("a runtime that goes and comes back is noticed", async () => {
    await using own = await world();
    await own.health.networkProblem(AbortSignal.timeout(10_000));
    const gone = own.change();
    own.state.isGone = true;
    own.health.refresh();
    await gone;
    await assert.rejects(own.health.networkProblem(AbortSignal.timeout(10_000)), /no runtime/);
    const back = own.change();
    own.state.isGone = false;
    own.health.refresh();
    await back;
  });
});
